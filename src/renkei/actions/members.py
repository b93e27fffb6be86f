"""職員の管理: invited, moved to another post, helped and ended by the organization's administrator, or by the platform's."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.gate import authorize_service
from renkei.access.refusals import NO_OFFICE
from renkei.access.service import Service
from renkei.database import Row, Transaction
from renkei.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from renkei.schemas.answers import rfc3339
from renkei.schemas.members import MemberEnd, MemberIn, MemberQuery, Post, StaffListQuery, member_shown
from renkei.schemas.paging import decode_cursor, page_of
from renkei.schemas.people import ALPHABET, ONE_TIME_LETTERS, grouped, login_of
from renkei.schemas.staff_list import read_staff_list
from renkei.store import invitations, members, organizations, second_factors
from renkei.store.members import Who
from renkei.vocabulary import Permission, Reason


async def list_members(tx: Transaction, asked: Asked, query: MemberQuery) -> dict[str, Any]:
    """Newest first, ended ones too. An organization's administrator sees its own."""
    await authorize_service(tx, asked, Permission.member_read)
    own = _own(asked)
    if own is not None and query.organization not in (None, own):
        raise _not_own()
    before = decode_cursor(query.after, UUID)
    found = await members.load_page(tx, own or query.organization, query.name, query.state, before, query.limit)
    return page_of(found, query.limit, member_shown, lambda row: (row.id,))


async def require_administrator(tx: Transaction, asked: Asked) -> None:
    """For a page that shows nobody yet and only asks for a list. Raises Forbidden."""
    await authorize_service(tx, asked, Permission.member_read)


async def read_member(tx: Transaction, asked: Asked, member_id: UUID) -> dict[str, Any]:
    """One post, of one's own organization."""
    await authorize_service(tx, asked, Permission.member_read)
    member = await members.load_one(tx, member_id, _own(asked))
    if member is None:
        raise NotFound
    return member_shown(member)


async def invite_member(tx: Transaction, asked: Asked, service: Service, said: MemberIn) -> dict[str, Any]:
    """A post, and the link by which its holder takes it: shown in this answer and never again."""
    await authorize_service(tx, asked, Permission.member_invite)
    organization, email = await _organization(tx, asked, said.organization_id), login_of(said.email)
    if (email, said.office, said.profession) in await members.load_standing(tx, organization):
        raise Conflict("already_member", ALREADY)
    told = said.model_dump(mode="json", exclude_none=True) | {"organization_id": str(organization), "email": email}
    event = asked.served(tx, told)
    return await _with_link(tx, service, _insert(tx, organization, said, event), "join", event)


async def import_members(
    tx: Transaction, asked: Asked, service: Service, query: StaffListQuery, raw: bytes
) -> tuple[int, dict[str, Any]]:
    """A staff list: each post that does not stand yet is made, with its link. A dry run tells what would be made: 200."""
    await authorize_service(tx, asked, Permission.member_import)
    organization = await _organization(tx, asked, query.organization)
    listed, standing = read_staff_list(raw), await members.load_standing(tx, organization)
    new = [one for one in listed if (login_of(one.email), one.office, one.profession) not in standing]
    told = {"organization_id": str(organization), "listed": len(listed), "new": len(new), "dry_run": query.dry_run}
    event, items = asked.served(tx, told), list[dict[str, Any]]()
    for said in new:
        if query.dry_run:
            items.append(said.model_dump(mode="json", exclude={"organization_id"}))
        else:
            items.append(await _with_link(tx, service, _insert(tx, organization, said, event), "join", event))
    return (200 if query.dry_run else 201), {"items": items, "unchanged": len(listed) - len(new)}


async def reinvite_member(
    tx: Transaction, asked: Asked, service: Service, member_id: UUID, reason: str
) -> dict[str, Any]:
    """Another link in place of the last. For who has accepted it leads to another password, and asks for their second factor."""
    member = await _authorized(tx, asked, Permission.member_reinvite, member_id)
    purpose = "join" if member.account_id is None else "password"
    event = asked.served(tx, {"member_id": str(member_id), "purpose": purpose, "reason": reason})
    return await _with_link(tx, service, member_id, purpose, event)


async def change_post(tx: Transaction, asked: Asked, member_id: UUID, post: Post) -> dict[str, Any]:
    """Another profession or office from a day on: the post there was ends, and another begins. Who has not accepted yet is
    invited again instead."""
    member = await _authorized(tx, asked, Permission.member_change, member_id)
    if member.account_id is None:
        raise Conflict("not_accepted", NOT_ACCEPTED)
    today = await members.load_today(tx)
    begins = post.valid_from or today
    if begins < today:
        raise Invalid([Fault("/valid_from", None, "bounds", {"min": today.isoformat(), "max": "…"})])
    if (member.email, post.office, post.profession) in await members.load_standing(tx, member.organization_id):
        raise Conflict("already_member", ALREADY)
    event = asked.served(tx, {"member_id": str(member_id), **post.model_dump(mode="json", exclude_none=True)})
    last_day = None if begins <= max(today, member.valid_from) else begins - timedelta(days=1)
    members.end_member(tx, member_id, last_day, event)
    who = Who(member.email, member.name, member.name_kana, member.account_id)
    period = (begins, post.valid_until)
    made = members.insert_member(tx, member.organization_id, who, post.office, post.profession, period, event)
    return await _shown(tx, made)


async def end_member(tx: Transaction, asked: Asked, member_id: UUID, said: MemberEnd) -> tuple[int, dict[str, Any]]:
    """Let a post end: at once, its sessions within a second; or after a day. Posts elsewhere stay. Again: 200, as it stands."""
    await authorize_service(tx, asked, Permission.member_end)
    member = await members.load_one(tx, member_id, _own(asked))
    if member is None:
        raise NotFound
    if said.last_day is not None and said.last_day < member.valid_from:
        raise Invalid([Fault("/last_day", None, "reversed")])
    event = asked.served(tx, {"member_id": str(member_id), **said.model_dump(mode="json", exclude_none=True)})
    members.end_member(tx, member_id, said.last_day, event)
    return (200 if member.ended_at else 201), await _shown(tx, member_id)


async def give_code(tx: Transaction, asked: Asked, service: Service, member_id: UUID, reason: str) -> dict[str, Any]:
    """A code in place of the second factor, once and for minutes, for the day the phone is lost; the password is asked still."""
    member = await _authorized(tx, asked, Permission.member_give_code, member_id)
    if member.account_id is None:
        raise Conflict("not_accepted", NOT_ACCEPTED)
    signed = asked.actor.signed_in
    if signed is not None and signed.account_id == member.account_id:
        raise Forbidden(Reason.own_matter, "another_person", "organization", NOT_ONESELF)
    code = "".join(secrets.choice(ALPHABET) for _ in range(ONE_TIME_LETTERS))
    event = asked.served(tx, {"member_id": str(member_id), "account_id": str(member.account_id), "reason": reason})
    minutes = service.settings.one_time_code_minutes
    row = await second_factors.replace_one_time(tx, member.account_id, member_id, code, minutes, event)
    return {"code": grouped(code), "expires_at": rfc3339(row.expires_at)}


def _insert(tx: Transaction, organization: UUID, said: MemberIn, event_id: UUID) -> UUID:
    who = Who(login_of(said.email), said.name, said.name_kana)
    period = (said.valid_from, said.valid_until)
    return members.insert_member(tx, organization, who, said.office, said.profession, period, event_id)


async def _with_link(
    tx: Transaction, service: Service, member_id: UUID, purpose: str, event_id: UUID
) -> dict[str, Any]:
    link = await invitations.replace_link(tx, member_id, purpose, service.settings.invitation_hours, event_id)
    url = f"{service.identity.issuer}/invitations/{link.token}"
    told = {"url": url, "purpose": purpose, "expires_at": rfc3339(link.row.expires_at)}
    return {**await _shown(tx, member_id), "invitation": told}


async def _authorized(tx: Transaction, asked: Asked, permission: Permission, member_id: UUID) -> Row:
    """The post, of one's own organization, that stands or is to come."""
    await authorize_service(tx, asked, permission)
    member = await members.load_one(tx, member_id, _own(asked))
    if member is None:
        raise NotFound
    if member.state == "ended":
        raise Conflict("member_ended", ENDED)
    return member


async def _organization(tx: Transaction, asked: Asked, said: UUID | None) -> UUID:
    own = _own(asked)
    if own is not None and said not in (None, own):
        raise _not_own()
    organization = own or said
    if organization is None:
        raise Invalid([Fault("/organization_id", None, "required")])
    if not await organizations.load_some(tx, [organization], standing=True):
        raise Invalid([Fault("/organization_id", None, "unknown")])
    return organization


async def _shown(tx: Transaction, member_id: UUID) -> dict[str, Any]:
    return member_shown(await members.load_one(tx, member_id))


def _own(asked: Asked) -> UUID | None:
    """The one organization whose administrator asks; None for the platform's, who sees all."""
    return asked.actor.organization.id if asked.actor.organization else None


def _not_own() -> Forbidden:
    return Forbidden(Reason.not_administrator, "office.organization_admin", "platform_admin", NO_OFFICE)


ALREADY = ("この人はこの職で既に登録されています", "This person already has this post here")
NOT_ACCEPTED = ("まだ招待に応じていません", "The invitation has not been accepted yet")
ENDED = ("この職は終了しています", "This post has ended")
NOT_ONESELF = ("自分への一時コードは発行できません", "Nobody gives a code to themselves")
