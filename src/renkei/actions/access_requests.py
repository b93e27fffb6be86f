"""閲覧・参加の申請: asking for what was refused; the team, or the administrator, approves by granting it, or refuses."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from renkei.access import reach
from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize, authorize_ledger, show_ledger
from renkei.access.policy import Tie
from renkei.access.refusals import NO_OFFICE, own_matter
from renkei.access.scan import reach_page
from renkei.catalogue import load_catalogue
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from renkei.ids import now
from renkei.schemas.access_requests import AccessRequestIn, Approval, RequestQuery
from renkei.schemas.answers import rfc3339
from renkei.schemas.consents import ConsentIn
from renkei.schemas.dates import tokyo_day
from renkei.schemas.paging import Page, decode_cursor, encode_cursor, page, page_of
from renkei.store import access_requests, care_teams, changes, consents, organizations, retries
from renkei.vocabulary import ActorKind, ConsentSubject, Permission, Profession, Reason, Tier, Wants


async def submit_access_request(
    tx: Transaction, asked: Asked, patient_id: UUID, request: AccessRequestIn
) -> tuple[int, dict[str, Any]]:
    """Ask those responsible for the patient. While the same stands open: 200 and that one. Retried: what became of it."""
    done = await retries.find_done(tx, asked)
    grant = await authorize(tx, asked, Permission.access_request_submit, patient_id)
    if done is not None:
        return done.status, _shown(await access_requests.load_request(tx, grant, done.made_id))
    row, new = await access_requests.submit_request(tx, grant, request)
    if new:
        changes.announce(tx, grant, row.id)
    status = 201 if new else 200
    retries.note_done(tx, grant, status, row.id)
    return status, _shown(row)


async def list_access_requests(tx: Transaction, asked: Asked, patient_id: UUID, query: Page) -> dict[str, Any]:
    """Every request about this patient, newest first, with its answer; who may only ask sees its own organization's."""
    try:
        grant, of = await authorize(tx, asked, Permission.access_request_read, patient_id), None
    except Forbidden:
        # Who may ask may look what became of it.
        grant = await authorize(tx, asked, Permission.access_request_submit, patient_id)
        of = grant.organization_id
    after = decode_cursor(query.after, datetime.fromisoformat, UUID)
    rows = await access_requests.load_page(tx, grant, of, after, query.limit)
    return page_of(rows, query.limit, _shown, lambda row: (row.requested_at, row.id))


async def queue_access_requests(tx: Transaction, asked: Asked, query: RequestQuery) -> dict[str, Any]:
    """What waits for an answer, or has had it: of the patients of one's own teams, or of all by office. Patient by patient."""
    last = decode_cursor(query.after, UUID)
    after = last[0] if last else None
    if asked.actor.in_care:

        async def pick(tied: Sequence[Tie]) -> Sequence[Tie]:
            ids = [id_ for tie in tied for id_ in tie.patient_ids]
            wanted = await access_requests.patients_with(tx, asked, ids, query.state)
            return [tie for tie in tied if wanted.intersection(tie.patient_ids)]

        grants, following = await reach_page(tx, asked, Permission.access_request_read, after, query.limit, pick)
        rows = await access_requests.load_of(
            tx, grants, [id_ for grant in grants for id_ in grant.patient_ids], query.state
        )
    else:
        ledger = await authorize_ledger(tx, asked, Permission.access_request_read)
        ids = await access_requests.all_patients_with(tx, ledger, query.state, after, query.limit)
        ids, following = ids[: query.limit], ids[query.limit - 1] if len(ids) > query.limit else None
        rows = await access_requests.load_of(tx, ledger, ids, query.state)
        show_ledger(tx, ledger, ids, {"state": query.state})
    return page([_shown(row) for row in rows], encode_cursor(following) if following else None)


async def approve_access_request(
    tx: Transaction, asked: Asked, patient_id: UUID, request_id: UUID, approval: Approval
) -> tuple[int, dict[str, Any]]:
    """Grant what was asked for and say so, once. Sent again: 200 and the first answer."""
    grant = await authorize(tx, asked, Permission.access_request_approve, patient_id)
    row = await _decidable(tx, grant, request_id)
    if row.state == "refused":
        raise Conflict("already_decided", ALREADY_DECIDED)
    if row.decided:
        return 200, _shown(row)
    _require_fitting(Wants(row.wants), approval)
    there = grant.under(row.patient_id)
    if approval.place is not None:
        given, _ = await care_teams.give_place(tx, there, row.organization_id, approval.place)
        for place in given:
            # A change of its own, of whom the feed tells those who follow the team; the rule is the same.
            changes.announce(tx, replace(place, permission=Permission.care_team_place))
    if approval.consent is not None:
        await _record_consent(tx, there, row, approval.consent)
    changes.announce(tx, there, request_id)
    return 201, _shown(await access_requests.decide(tx, grant, row, True, approval.comment))


async def refuse_access_request(
    tx: Transaction, asked: Asked, patient_id: UUID, request_id: UUID, comment: str
) -> tuple[int, dict[str, Any]]:
    """Refuse it and say why, once; a request to join ends with it, and the tie that asking made. Sent again: 200."""
    grant = await authorize(tx, asked, Permission.access_request_refuse, patient_id)
    row = await _decidable(tx, grant, request_id)
    if row.state == "approved":
        raise Conflict("already_decided", ALREADY_DECIDED)
    if row.state == "refused":
        return 200, _shown(row)
    changes.announce(tx, grant.under(row.patient_id), request_id)
    return 201, _shown(await access_requests.decide(tx, grant, row, False, comment))


async def _decidable(tx: Transaction, grant: Grant, request_id: UUID) -> Row:
    """A request this actor may decide on: not its own organization's, and the permission table is the administrator's."""
    row = await access_requests.load_request(tx, grant, request_id)
    if row is None:
        raise NotFound
    if row.organization_id == grant.organization_id:
        raise own_matter()
    if row.wants == Wants.permission and grant.asked.actor.kind is not ActorKind.admin:
        raise Forbidden(Reason.not_administrator, "office.platform_admin", "platform_admin", NO_OFFICE)
    return row


def _require_fitting(wants: Wants, approval: Approval) -> None:
    """Approving is granting: it carries what the request wants, and nothing else."""
    carried = {Wants.care_team: "place", Wants.consent: "consent", Wants.permission: "comment"}[wants]
    given = {name for name in ("place", "consent", "comment") if getattr(approval, name) is not None}
    found = [Fault(f"/{name}", None, "unknown") for name in sorted(given - {carried, "comment"})]
    if carried not in given:
        found.append(Fault(f"/{carried}", None, "required"))
    if found:
        raise Invalid(found)


async def _record_consent(tx: Transaction, grant: Grant, request: Row, consent: ConsentIn) -> None:
    """Keep the consent the patient has given to this request; it must open what was asked for, now."""
    await _require_sound(tx, consent)
    consent_id = consents.insert_consent(tx, grant, consent)
    (tie,), _ = await reach.ties(tx, [(request.patient_id, request.organization_id)])
    if found := _uncovered(tie, request):
        raise Invalid(found)
    changes.announce(tx, replace(grant, permission=Permission.consent_record), consent_id)


async def _require_sound(tx: Transaction, consent: ConsentIn) -> None:
    """As for every consent, but that changing an older one with it has a route of its own."""
    found = [Fault("/consent/replaces", None, "unknown")] if consent.replaces else []
    if consent.given_on > tokyo_day(now()):
        found.append(Fault("/consent/given_on", None, "future"))
    found += await organizations.unknown_recipients(tx, consent.recipients, under="/consent")
    if found:
        raise Invalid(found)


def _uncovered(tie: Tie, request: Row) -> list[Fault]:
    """What was asked for and no consent of the patient opens to the asking organization now: one fault for each.

    Tiers are the patient's to choose. A request by a system names no profession, so any may be meant.
    """
    profession = Profession(request.requested_by["profession"])
    standing = [
        consent
        for consent in tie.consents
        if not consent.withdrawn
        and consent.about is ConsentSubject.patient
        and (profession is Profession.system or consent.covers(profession))
    ]
    opened = frozenset[tuple[str, str]]().union(*(consent.columns for consent in standing))
    found = [
        Fault(f"/consent/groups/{group}", None, "required")
        for group in request.groups
        if not opened & {(group, tier) for tier in Tier}
    ]
    items = load_catalogue().items
    for code in request.restricted:
        column = (items[code].group, items[code].tier)
        if not any(code in consent.restricted and column in consent.columns for consent in standing):
            found.append(Fault(f"/consent/restricted/{code}", code, "required"))
    return found


def _shown(row: Row) -> dict[str, Any]:
    shown = {
        "id": str(row.id),
        "patient_id": str(row.patient_id),
        "organization": {"id": str(row.organization_id), "code": row.code, "name": row.name, "kind": row.kind},
        "wants": row.wants,
        "by": "registration" if row.part else "request",
        "groups": row.groups,
        "restricted": row.restricted,
        "reason": row.reason,
        "requested_by": row.requested_by,
        "requested_at": rfc3339(row.requested_at),
        "state": row.state,
        "decision": None,
    }
    if row.part:
        shown["part"] = row.part
    if row.decided:
        said = {"comment": row.comment, "decided_by": row.decided_by, "decided_at": rfc3339(row.decided_at)}
        shown["decision"] = {"approved": row.state == "approved", **said}
    return shown


ALREADY_DECIDED = ("既に反対の回答がされています", "Already decided the other way")
