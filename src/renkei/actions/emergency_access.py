"""緊急閲覧: reading without consent to protect life, with a reason, for hours; reviewed afterwards by the team."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import authorize, authorize_emergency, authorize_ledger, may_break_glass, show_ledger
from renkei.access.policy import Tie
from renkei.access.refusals import not_own_record, own_matter
from renkei.access.scan import reach_page
from renkei.database import Row, Transaction
from renkei.errors import Conflict, NotFound, TooManyRequests
from renkei.schemas.answers import rfc3339
from renkei.schemas.care_teams import EmergencyIn
from renkei.schemas.emergencies import EmergencyQuery, EmergencySearch, Review
from renkei.schemas.paging import Page, decode_cursor, encode_cursor, page, page_of
from renkei.store import changes, emergencies, retries
from renkei.vocabulary import Permission

RETRY_SECONDS = 600
"""When to try again after too many searches: by then some of the last hour's have left the hour."""


async def open_emergency_access(
    tx: Transaction, asked: Asked, patient_id: UUID, emergency: EmergencyIn
) -> dict[str, Any]:
    """Open these groups to the caller's organization, for professions that may read them; announced to the team.

    Retried: what was opened first, until when it was.
    """
    return await _opened(tx, asked, patient_id, emergency, "id", await retries.find_done(tx, asked))


async def _opened(
    tx: Transaction, asked: Asked, patient_id: UUID, emergency: EmergencyIn, found_by: str, done: Row | None
) -> dict[str, Any]:
    grant = await authorize_emergency(tx, asked, patient_id)
    row = await emergencies.load_emergency(tx, grant, done.made_id) if done else None
    if row is None:
        row = await emergencies.insert_emergency(tx, grant, emergency, found_by)
        changes.announce(tx, grant, row.id)
        retries.note_done(tx, grant, 201, row.id)
    times = {"opened_at": rfc3339(row.opened_at), "expires_at": rfc3339(row.expires_at)}
    return {"id": str(row.id), "reason": emergency.reason, "groups": list(emergency.groups), **times}


async def search_emergency_access(
    tx: Transaction, asked: Asked, search: EmergencySearch, most_per_hour: int
) -> dict[str, Any]:
    """The same for somebody whose id is not known: who is told of must be exactly one, or nobody is found.

    The right comes first, so that a refusal tells nothing. most_per_hour: searches of one organization, in vain or not;
    requests racing at once may overshoot it by as many as there are connections. A retry is no search.
    """
    if done := await retries.find_done(tx, asked):
        return await _found(tx, asked, done.patient_id, search, done)
    organization, _ = await may_break_glass(tx, asked)
    if await emergencies.count_searches(tx, asked, organization.id) >= most_per_hour:
        raise TooManyRequests(RETRY_SECONDS, TOO_MANY_SEARCHES)
    found = await emergencies.find(tx, asked, search)
    found = await reach.persons(tx, found) if len(found) > 1 else found
    # Several: none of them may be opened on a guess, and how many there are is nobody's business.
    if len(found) != 1:
        raise NotFound
    return await _found(tx, asked, found[0], search)


async def _found(
    tx: Transaction, asked: Asked, patient_id: UUID, search: EmergencySearch, done: Row | None = None
) -> dict[str, Any]:
    way = "identifier" if search.identifier else "person"
    return {"patient_id": str(patient_id), **await _opened(tx, asked, patient_id, search, way, done)}


async def close_emergency_access(tx: Transaction, asked: Asked, patient_id: UUID, emergency_id: UUID) -> None:
    """Close one's own organization's emergency access before its time."""
    grant = await authorize(tx, asked, Permission.emergency_access_close, patient_id, ())
    row = await emergencies.load_emergency(tx, grant, emergency_id)
    if row is None:
        raise NotFound
    if row.organization_id != grant.organization_id:
        raise not_own_record()
    if row.closed_at is None:
        there = grant.under(row.patient_id)
        emergencies.close_emergency(tx, there, emergency_id)
        changes.announce(tx, there, emergency_id)


async def list_emergency_access(tx: Transaction, asked: Asked, patient_id: UUID, query: Page) -> dict[str, Any]:
    """Every emergency access to this patient ever, newest first, with its review."""
    grant = await authorize(tx, asked, Permission.emergency_access_read, patient_id)
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    rows = await emergencies.load_page(tx, grant, after, query.limit)
    return page_of(rows, query.limit, _shown, lambda row: (row.opened_at, row.id))


async def queue_emergency_access(tx: Transaction, asked: Asked, query: EmergencyQuery) -> dict[str, Any]:
    """What awaits review, or has had it: of the patients of one's own teams, or of all by office. Patient by patient."""
    reviewed, last = query.review == "done", decode_cursor(query.after, UUID)
    after = last[0] if last else None
    if asked.actor.in_care:

        async def pick(tied: Sequence[Tie]) -> Sequence[Tie]:
            ids = [id_ for tie in tied for id_ in tie.patient_ids]
            wanted = await emergencies.patients_with(tx, asked, ids, reviewed)
            return [tie for tie in tied if wanted.intersection(tie.patient_ids)]

        grants, following = await reach_page(tx, asked, Permission.emergency_access_read, after, query.limit, pick)
        rows = await emergencies.load_of(tx, grants, [id_ for grant in grants for id_ in grant.patient_ids], reviewed)
    else:
        ledger = await authorize_ledger(tx, asked, Permission.emergency_access_read)
        ids = await emergencies.all_patients_with(tx, ledger, reviewed, after, query.limit)
        ids, following = ids[: query.limit], ids[query.limit - 1] if len(ids) > query.limit else None
        rows = await emergencies.load_of(tx, ledger, ids, reviewed)
        show_ledger(tx, ledger, ids, {"review": query.review})
    return page([_shown(row) for row in rows], encode_cursor(following) if following else None)


async def review_emergency_access(
    tx: Transaction, asked: Asked, patient_id: UUID, emergency_id: UUID, review: Review
) -> tuple[int, dict[str, Any]]:
    """Close its place in the queue with a finding, once; never by the organization that opened it. Sent again: 200."""
    grant = await authorize(tx, asked, Permission.emergency_access_review, patient_id)
    row, new = await emergencies.review_emergency(tx, grant, emergency_id, review)
    if row is None:
        raise NotFound
    if row.organization_id == grant.organization_id:
        raise own_matter()
    if new:
        changes.announce(tx, grant.under(row.patient_id), emergency_id)
    elif (row.finding, row.comment) != (review.finding, review.comment):
        raise Conflict("already_reviewed", ALREADY_REVIEWED)
    return (201 if new else 200), _shown(row)


def _shown(row: Row) -> dict[str, Any]:
    shown = {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "organization": {"id": str(row.organization_id), "code": row.code, "name": row.name, "kind": row.kind},
        "reason": row.reason,
        "groups": row.groups,
        "opened_by": row.opened_by,
        "opened_at": rfc3339(row.opened_at),
        "expires_at": rfc3339(row.expires_at),
        "open": row.open,
        "review": None,
    }
    if row.closed_at is not None:
        shown["closed_at"] = rfc3339(row.closed_at)
    if row.reviewed:
        said = {"finding": row.finding, "comment": row.comment}
        shown["review"] = {**said, "reviewed_by": row.reviewed_by, "reviewed_at": rfc3339(row.reviewed_at)}
    return shown


TOO_MANY_SEARCHES = (
    "この1時間に探せる回数を超えました。利用者の id が分かれば、その id から開けます",
    "Your organization has searched too often this hour; with the patient's id you can open without a search",
)
ALREADY_REVIEWED = ("別の結果・所見で既に検証されています", "Already reviewed, with another finding or comment")
