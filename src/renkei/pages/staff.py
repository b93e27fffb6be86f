"""職員の管理の画面: /staff, for whoever has signed in under an administrator's post. The same acts as /v1/members."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError

from renkei.access.audit import Asked
from renkei.actions import members
from renkei.database import Transaction
from renkei.errors import Fault, Forbidden, NotFound, RenkeiError
from renkei.pages.acting import acting, done_or_told, filled, texts, words
from renkei.pages.page import PageDoor, Visit, Visiting
from renkei.schemas.client_keys import Because
from renkei.schemas.members import MemberEnd, MemberIn, MemberQuery, Post, StaffListQuery
from renkei.schemas.staff_list import text_of
from renkei.vocabulary import Permission, Profession

router = APIRouter(prefix="/staff", include_in_schema=False, route_class=PageDoor)

FIELDS: Mapping[str, tuple[str, str]] = {
    "email": ("メールアドレス", "E-mail address"),
    "name": ("氏名", "Name"),
    "name_kana": ("氏名カナ", "Kana"),
    "profession": ("職種", "Profession"),
    "office": ("役割", "Office"),
    "valid_from": ("開始日", "First day"),
    "valid_until": ("終了日", "Last day"),
    "last_day": ("最終日", "Last day"),
    "reason": ("理由", "Reason"),
}
PROFESSIONS = [p.value for p in Profession if p not in (Profession.system, Profession.family, Profession.person)]


@router.get("")
async def list_members(visit: Visiting, name: str = "", state: str = "", after: str = "") -> Response:
    """Who works here, and may sign in."""
    return await _list(visit, name=name, state=state, after=after)


@router.post("")
async def invite_member(visit: Visiting) -> Response:
    """Invite somebody; the link is shown once."""
    try:
        said = filled(MemberIn, {**texts(visit.form, "email", "name", "name_kana"), **_post(visit)})
        async with acting(visit, Permission.member_invite) as (tx, asked):
            made = await members.invite_member(tx, asked, visit.service, said)
    except Forbidden:
        raise
    except RenkeiError as error:
        return await _list(visit, error)
    return visit.page("staff_links.html", made=[made])


@router.get("/import")
async def staff_list(visit: Visiting) -> Response:
    """Where a staff list is chosen, or pasted."""
    async with acting(visit, Permission.member_read) as (tx, asked):
        await members.require_administrator(tx, asked)
    return visit.page("staff_import.html", listed="", tried=None)


@router.post("/import")
async def import_members(visit: Visiting) -> Response:
    """Try a staff list, or take it."""
    raw = await visit.file.read() if visit.file else b""
    raw, dry_run, listed = raw or visit.form.get("listed", "").encode(), visit.form.get("act") != "import", ""
    try:
        listed = text_of(raw)
        async with acting(visit, Permission.member_import) as (tx, asked):
            query = StaffListQuery(dry_run=dry_run)
            _, told = await members.import_members(tx, asked, visit.service, query, raw)
    except Forbidden:
        raise
    except RenkeiError as error:
        wrong = words(visit, error, _told)
        return visit.page("staff_import.html", error.status, wrong=wrong, listed=listed, tried=None)
    if dry_run:
        return visit.page("staff_import.html", listed=listed, tried=told)
    return visit.page("staff_links.html", made=told["items"])


@router.get("/{member_id}")
async def read_member(visit: Visiting, member_id: UUID) -> Response:
    """One of them, and what can be done."""
    return await _one(visit, member_id)


@router.post("/{member_id}/invitation")
async def reinvite_member(visit: Visiting, member_id: UUID) -> Response:
    """Another link."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        why = filled(Because, texts(visit.form, "reason"))
        made = await members.reinvite_member(tx, asked, visit.service, member_id, why.reason)
        return visit.page("staff_links.html", made=[made])

    return await _act(visit, member_id, Permission.member_reinvite, act)


@router.post("/{member_id}/change")
async def change_post(visit: Visiting, member_id: UUID) -> Response:
    """Another post."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        made = await members.change_post(tx, asked, member_id, filled(Post, _post(visit)))
        return visit.go(f"/staff/{made['id']}")

    return await _act(visit, member_id, Permission.member_change, act)


@router.post("/{member_id}/end")
async def end_member(visit: Visiting, member_id: UUID) -> Response:
    """Let it end."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        said = filled(MemberEnd, texts(visit.form, "reason", "last_day"))
        await members.end_member(tx, asked, member_id, said)
        return visit.go(f"/staff/{member_id}")

    return await _act(visit, member_id, Permission.member_end, act)


@router.post("/{member_id}/one-time-code")
async def give_code(visit: Visiting, member_id: UUID) -> Response:
    """A code for the day the phone is lost."""

    async def act(tx: Transaction, asked: Asked) -> Response:
        why = filled(Because, texts(visit.form, "reason"))
        code = await members.give_code(tx, asked, visit.service, member_id, why.reason)
        return visit.page("staff_code.html", code=code["code"], expires_at=code["expires_at"], member_id=member_id)

    return await _act(visit, member_id, Permission.member_give_code, act)


async def _act(
    visit: Visit, member_id: UUID, permission: Permission, act: Callable[[Transaction, Asked], Awaitable[Response]]
) -> Response:
    return await done_or_told(visit, permission, act, lambda error: _one(visit, member_id, error))


def _post(visit: Visit) -> dict[str, Any]:
    """What a post is. An administrator's has no profession, whatever stood in the field."""
    said = texts(visit.form, "office", "profession", "valid_from", "valid_until")
    if said.get("office") == "organization_admin":
        said.pop("profession", None)
    return said


def _told(visit: Visit, fault: Fault) -> str:
    *lines, name = fault.pointer.strip("/").split("/")
    line = visit.t(f"{lines[0]}行目 ", f"line {lines[0]}, ") if lines else ""
    return f"{line}{visit.t(*FIELDS.get(name, (name, name)))}: {fault.message(visit.language)}"


async def _list(visit: Visit, error: RenkeiError | None = None, **asked_for: str) -> Response:
    query = _query(asked_for)
    async with acting(visit, Permission.member_read) as (tx, asked):
        page = await members.list_members(tx, asked, query)
    wrong = words(visit, error, _told) if error else None
    context = {"members": page["items"], "next": page["next"], "query": query, "professions": PROFESSIONS}
    return visit.page("staff.html", error.status if error else 200, wrong=wrong, form=visit.form, **context)


def _query(asked_for: Mapping[str, str]) -> MemberQuery:
    try:
        return MemberQuery.model_validate({name: text for name, text in asked_for.items() if text})
    except ValidationError:
        raise NotFound from None


async def _one(visit: Visit, member_id: UUID, error: RenkeiError | None = None) -> Response:
    async with acting(visit, Permission.member_read) as (tx, asked):
        member = await members.read_member(tx, asked, member_id)
    wrong = words(visit, error, _told) if error else None
    status = error.status if error else 200
    return visit.page("staff_member.html", status, wrong=wrong, member=member, professions=PROFESSIONS)
