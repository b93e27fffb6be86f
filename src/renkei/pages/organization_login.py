"""事業所のログインの画面: /login/organizations/{code}, to the provider and back; and again for the re-confirmation."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from renkei.access.oidc import NotProven
from renkei.access.providers import ProviderAway
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions import organization_login, organization_logout
from renkei.actions.organization_login import NotSignedIn
from renkei.pages.forms import read_form
from renkei.pages.page import PageDoor, Visit, Visiting, own_path

router = APIRouter(include_in_schema=False, route_class=PageDoor)
told = APIRouter(include_in_schema=False)
"""What no browser asks, and so no page of ours: a provider's server."""


@router.post("/login/organizations")
async def choose(visit: Visiting) -> Response:
    """By the organization's code, as its administrator has told."""
    return await _leave(visit, visit.form.get("organization", "").strip())


@router.get("/login/organizations/{code}")
async def of_one(visit: Visiting, code: str, next: str | None = None) -> Response:
    """The address that an organization gives its staff."""
    provider = await organization_login.login_of_organization(visit.service, code)
    return visit.page("organization_login.html", code=code, name=provider.organization_name, next=own_path(next))


@router.get("/login/organizations/{organization_id}/callback")
async def come_back(visit: Visiting, organization_id: UUID) -> Response:
    """Back from the provider."""
    said = visit.request.query_params.multi_items()
    try:
        if organization_login.is_again(said):
            cookie, next_page = await organization_login.come_back_again(
                visit.service, visit.request_id, visit.cookie, visit.member, said
            )
            return visit.under(cookie, next_page)
        opened, next_page = await organization_login.come_back(
            visit.service, visit.request_id, visit.cookie, organization_id, said, visit.browser
        )
    except NotSignedIn as error:
        return _not(visit, error)
    return visit.opened(opened, next_page)


@router.post("/invitations/{token}/login")
async def accept(visit: Visiting, token: str) -> Response:
    """Take the post one is invited to by the organization's login, without a password of one's own."""
    provider = await organization_login.login_of_invitation(visit.service, token)
    return await _go_there(visit, provider, invitation=token)


@router.get("/account/logins")
async def links(visit: Visiting) -> Response:
    """By which organizations' logins one may sign in."""
    return visit.page("logins.html", links=await organization_logout.list_links(visit.service, visit.own_login))


@router.post("/account/logins/{link_id}/end")
async def end_link(visit: Visiting, link_id: UUID) -> Response:
    """One less."""
    await organization_logout.end_link(visit.service, visit.request_id, visit.own_login, link_id)
    return visit.go("/account/logins")


@told.post("/login/organizations/{organization_id}/logout")
async def logout(request: Request, organization_id: UUID) -> Response:
    """The provider tells that somebody has signed out there (Back-Channel Logout)."""
    service: Service = request.app.state.service
    try:
        async with read_form(request) as sent:
            token = sent.fields.get("logout_token", "")
        await organization_logout.told_by_provider(service, request.state.request_id, organization_id, token)
    except (NotProven, ProviderAway):
        return Response(b'{"error": "invalid_request"}', 400, media_type="application/json")
    return Response(status_code=200)


@router.post("/login/again/organization")
async def again(visit: Visiting) -> Response:
    """Prove it again where one was let in."""
    provider = await organization_login.own_login(visit.service, visit.member)
    return await _go_there(visit, provider, visit.member)


async def _leave(visit: Visit, code: str) -> Response:
    provider = await organization_login.login_of_organization(visit.service, code)
    return await _go_there(visit, provider)


async def _go_there(
    visit: Visit, provider: organization_login.Provider, session: Session | None = None, invitation: str | None = None
) -> Response:
    next_page = own_path(visit.form.get("next"))
    try:
        url = await organization_login.send(visit.service, visit.cookie, provider, next_page, session, invitation)
    except NotSignedIn as error:
        return _not(visit, error)
    # A page that leads on, not a redirect: our forms may be answered by this host alone (form-action of the policy).
    return visit.page("leaving.html", url=url, name=provider.organization_name)


def _not(visit: Visit, error: NotSignedIn) -> Response:
    status, ja, en = WHY[error.why]
    title = visit.t("サインインできません", "Not signed in")
    return visit.page("error.html", status, title=title, detail=visit.t(ja, en))


WHY = {
    "away": (
        503,
        "事業所のログインのサーバーが応答しません。しばらくしてからお試しください。ほかの方法でのサインインには影響ありません。",
        "Your organization's login does not answer. Try later; the other ways to sign in are not affected.",
    ),
    "stale": (
        422,
        "時間がたったか、別の画面で始めたサインインです。はじめからやり直してください。",
        "This sign-in took too long, or was begun in another browser. Begin again.",
    ),
    "refused": (
        403,
        "事業所のログインの応答を確認できませんでした。続くときは事業所の管理者に連絡してください。",
        "What your organization's login answered could not be confirmed. If it happens again, tell your administrator.",
    ),
    "unknown": (
        403,
        "この事業所のログインに結びついたアカウントがありません。事業所の管理者に、職員として登録されているか確かめてください。",
        "No account goes with this login. Ask your organization's administrator whether you are registered as a member.",
    ),
    "no_post": (
        403,
        "この事業所に、いま開ける職がありません。職種の対応を含め、事業所の管理者に確かめてください。",
        "You have no post at this organization that this login may open. Ask its administrator, also about your profession.",
    ),
    "no_second_factor": (
        403,
        "二要素目がまだありません。先にご自分のパスワードでサインインし、二要素認証を設定してください。",
        "You have no second factor yet. First sign in by your own password and set one up.",
    ),
    "another": (
        403,
        "サインインしている人と違うか、二要素認証が済んでいません。",
        "Not the person who is signed in, or not by two factors.",
    ),
}
"""Why somebody was not signed in: the status, and what they can do, in Japanese and English."""
