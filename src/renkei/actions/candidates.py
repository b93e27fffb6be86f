"""名寄せの候補: who might be the same person as another of one's own patients, and who is known not to be."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access.actor import Organization
from renkei.access.audit import Asked
from renkei.access.gate import authorize, authorize_ledger, authorize_two, show_ledger
from renkei.access.policy import Tie
from renkei.access.scan import reach_page
from renkei.database import Row, Transaction
from renkei.errors import Conflict
from renkei.schemas.answers import rfc3339
from renkei.schemas.candidates import CAUSES, Distinction, DuplicateQuery, Score, decision, require_other, score, wanted
from renkei.schemas.paging import decode_cursor, page, page_of
from renkei.store import changes, links, organizations, patients
from renkei.vocabulary import Group, Permission

MOST = 50
"""Candidates at most: more of them would say that the keys are of no use for this person."""


async def list_candidates(tx: Transaction, asked: Asked, patient_id: UUID) -> dict[str, Any]:
    """Patients of one's own teams that might be this one, the likeliest first; without those decided about."""
    grant = await authorize(tx, asked, Permission.candidate_read, patient_id, (Group.person,))
    person = (await patients.load_persons(tx, [grant]))[patient_id]
    decided, looked_for = await links.load_decisions(tx, grant), wanted(patient_id, person)
    settled = {other for other, row in decided.items() if row.verdict == "distinct"} | set(grant.patient_ids)

    async def pick(tied: Sequence[Tie]) -> Sequence[Tie]:
        found = await links.find_candidates(tx, asked, [id_ for tie in tied for id_ in tie.patient_ids], looked_for)
        return [tie for tie in tied if found.intersection(tie.patient_ids) and settled.isdisjoint(tie.patient_ids)]

    grants, _ = await reach_page(tx, asked, Permission.candidate_read, None, MOST, pick)
    others = await patients.load_persons(tx, grants)
    scored = [(score(person, other), id_, other) for id_, other in others.items()]
    listed = sorted((one for one in scored if one[0].listed), key=lambda one: (-one[0].points, one[1]))
    return page([_shown(*one) for one in listed], None)


async def distinguish_patient(
    tx: Transaction, asked: Asked, patient_id: UUID, distinction: Distinction
) -> tuple[int, dict[str, Any]]:
    """Remember that two are not the same person: they are no candidates of one another any more. Again: 200."""
    require_other(patient_id, distinction.patient_id)
    one, other = await authorize_two(tx, asked, Permission.patient_distinguish, patient_id, distinction.patient_id)
    links.lock_all(tx, one, [*one.patient_ids, *other.patient_ids])
    stands = (await links.load_decisions(tx, one)).get(other.patient_id)
    if other.patient_id in one.patient_ids:
        raise Conflict("linked", LINKED)
    new = stands is None or stands.verdict != "distinct"
    if new:
        links.insert_decision(tx, one, other, "distinct", distinction.reason)
        changes.announce(tx, one)
        changes.announce(tx, other)
        stands = (await links.load_decisions(tx, one))[other.patient_id]
    return (201 if new else 200), decision(stands)


async def list_possible_duplicates(tx: Transaction, asked: Asked, query: DuplicateQuery) -> dict[str, Any]:
    """Pairs that share an insured number, for the administrator: ids and why, whose teams to ask, nothing of the people."""
    ledger = await authorize_ledger(tx, asked, Permission.possible_duplicate_read)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    rows = await links.load_possible_duplicates(tx, ledger, query.state == "decided", after, query.limit)
    ids = {id_ for row in rows for id_ in (*row.organizations, *row.other_organizations)}
    offices = await organizations.load_some(tx, sorted(ids))
    told = [id_ for row in rows[: query.limit] for id_ in (row.patient_id, row.other_patient_id)]
    show_ledger(tx, ledger, told, {"state": query.state})
    return page_of(rows, query.limit, lambda row: _pair(row, offices), lambda row: (row.noticed_at, row.id))


def _shown(found: Score, patient_id: UUID, person: dict[str, Any]) -> dict[str, Any]:
    return {"patient": {"id": str(patient_id), **person}, **found.as_json()}


def _pair(row: Row, offices: Mapping[UUID, Organization]) -> dict[str, Any]:
    cause = CAUSES["number_equal"]
    sides = [
        {"patient_id": str(id_), "care_team": [offices[office].reference for office in ids]}
        for id_, ids in ((row.patient_id, row.organizations), (row.other_patient_id, row.other_organizations))
    ]
    reason = {"code": "number_equal", "text_ja": cause.ja, "text_en": cause.en}
    decided = {"verdict": row.verdict, "decided_at": rfc3339(row.decided_at)} if row.verdict else None
    return {"patients": sides, "noticed_at": rfc3339(row.noticed_at), "reasons": [reason], "decision": decided}


LINKED = (
    "二人は同一人物として結び付けられています。先に結び付きを解いてください",
    "The two are linked as one person: part them first",
)
