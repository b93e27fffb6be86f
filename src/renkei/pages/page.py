"""画面: what every page shares. Who visits, the form and that it is our own, templates in two languages, cookies, errors as pages.

Server-rendered, without scripts of its own: it works on any phone, and the Content-Security-Policy lets nothing else in.
"""

import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import UploadFile

from renkei.access.passkeys import relying_party
from renkei.access.service import Service
from renkei.access.sessions import Session, form_token, is_form_token, new_cookie, own_page
from renkei.actions.session_steps import Opened
from renkei.catalogue import load_catalogue
from renkei.errors import BadRequest, Forbidden, NotFound, RenkeiError
from renkei.pages.forms import USUAL, Sizes, read_form
from renkei.schemas.dates import TOKYO
from renkei.schemas.json_body import parse_json
from renkei.schemas.languages import preferred_language
from renkei.schemas.people import Browser, login_digest
from renkei.throttle import Limit, address_of
from renkei.vocabulary import Language, Reason

A_YEAR = 31_536_000
STEPS = {"second_factor": "/login/second-step?next={}", "enrolment": "/login/enrolment"}
"""Where the next step is taken, by the stage of a session that is not open yet."""
POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
WITH_SCRIPTS = POLICY + "; script-src 'self'; connect-src 'self'"
"""For a page that names a script of ours; none is ever inside the page."""

_templates = Environment(
    loader=PackageLoader("renkei.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(slots=True)
class Visit:
    """One request of a browser. session: whose it is, at whatever stage; form, file: what was sent, once it is known to be ours;
    a file ends with the request."""

    request: Request
    service: Service
    session: Session | None
    language: Language
    cookie: str
    new: bool
    form: Mapping[str, str] = field(default_factory=dict)
    file: UploadFile | None = None

    @property
    def request_id(self) -> UUID:
        """As the answer and the log name it."""
        return cast(UUID, self.request.state.request_id)

    @property
    def member(self) -> Session:
        """Whoever has proved all there is to prove. Raises SignedOut."""
        if self.session is None or not self.session.is_open:
            raise SignedOut
        return self.session

    @property
    def own_login(self) -> Session:
        """Whoever has proved it here, not by an organization's own login, which may not touch what opens other posts."""
        if self.member.vouched_by is not None:
            raise Forbidden(Reason.own_matter, "session.own_login", "yourself", NOT_VOUCHED)
        return self.member

    @property
    def answer(self) -> Mapping[str, object]:
        """What the browser's authenticator said, in the form field ``answer``. Raises BadRequest."""
        said = parse_json(self.form.get("answer", "").encode("utf-8", "replace"))
        if not isinstance(said, dict):
            raise BadRequest
        return said

    @property
    def passkeys(self) -> bool:
        """Whether browsers know passkeys for this service."""
        return relying_party(self.service.identity.issuer) is not None

    def pending(self, stage: str) -> Session:
        """Whoever is at this stage. Raises SignedOut."""
        if self.session is None or self.session.stage != stage:
            raise SignedOut
        return self.session

    def browser(self, email: str) -> Browser:
        """What signs in to this account, with what it keeps from an earlier time."""
        device = self.request.cookies.get(self._device_name(email))
        agent, address = self.request.headers.get("user-agent", ""), address_of(self.request.scope["client"])
        return Browser(agent, address, device, self.session.id if self.session else None)

    def t(self, ja: str, en: str) -> str:
        """The one of two texts that the reader reads."""
        return ja if self.language is Language.ja else en

    def page(self, template: str, status: int = 200, *, scripts: bool = False, **context: object) -> Response:
        """A page of ours. A form in it holds ``{{ form_token }}`` in a hidden field ``form_token``."""
        words = load_catalogue().value_sets["profession"].codes
        html = _templates.get_template(template).render(
            t=self.t,
            language=self.language.value,
            session=self.session,
            form_token=form_token(self.cookie),
            day=lambda at: at.astimezone(TOKYO).strftime("%Y-%m-%d %H:%M"),
            profession=lambda code: getattr(words[code], self.language.value) if code in words else code,
            **{"wrong": None, **context},
        )
        headers = {
            "Content-Security-Policy": WITH_SCRIPTS if scripts else POLICY,
            "Content-Language": self.language.value,
            # Not no-referrer, as elsewhere: browsers then call the origin of our own forms "null".
            "Referrer-Policy": "same-origin",
        }
        answer = Response(html, status, {**headers, "Vary": "Cookie, Accept-Language"}, "text/html; charset=utf-8")
        if self.new:
            self._set(answer, self.service.sessions.cookie_name("form"), self.cookie)
        return answer

    async def shown_under(self, opened: Opened | str, template: str, **context: Any) -> Response:
        """A page that is shown this once, under the session just opened, or under the present one's next cookie."""
        kept = self.under(opened, "/") if isinstance(opened, str) else self.opened(opened, "/")
        cookie = opened if isinstance(opened, str) else opened.cookie
        under = replace(self, session=await self.service.sessions.find(cookie), cookie=cookie, new=False)
        answer = under.page(template, **context)
        answer.raw_headers += [one for one in kept.raw_headers if one[0] == b"set-cookie"]
        return answer

    def go(self, path: str) -> Response:
        """On to another page of ours."""
        return Response(status_code=303, headers={"Location": path})

    def opened(self, opened: Opened, next_page: str) -> Response:
        """On, under the session just opened: to what is to be proved still, else to this page."""
        answer = self.under(opened.cookie, STEPS.get(opened.stage, "{}").format(next_page))
        if opened.device is not None:
            self._set(answer, self._device_name(opened.email), opened.device, A_YEAR)
        return answer

    def under(self, cookie: str, path: str) -> Response:
        """On, under this cookie from here on."""
        answer, name = self.go(path), self.service.sessions.cookie_name()
        self.service.sessions.forget(self.request.cookies.get(name, ""))
        self._set(answer, name, cookie)
        return answer

    def left_with(self, template: str, **context: Any) -> Response:
        """A page that is shown this once, signed out."""
        before = self.request.cookies.get(self.service.sessions.cookie_name("form"))
        out = replace(self, session=None, cookie=before or new_cookie(), new=before is None)
        answer = out.page(template, **context)
        answer.raw_headers += [one for one in self.left("/login").raw_headers if one[0] == b"set-cookie"]
        return answer

    def left(self, path: str) -> Response:
        """On, signed out."""
        answer, name = self.go(path), self.service.sessions.cookie_name()
        self.service.sessions.forget(self.request.cookies.get(name, ""))
        answer.delete_cookie(name, secure=self.service.sessions.secure, httponly=True, samesite="lax")
        return answer

    def _set(self, answer: Response, name: str, value: str, seconds: int | None = None) -> None:
        answer.set_cookie(name, value, seconds, secure=self.service.sessions.secure, httponly=True, samesite="lax")

    def _device_name(self, email: str) -> str:
        # One for each account: a tablet of the station knows several people.
        return self.service.sessions.cookie_name(f"device-{login_digest(email).hex()[:16]}")


_OWN_PATH = re.compile(r"(?:/[A-Za-z0-9_-]+)+")


def own_path(text: str | None) -> str:
    """Where to go on: a page of ours, else the first one. Never another host's, however it is written."""
    return text if text and len(text) <= 200 and _OWN_PATH.fullmatch(text) else "/"


class SignedOut(Exception):
    """Nobody is signed in, or not far enough: to the page where one does."""


async def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


Visiting = Annotated[Visit, Depends(_visit)]
"""The parameter by which a page gets its Visit."""


class PageDoor(APIRoute):
    """A page. What a form changes is changed only if a page of ours sent it, with the token that only our pages know."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inside = super().get_route_handler()

        async def handle(request: Request) -> Response:
            visit = request.state.visit = await _visited(request)
            try:
                if any("\0" in text for text in (*request.path_params.values(), *request.query_params.values())):
                    raise NotFound  # no database takes one
                if visit.session is not None and visit.session.is_open:  # half-way it is whoever knows the password
                    visit.service.throttle.count(Limit.member, str(visit.session.account_id))
                if request.method in ("GET", "HEAD"):
                    return await inside(request)
                async with self._own_form(visit):
                    return await inside(request)
            except SignedOut:
                return visit.go("/login")
            except Forbidden as error:
                if error.reason is Reason.not_proved_recently and visit.session is not None:
                    return visit.go(f"/login/again?next={_page_of(request)}")
                return _told(visit, error)
            except NotOurs:
                return visit.page("error.html", 403, title=visit.t("送れません", "Not sent"), detail=visit.t(*NOT_OURS))
            except RequestValidationError:
                return _told(visit, NotFound())
            except RenkeiError as error:
                return _told(visit, error)

        return handle

    def sizes(self, visit: Visit) -> Sizes:
        """How much a form of this page may hold; read before it is known to be ours."""
        return USUAL

    @asynccontextmanager
    async def _own_form(self, visit: Visit) -> AsyncIterator[None]:
        if not own_page(visit.request.headers, visit.service.sessions.origin):
            raise NotOurs
        async with read_form(visit.request, self.sizes(visit)) as sent:
            if visit.new or not is_form_token(visit.cookie, sent.fields.get("form_token", "")):
                raise NotOurs
            visit.form, visit.file = sent
            yield


def _page_of(request: Request) -> str:
    """The page a browser is at: what it asks for, or where the form it sends stands."""
    at = request.url.path if request.method == "GET" else urlsplit(request.headers.get("referer", "")).path
    return own_path(at)


async def _visited(request: Request) -> Visit:
    service = cast(Service, request.app.state.service)
    language = preferred_language(request.headers.get("accept-language", ""))
    cookie = request.cookies.get(service.sessions.cookie_name())
    session = await service.sessions.find(cookie) if cookie else None
    if cookie and session:
        return Visit(request, service, session, language, cookie, new=False)
    before = request.cookies.get(service.sessions.cookie_name("form"))
    return Visit(request, service, None, language, before or new_cookie(), new=before is None)


def _told(visit: Visit, error: RenkeiError) -> Response:
    answer = visit.page(
        "error.html", error.status, title=visit.t(*error.title), detail=visit.t(*(error.detail or error.title))
    )
    answer.headers.update({name: value for name, value in error.headers.items() if name != "WWW-Authenticate"})
    return answer


class NotOurs(Exception):
    """A form that no page of ours has sent, or one that was open for too long."""


NOT_VOUCHED = (
    "事業所のログインでサインインしている間は変更できません。ご自分のパスワードかパスキーでサインインしてください。",
    "Not while signed in by an organization's own login. Sign in by your own password or passkey.",
)
NOT_OURS = (
    "この画面からは受け付けられません。画面を開き直して、もう一度お試しください。",
    "Not accepted from this page. Open the page again and try once more.",
)
