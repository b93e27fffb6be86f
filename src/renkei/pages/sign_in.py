"""サインインの画面: /login and its second step, /logout, /, and the style sheet of all pages."""

from uuid import UUID

from fastapi import APIRouter, Response

from renkei.actions import organization_logout, sign_in
from renkei.actions.own_work import own_work
from renkei.actions.session_steps import Wrong
from renkei.pages.assets import asset
from renkei.pages.page import PageDoor, Visit, Visiting, own_path
from renkei.vocabulary import Permission

router = APIRouter(include_in_schema=False, route_class=PageDoor)
router.add_route("/pages/renkei.css", asset("renkei.css", "text/css; charset=utf-8"))


@router.get("/")
async def home(visit: Visiting) -> Response:
    """Who is signed in, under which post, and where to."""
    session = visit.session
    may = await own_work(visit.service, session.actor) if session and session.has_hat else frozenset()
    return visit.page("home.html", imports=Permission.import_submit in may, exports=Permission.export_request in may)


@router.get("/login")
async def login(visit: Visiting, next: str | None = None) -> Response:
    """The first step."""
    return visit.page("login.html", scripts=True, passkey=visit.passkeys, email="", next=own_path(next))


@router.post("/login")
async def prove_password(visit: Visiting) -> Response:
    """An address and a password."""
    email, password = visit.form.get("email", ""), visit.form.get("password", "")
    proved = await sign_in.prove_password(visit.service, visit.request_id, visit.browser(email), email, password)
    if isinstance(proved, Wrong):
        return _again(visit, proved, "login.html", email=email)
    return visit.opened(proved, own_path(visit.form.get("next")))


@router.get("/login/second-step")
async def second_step(visit: Visiting, next: str | None = None) -> Response:
    """The second step, for whoever has taken the first."""
    visit.pending("second_factor")
    return visit.page("second_step.html", scripts=True, passkey=visit.passkeys, next=own_path(next))


@router.post("/login/second-step")
async def prove_second_factor(visit: Visiting) -> Response:
    """A code."""
    session, code = visit.pending("second_factor"), visit.form.get("code", "")
    browser = visit.browser(session.email)
    proved = await sign_in.prove_second_factor(visit.service, visit.request_id, browser, session, code)
    if isinstance(proved, Wrong):
        return _again(visit, proved, "second_step.html")
    return visit.opened(proved, own_path(visit.form.get("next")))


@router.post("/logout")
async def sign_out(visit: Visiting) -> Response:
    """Out, at whatever stage."""
    out = await organization_logout.way_out(visit.service, visit.session)
    if visit.session is not None:
        await sign_in.sign_out(visit.service, visit.request_id, visit.session)
    return visit.left("/login") if out is None else visit.left_with("signed_out.html", url=out)


@router.post("/account/post")
async def choose_post(visit: Visiting) -> Response:
    """Under which post to act from here on."""
    try:
        post = UUID(visit.form.get("member", ""))
    except ValueError:
        post = UUID(int=0)
    cookie = await sign_in.choose_post(visit.service, visit.request_id, visit.member, post)
    return visit.under(cookie, own_path(visit.form.get("next")))


def _again(visit: Visit, wrong: Wrong, template: str, email: str = "") -> Response:
    message = visit.t("メールアドレス、パスワードまたはコードが違います。", "Wrong address, password or code.")
    if wrong.seconds:
        message = visit.t(
            f"まちがいが続いたため、あと{wrong.seconds}秒待ってからお試しください。いつもお使いの端末からはサインインできます。",
            f"After so many wrong ones, wait for {wrong.seconds} seconds. Your usual device still lets you in.",
        )
    status = 429 if wrong.seconds else 422
    answer = visit.page(
        template,
        status,
        scripts=True,
        passkey=visit.passkeys,
        wrong=message,
        next=own_path(visit.form.get("next")),
        email=email,
    )
    if wrong.seconds:
        answer.headers["Retry-After"] = str(wrong.seconds)
    return answer
