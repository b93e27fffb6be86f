"""パスキーの画面: sign in by one, the second step by one, and one's own at /account/passkeys; the one script of all of them."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic_core import to_json

from renkei.actions import passkeys
from renkei.actions.session_steps import Opened, Wrong
from renkei.pages.assets import asset
from renkei.pages.page import PageDoor, Visit, Visiting, own_path

router = APIRouter(include_in_schema=False, route_class=PageDoor)

# Asks the browser's authenticator, and sends the form with what it said.
router.add_route("/pages/passkeys.js", asset("passkeys.js", "text/javascript; charset=utf-8"))


@router.post("/login/passkey/question")
async def ask_to_show(visit: Visiting) -> Response:
    """What the browser is asked to show, whoever visits."""
    return _question(await passkeys.ask_to_show(visit.service, visit.cookie, visit.session))


@router.post("/login/passkey")
async def sign_in(visit: Visiting) -> Response:
    """By a passkey alone."""
    proved = await passkeys.sign_in(visit.service, visit.request_id, visit.cookie, visit.answer, visit.browser)
    return _on(visit, proved, "login.html", email="")


@router.post("/login/second-step/passkey")
async def second_step(visit: Visiting) -> Response:
    """The second step by one."""
    session = visit.pending("second_factor")
    browser = visit.browser(session.email)
    proved = await passkeys.second_step(visit.service, visit.request_id, visit.cookie, session, visit.answer, browser)
    return _on(visit, proved, "second_step.html")


@router.post("/login/enrolment/passkey/question")
async def ask_to_enrol(visit: Visiting) -> Response:
    """What the browser is asked to make, at the first sign-in."""
    return _question(await passkeys.ask_to_make(visit.service, visit.cookie, visit.pending("enrolment")))


@router.post("/login/enrolment/passkey")
async def enrol(visit: Visiting) -> Response:
    """The first second factor; with it the session is opened."""
    session, name = visit.pending("enrolment"), visit.t("はじめのパスキー", "First passkey")
    browser = visit.browser(session.email)
    done = await passkeys.enrol(visit.service, visit.request_id, visit.cookie, session, visit.answer, name, browser)
    if isinstance(done, Wrong):
        return visit.go("/login/enrolment")
    return await visit.shown_under(done.opened, "recovery_codes.html", codes=done.codes)


@router.get("/account/passkeys")
async def own(visit: Visiting) -> Response:
    """One's own."""
    return await _own(visit)


@router.post("/account/passkeys/question")
async def ask_to_make(visit: Visiting) -> Response:
    """What the browser is asked to make."""
    return _question(await passkeys.ask_to_make(visit.service, visit.cookie, visit.own_login))


@router.post("/account/passkeys")
async def make(visit: Visiting) -> Response:
    """One more."""
    session, name = visit.own_login, " ".join(visit.form.get("name", "").split())[: passkeys.LONGEST_NAME]
    named = name if name.isprintable() and name else visit.t("パスキー", "Passkey")
    made = await passkeys.make(visit.service, visit.request_id, visit.cookie, session, visit.answer, named)
    if isinstance(made, str):
        return visit.under(made, "/account/passkeys")
    return await _own(visit, visit.t(*NOT_MADE), 422)


@router.post("/account/passkeys/{passkey_id}/removal")
async def remove(visit: Visiting, passkey_id: UUID) -> Response:
    """One less."""
    cookie = await passkeys.remove(visit.service, visit.request_id, visit.own_login, passkey_id)
    return visit.under(cookie, "/account/passkeys")


async def _own(visit: Visit, wrong: str | None = None, status: int = 200) -> Response:
    listed = await passkeys.list_own(visit.service, visit.own_login)
    return visit.page("passkeys.html", status, scripts=True, passkeys=listed, known=visit.passkeys, wrong=wrong)


def _question(options: object) -> Response:
    return Response(to_json(options), media_type="application/json")


def _on(visit: Visit, proved: Opened | Wrong, template: str, **context: object) -> Response:
    next_page = own_path(visit.form.get("next"))
    if isinstance(proved, Opened):
        return visit.opened(proved, next_page)
    told = visit.t(
        "パスキーを確認できませんでした。もう一度お試しください。", "The passkey could not be confirmed. Try again."
    )
    return visit.page(template, 422, scripts=True, passkey=True, next=next_page, wrong=told, **context)


NOT_MADE = (
    "パスキーを登録できませんでした。もう一度お試しください。",
    "The passkey could not be registered. Try again.",
)
