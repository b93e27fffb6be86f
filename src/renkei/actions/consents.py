"""同意: recorded, changed, listed, withdrawn whole or in part; and each of these tried beforehand (事前確認)."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.access.sight import Sight, differences, sight
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Invalid, NotFound
from renkei.ids import now
from renkei.schemas.answers import rfc3339
from renkei.schemas.consents import ConsentIn
from renkei.schemas.dates import tokyo_day
from renkei.schemas.paging import Page, decode_cursor, page_of
from renkei.schemas.withdrawals import ConsentWithdrawal, Only, WithdrawalPreview, rest, uncovered
from renkei.store import changes, consents, organizations, retries
from renkei.vocabulary import Permission

REPLACED = "新しい同意に置き換え"
"""The reason of a withdrawal that is one half of a change."""


async def record_consent(tx: Transaction, asked: Asked, patient_id: UUID, consent: ConsentIn) -> dict[str, Any]:
    """Keep a consent; it decides from this moment, and what it replaces no longer does. Retried: the one recorded first."""
    if (done := await retries.find_done(tx, asked)) is None:
        await _require_sound(tx, consent)
    grant = await authorize(tx, asked, Permission.consent_record, patient_id, consent.groups)
    if done is not None:
        return _shown(await consents.load_consent(tx, grant, done.made_id))
    consent_id = await _record(tx, grant, consent)
    changes.announce(tx, grant, consent_id)
    retries.note_done(tx, grant, 201, consent_id)
    return _shown(await consents.load_consent(tx, grant, consent_id))


async def list_consents(tx: Transaction, asked: Asked, patient_id: UUID, query: Page) -> dict[str, Any]:
    """All consents ever recorded, newest first, with their withdrawals."""
    grant = await authorize(tx, asked, Permission.consent_read, patient_id)
    rows = await consents.load_page(tx, grant, decode_cursor(query.after, datetime.fromisoformat, UUID), query.limit)
    return page_of(rows, query.limit, _shown, lambda row: (row.recorded_at, row.id))


async def withdraw_consent(
    tx: Transaction, asked: Asked, patient_id: UUID, consent_id: UUID, withdrawal: ConsentWithdrawal
) -> tuple[int, dict[str, Any]]:
    """Withdraw a consent, or a part of it; effective at once. The same sent again: the first answer."""
    grant = await authorize(tx, asked, Permission.consent_withdraw, patient_id)
    row = await _locked(tx, grant, consent_id)
    new = row.withdrawn_at is None
    if new:
        await _withdraw(tx, grant, row, withdrawal.only, withdrawal.reason)
        changes.announce(tx, grant.under(row.patient_id), consent_id)
        row = await _locked(tx, grant, consent_id)
    successor = await consents.load_consent(tx, grant, row.replaced_by) if row.replaced_by else None
    if not new and not _is_repeat(row, successor, withdrawal):
        raise Conflict("already_withdrawn", ALREADY_WITHDRAWN)
    shown = _shown(row) | ({"replaced_by": _shown(successor)} if successor else {})
    return (201 if new else 200), shown


async def preview_consent(tx: Transaction, asked: Asked, patient_id: UUID, consent: ConsentIn) -> dict[str, Any]:
    """Who would see what if this consent were recorded; nothing of it is kept but that it was asked."""
    await _require_sound(tx, consent)
    grant = await authorize(tx, asked, Permission.consent_preview, patient_id)
    # One that begins later is tried as if the day had come: it has been given, so it may count from then.
    begun = consent.model_copy(update={"valid_from": min(consent.valid_from, consent.given_on)})
    day = max(consent.valid_from, tokyo_day(now()))
    return await _previewed(tx, grant, day, lambda: _record(tx, grant, begun))


async def preview_consent_withdrawal(
    tx: Transaction, asked: Asked, patient_id: UUID, consent_id: UUID, withdrawal: WithdrawalPreview
) -> dict[str, Any]:
    """Who would see what if this were withdrawn; nothing of it is kept but that it was asked."""
    grant = await authorize(tx, asked, Permission.consent_preview, patient_id)
    row = await _locked(tx, grant, consent_id)
    if row.withdrawn_at is not None:
        raise Conflict("already_withdrawn", ALREADY_WITHDRAWN)
    withdrawn = withdrawal.reason or REPLACED
    return await _previewed(tx, grant, tokyo_day(now()), lambda: _withdraw(tx, grant, row, withdrawal.only, withdrawn))


async def _require_sound(tx: Transaction, consent: ConsentIn) -> None:
    """What only the clock and the list of organizations know of a consent. No patient is asked about yet."""
    found, today = list[Fault](), tokyo_day(now())
    if consent.given_on > today:
        found.append(Fault("/given_on", None, "future"))
    if consent.replaces and consent.valid_from > today:
        # The old one would end now and nothing stand until then.
        found.append(Fault("/valid_from", None, "future"))
    found += await organizations.unknown_recipients(tx, consent.recipients)
    if found:
        raise Invalid(found)


async def _record(tx: Transaction, grant: Grant, consent: ConsentIn) -> UUID:
    """A new consent, and in the same moment the end of those it replaces."""
    replaced = await consents.load_locked(tx, grant, consent.replaces) if consent.replaces else {}
    if unknown := [place for place, id_ in enumerate(consent.replaces) if id_ not in replaced]:
        raise Invalid([Fault(f"/replaces/{place}", None, "unknown") for place in unknown])
    if any(row.withdrawn_at is not None for row in replaced.values()):
        raise Conflict("already_withdrawn", REPLACED_ALREADY)
    consent_id = consents.insert_consent(tx, grant, consent)
    for old in consent.replaces:
        consents.withdraw_consent(tx, grant.under(replaced[old].patient_id), old, REPLACED, consent_id)
    return consent_id


async def _withdraw(tx: Transaction, grant: Grant, row: Row, only: Only | None, reason: str) -> None:
    """The end of a consent, and in the same moment the beginning of what is left of it, if anything is."""
    consent = ConsentIn.model_validate(row.body)
    if only and (found := uncovered(consent, only, await _members(tx, grant, only.organizations))):
        raise Invalid(found)
    left, there = rest(consent, only), grant.under(row.patient_id)
    successor = consents.insert_consent(tx, there, _following(left, row)) if left else None
    consents.withdraw_consent(tx, there, row.id, reason, successor)


async def _members(tx: Transaction, grant: Grant, ids: list[UUID]) -> list[UUID]:
    """Those with a place in the team, also one that has ended or is to come: the team changes, a wish stays."""
    ties, _ = await reach.ties(tx, [(grant.patient_id, id_) for id_ in ids]) if ids else ([], 0)
    return [tie.organization_id for tie in ties if tie.was_in_team]


async def _locked(tx: Transaction, grant: Grant, consent_id: UUID) -> Row:
    found = await consents.load_locked(tx, grant, [consent_id])
    if consent_id not in found:
        raise NotFound
    return found[consent_id]


def _is_repeat(row: Row, successor: Row | None, withdrawal: ConsentWithdrawal) -> bool:
    """Whether this withdrawal is what has been done: for the same reason, with the same terms left."""
    left = rest(ConsentIn.model_validate(row.body), withdrawal.only)
    terms = _following(left, row).as_json() if left else None
    return bool(row.withdrawal_reason == withdrawal.reason and terms == (successor and successor.body))


def _following(left: ConsentIn, row: Row) -> ConsentIn:
    return left.model_copy(update={"replaces": [row.id]})


async def _previewed(tx: Transaction, grant: Grant, day: date, act: Callable[[], Awaitable[object]]) -> dict[str, Any]:
    """The very act, seen by the very function that decides, and undone."""
    before = await sight(tx, grant)
    async with tx.undone():
        await act()
        after = await sight(tx, grant)
    return {
        "patient_id": str(grant.patient_id),
        "permission_table": after.table.version,
        "effective_from": day.isoformat(),
        "items": await _differing(tx, before, after),
    }


async def _differing(tx: Transaction, before: Sight, after: Sight) -> list[dict[str, Any]]:
    found = list(differences(before, after))
    named = await organizations.load_some(tx, [id_ for id_, _ in found])
    return [
        {
            "organization": named[id_].as_json(),
            "basis": {"now": sorted(before.bases(id_)), "after": sorted(after.bases(id_))},
            "professions": [row.as_json() for row in rows],
        }
        for id_, rows in found
    ]


def _shown(row: Row) -> dict[str, Any]:
    optional = {
        "withdrawn_at": row.withdrawn_at and rfc3339(row.withdrawn_at),
        "withdrawal_reason": row.withdrawal_reason,
        "replaced_by": row.replaced_by and str(row.replaced_by),
        "evidence": row.evidence or None,
    }
    shown = {"id": str(row.id), **row.body, "recorded_at": rfc3339(row.recorded_at)}
    return shown | {name: value for name, value in optional.items() if value is not None}


ALREADY_WITHDRAWN = (
    "別の理由または範囲で既に撤回されています",
    "Already withdrawn, for another reason or to another extent",
)
REPLACED_ALREADY = ("置き換える同意は既に撤回されています", "A consent to be replaced is withdrawn already")
