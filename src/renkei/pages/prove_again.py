"""本人の再確認: /login/again, before what a session alone is not enough for; by a code, a passkey or the organization's own login."""

from fastapi import APIRouter, Response

from renkei.actions import passkeys, sign_in
from renkei.actions.session_steps import Wrong
from renkei.pages.page import PageDoor, Visit, Visiting, own_path

router = APIRouter(include_in_schema=False, route_class=PageDoor)


@router.get("/login/again")
async def again(visit: Visiting, next: str | None = None) -> Response:
    """Which ways there are."""
    return await _ask(visit, own_path(next))


@router.post("/login/again")
async def prove_again(visit: Visiting) -> Response:
    """A code."""
    session, next_page = visit.member, own_path(visit.form.get("next"))
    browser, code = visit.browser(session.email), visit.form.get("code", "")
    proved = await sign_in.prove_again(visit.service, visit.request_id, browser, session, code)
    if isinstance(proved, str):
        return visit.under(proved, next_page)
    return await _ask(visit, next_page, proved)


@router.post("/login/again/passkey")
async def prove_again_by_passkey(visit: Visiting) -> Response:
    """A passkey."""
    session, next_page = visit.member, own_path(visit.form.get("next"))
    proved = await passkeys.again(visit.service, visit.request_id, visit.cookie, session, visit.answer)
    return visit.under(proved, next_page) if isinstance(proved, str) else await _ask(visit, next_page, proved)


async def _ask(visit: Visit, next_page: str, wrong: Wrong | None = None) -> Response:
    """The page; what was wrong is told with it."""
    told = None
    if wrong is not None:
        told = visit.t("確認できませんでした。もう一度お試しください。", "Not confirmed. Try again.")
        if wrong.seconds:
            told = visit.t(
                f"あと{wrong.seconds}秒待ってからお試しください。", f"Wait for {wrong.seconds} seconds, then try again."
            )
    status = 200 if wrong is None else 429 if wrong.seconds else 422
    answer = visit.page(
        "prove_again.html",
        status,
        scripts=True,
        next=next_page,
        passkey=visit.passkeys,
        vouched=visit.member.vouched_by is not None,
        has_second=await sign_in.has_second_factor(visit.service, visit.member),
        wrong=told,
    )
    if wrong is not None and wrong.seconds:
        answer.headers["Retry-After"] = str(wrong.seconds)
    return answer
