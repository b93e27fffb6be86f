"""アカウントの画面: /account, and setting up an authenticator app, at the first sign-in too."""

from uuid import UUID

import segno
from fastapi import APIRouter, Response

from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions import own_account
from renkei.actions.own_account import Setup
from renkei.actions.session_steps import Wrong
from renkei.errors import NotFound
from renkei.pages.page import PageDoor, Visit, Visiting
from renkei.schemas.people import Browser

router = APIRouter(include_in_schema=False, route_class=PageDoor)

WRONG_PASSWORD = ("今のパスワードが違います。", "That is not your present password.")
WRONG_CODE = (
    "コードが違います。端末の時計が合っているか確かめて、次のコードを入れてください。",
    "Wrong code. See that the clock of your phone is right, and enter the next one.",
)
CHANGED = ("パスワードを変えました。", "Your password has been changed.")
DIFFERENT = ("二つのパスワードが一致しません。", "The two passwords differ.")


@router.get("/account")
async def account(visit: Visiting, done: str = "") -> Response:
    """All about one's own login."""
    return await _account(visit, done=visit.t(*CHANGED) if done == "password" else None)


@router.post("/account/password")
async def change_password(visit: Visiting) -> Response:
    """Another password."""
    asked, new = _asked(visit), visit.form.get("new", "")
    if new != visit.form.get("again", ""):
        return await _account(visit, visit.t(*DIFFERENT))
    changed = await own_account.change_password(*asked, new)
    if isinstance(changed, str):
        return visit.under(changed, "/account?done=password")
    if isinstance(changed, Wrong):
        return await _account(visit, visit.t(*WRONG_PASSWORD))
    return await _account(visit, " ".join(visit.t(one.ja, one.en) for one in changed))


@router.post("/account/second-factor")
async def begin_totp(visit: Visiting) -> Response:
    """Another authenticator app."""
    setup = await own_account.begin_totp(*_asked(visit))
    if isinstance(setup, Wrong):
        return await _account(visit, visit.t(*WRONG_PASSWORD))
    return _enrolment(visit, setup, "/account/second-factor/confirmation")


@router.post("/account/second-factor/confirmation")
async def confirm_totp(visit: Visiting) -> Response:
    """Its first code."""
    return await _confirm(visit, "/account/second-factor/confirmation")


@router.post("/account/recovery-codes")
async def renew_recovery(visit: Visiting) -> Response:
    """Other recovery codes."""
    made = await own_account.renew_recovery(*_asked(visit))
    if isinstance(made, Wrong):
        return await _account(visit, visit.t(*WRONG_PASSWORD))
    return await visit.shown_under(made.opened, "recovery_codes.html", codes=made.codes)


@router.post("/account/sessions/end")
async def end_session(visit: Visiting) -> Response:
    """End a session of one's own, or all others."""
    other = visit.form.get("session", "")
    await own_account.end_session(visit.service, visit.request_id, visit.own_login, _id(other) if other else None)
    return visit.go("/account")


@router.get("/login/enrolment")
async def enrolment(visit: Visiting) -> Response:
    """The first authenticator app, before anything else."""
    setup = await own_account.begin_first_totp(visit.service, visit.request_id, visit.pending("enrolment"))
    return _enrolment(visit, setup, "/login/enrolment")


@router.post("/login/enrolment")
async def confirm_enrolment(visit: Visiting) -> Response:
    """Its first code; with it the session is opened."""
    visit.pending("enrolment")
    return await _confirm(visit, "/login/enrolment")


async def _confirm(visit: Visit, action: str) -> Response:
    session = visit.session if action == "/login/enrolment" else visit.own_login
    if session is None:
        raise NotFound
    factor, code = _id(visit.form.get("factor", "")), visit.form.get("code", "")
    browser = visit.browser(session.email)
    done = await own_account.confirm_totp(visit.service, visit.request_id, browser, session, factor, code)
    if isinstance(done, Wrong):
        setup = await own_account.read_setup(visit.service, session, factor)
        return _enrolment(visit, setup, action, visit.t(*WRONG_CODE))
    return await visit.shown_under(done.opened, "recovery_codes.html", codes=done.codes)


def _enrolment(visit: Visit, setup: Setup, action: str, wrong: str | None = None) -> Response:
    qr = segno.make(setup.address, error="m").svg_data_uri(scale=5, border=3, light="#fff")
    status = 422 if wrong else 200
    return visit.page(
        "enrolment.html",
        status,
        scripts=True,
        setup=setup,
        qr=qr,
        action=action,
        wrong=wrong,
        passkey=action == "/login/enrolment" and visit.passkeys,
    )


async def _account(visit: Visit, wrong: str | None = None, done: str | None = None) -> Response:
    shown = await own_account.read_account(visit.service, visit.member)
    return visit.page("account.html", 422 if wrong else 200, wrong=wrong, done=done, **shown)


def _asked(visit: Visit) -> tuple[Service, UUID, Browser, Session, str]:
    """Who asks for another password, app or codes; last, the password that they say is theirs."""
    session = visit.own_login
    return visit.service, visit.request_id, visit.browser(session.email), session, visit.form.get("current", "")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
