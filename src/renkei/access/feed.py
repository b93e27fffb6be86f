"""Which lines of the feed (更新情報) an organization may read now: each as the thing it tells of is read. No SQL."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from renkei.access import reach
from renkei.access.actor import Organization
from renkei.access.audit import Asked, Told
from renkei.access.gate import Grant, authorize_page
from renkei.access.policy import Consent, Rights, Tie, View, view
from renkei.access.rules import CHANGE_READ_AS, RECORDS_READ, RULES
from renkei.catalogue import load_catalogue
from renkei.database import Row, Transaction
from renkei.vocabulary import Permission, Profession

OF_A_PART = frozenset({Permission.attachment_add, Permission.attachment_withdraw})
"""Kinds of things each of which lies in one part, and is hidden with it: not even that there is one may be told."""


class FeedReader:
    """An organization that reads the feed in one transaction: reach is asked once about each patient it comes across."""

    def __init__(self, tx: Transaction, asked: Asked, organization: Organization) -> None:
        self._tx, self._asked, self._organization = tx, asked, organization
        self._ties: dict[UUID, Tie] = {}
        self._views: dict[tuple[tuple[Consent, ...], frozenset[str]], View] = {}
        self._version, self._rights = 0, Rights(frozenset(), frozenset(), False)

    async def readable(self, lines: Sequence[Row]) -> list[Row]:
        """Those of the lines that may be shown; lines: with patient_id, kind, organization_id."""
        await self._ask_reach(line.patient_id for line in lines)
        theirs = [line for line in lines if line.kind in OF_A_PART and line.organization_id != self._organization.id]
        asked = [(line.patient_id, line.change_id) for line in theirs]
        parts = await reach.attachment_parts(self._tx, asked) if asked else {}
        return [line for line in lines if self._may_read(line, parts.get(line.change_id))]

    async def open(self, patient_ids: Iterable[UUID], told: Told = None) -> list[Grant]:
        """Grants for the patients of one page, an audit event for each."""
        ties, act = (
            [self._ties[patient_id] for patient_id in dict.fromkeys(patient_ids)],
            Permission(self._asked.action),
        )
        return await authorize_page(self._tx, self._asked, act, ties, self._version, (), told)

    async def _ask_reach(self, patient_ids: Iterable[UUID]) -> None:
        new = [patient_id for patient_id in dict.fromkeys(patient_ids) if patient_id not in self._ties]
        if not new:
            return
        ties, self._version = await reach.ties(self._tx, [(id_, self._organization.id) for id_ in new])
        self._rights = (await reach.permission_table(self._tx, self._version)).rights(self._asked.actor)
        self._ties |= {tie.patient_id: tie for tie in ties}

    def _may_read(self, line: Row, part: str | None) -> bool:
        tie, mine = self._ties[line.patient_id], line.organization_id == self._organization.id
        seen = View() if mine else self._view(tie)
        return may_read(line.kind, tie, self._rights, seen, self._asked.actor.profession, mine=mine, part=part)

    def _view(self, tie: Tie) -> View:
        # A thousand patients have a few patterns of consent between them, and a view is the dearest part of a line.
        pattern = (tuple(tie.consents), tie.emergency)
        if pattern not in self._views:
            self._views[pattern] = view(self._rights, tie, self._asked.actor.profession, load_catalogue())
        return self._views[pattern]


def may_read(
    kind: str,
    tie: Tie,
    rights: Rights,
    seen: View,
    profession: Profession | None,
    *,
    mine: bool,
    part: str | None = None,
) -> bool:
    """Whether a line of this kind may be shown; mine: it tells of what one's own organization did. part: in which part lies
    what it tells of, for kinds of OF_A_PART (of which ``reach.attachment_parts`` tells); unknown, it is not shown. Pure."""
    bases = tie.bases(profession)
    if not bases or kind not in CHANGE_READ_AS:
        return False
    if mine:
        return True
    if kind in OF_A_PART:
        return part is not None and seen.shows(part, mine=False)
    permission = CHANGE_READ_AS[Permission(kind)]
    if permission in RECORDS_READ:
        return seen.shares(RECORDS_READ[permission].groups)
    rule = RULES[permission]
    known = tie.knows_person(profession) or not rule.knows_person
    return rule.has_right(rights) and known and (rule.ties is None or bool(bases & rule.ties))
