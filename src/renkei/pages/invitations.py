"""招待の画面: /invitations/{token}. Whoever holds the link sets name and password, takes one more post, or sets another password."""

from fastapi import APIRouter, Response

from renkei.actions import invitations
from renkei.actions.invitations import Chosen
from renkei.actions.session_steps import Opened, Wrong
from renkei.database import Row
from renkei.pages.page import PageDoor, Visit, Visiting
from renkei.schemas.passwords import Weakness

router = APIRouter(prefix="/invitations/{token}", include_in_schema=False, route_class=PageDoor)

DIFFERENT = ("二つのパスワードが一致しません。", "The two passwords differ.")
NO_NAME = ("氏名を入れてください。", "Enter your name.")
WRONG_CODE = ("認証コードが違います。", "Wrong code.")


@router.get("")
async def invitation(visit: Visiting, token: str) -> Response:
    """What the link opens."""
    return _page(visit, token, await invitations.read_invitation(visit.service, token))


@router.post("")
async def accept(visit: Visiting, token: str) -> Response:
    """Do what the link is for."""
    found = await invitations.read_invitation(visit.service, token)
    if found.purpose == "join" and found.known_account is not None:
        await invitations.take_post(visit.service, visit.request_id, visit.own_login, token)
        return visit.go("/account")
    password, browser = visit.form.get("password", ""), visit.browser(found.email)
    if password != visit.form.get("again", ""):
        return _page(visit, token, found, DIFFERENT)
    if found.purpose == "password":
        code = visit.form.get("code", "")
        reset = await invitations.reset_password(visit.service, visit.request_id, browser, token, password, code)
        if isinstance(reset, Wrong):
            return _page(visit, token, found, WRONG_CODE)
        return _weak(visit, token, found, reset) if reset else visit.left("/login")
    name = visit.form.get("name", "").strip()[:100]
    if not name.isprintable() or not name:
        return _page(visit, token, found, NO_NAME)
    chosen = Chosen(name, password)
    joined = await invitations.join(visit.service, visit.request_id, browser, token, chosen)
    if isinstance(joined, Opened):
        return visit.opened(joined, "/")
    return _weak(visit, token, found, joined)


def _weak(visit: Visit, token: str, found: Row, weak: list[Weakness]) -> Response:
    ja, en = " ".join(one.ja for one in weak), " ".join(one.en for one in weak)
    return _page(visit, token, found, (ja, en))


def _page(visit: Visit, token: str, found: Row, wrong: tuple[str, str] | None = None) -> Response:
    told = visit.t(*wrong) if wrong else None
    name = visit.form.get("name", found.name)
    return visit.page("invitation.html", 422 if wrong else 200, wrong=told, token=token, invitation=found, name=name)
