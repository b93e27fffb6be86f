"""事業所のログインでのサインイン: to the organization's provider and back, once, in the same browser.

A provider opens its organization's posts and nothing else, and only for an account it is linked with. It is linked when the
account's owner has taken the second step here once: an e-mail address only tells whom to ask for it (docs/decisions/0047).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from typing import NamedTuple
from uuid import UUID

from renkei.access import oidc
from renkei.access.audit import Asked
from renkei.access.claims import of_organization, professions_of, two_factors
from renkei.access.oidc import NotProven, Proven, Question, RelyingClient
from renkei.access.providers import ProviderAway
from renkei.access.service import Service
from renkei.access.sessions import Session, cookie_hash
from renkei.actions.session_steps import Opened, Who, begin, complete
from renkei.database import Row, Transaction, transaction
from renkei.errors import NotFound
from renkei.schemas.login_providers import callback, purpose
from renkei.schemas.people import Browser, is_email, login_of
from renkei.secret_box import CannotOpen
from renkei.store import (
    accounts,
    ceremonies,
    invitations,
    login_providers,
    login_subjects,
    posts,
    second_factors,
    sessions,
)
from renkei.store.sessions import Vouched

SIGN_IN, AGAIN = "organization.sign_in", "organization.again"
AGAIN_STATE = "again."
"""How the state of a question begins that asks who is signed in already."""
Provider = Row
"""A row of ``login_providers`` with its organization's name."""
FEDERATED, BOTH, BOTH_ONCE = "federated", "mfa", "mfa_undated"
"""``mfa``: the provider says it saw two factors, and when; ``mfa_undated``: it does not say when."""


class NotSignedIn(Exception):
    """Why not, by a word of WHY. The page says it in sentences."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Back(NamedTuple):
    """What a browser comes back for: where it goes on, and what it was asked. invitation: the link it accepts by this."""

    organization: UUID
    question: Question
    issuer: str
    next_page: str
    invitation: str | None


async def login_of_organization(service: Service, code: str) -> Row:
    """The provider of the organization of this code. Raises NotFound: it has none, or there is no such organization."""
    async with transaction(service.engine) as tx:
        found = await login_providers.load_by_code(tx, code)
    if found is None:
        raise NotFound
    return found


async def login_of_invitation(service: Service, token: str) -> Row:
    """The provider by which a new person may take the post they are invited to. Raises NotFound: there is none, or no invitation."""
    async with transaction(service.engine) as tx:
        found = await invitations.load_open(tx, token)
        provider = await login_providers.load_one(tx, found.organization_id) if found and _is_new(found) else None
    if provider is None:
        raise NotFound
    return provider


async def send(
    service: Service,
    cookie: str,
    provider: Row,
    next_page: str,
    session: Session | None = None,
    invitation: str | None = None,
) -> str:
    """Where the browser is sent. session: to prove again who signed in so; the provider asks anew. invitation: to be accepted
    by who comes back. Raises NotSignedIn."""
    question, kind = Question.new(), SIGN_IN
    if session is not None:
        question, kind = replace(question, state=f"{AGAIN_STATE}{question.state}"), AGAIN
    try:
        metadata = await service.providers.metadata(provider.issuer)
    except ProviderAway:
        raise NotSignedIn("away") from None
    kept = [str(provider.organization_id), *astuple(question), provider.issuer, next_page, invitation]
    key = ceremonies.digest(cookie, kind, question.state)
    async with transaction(service.engine) as tx:
        ceremonies.keep(tx, key, service.box.seal(json.dumps(kept).encode(), f"ceremony:{kind}"))
    return oidc.authorization_url(
        metadata, _client(service, provider), question, max_age=None if session is None else 0
    )


async def come_back(
    service: Service,
    request_id: UUID,
    cookie: str,
    organization_id: UUID,
    said: Sequence[tuple[str, str]],
    browser_of: Callable[[str], Browser],
) -> tuple[Opened, str]:
    """Signed in, or as far as the second step; and where to go on. Raises NotSignedIn."""
    back = await _taken(service, cookie, SIGN_IN, organization_id, said)
    asked = Asked(request_id, Who(None, None).actor, "session.start")
    provider, proven = await _proven(service, asked, back, said)
    email = login_of(str(proven.claims.get("email", ""))) if proven.claims.get("email_verified") is True else ""
    async with transaction(service.engine) as tx:
        found = await login_subjects.find_account(
            tx, organization_id, back.issuer, proven.subject, email if is_email(email) else None
        )
        if not await login_providers.hold(tx, provider):
            why, opened = "stale", None
        elif back.invitation is not None:
            why, opened = await _joined(service, tx, request_id, provider, proven, back.invitation, browser_of)
        elif found is None:
            why, opened = "unknown", None
        else:
            asked = Asked(request_id, Who(found.id, found.name).actor, "session.start")
            why, opened = await _opened(service, tx, asked, provider, proven, found, browser_of(found.email))
        if opened is None:
            asked.served(tx, _told(back, why), refused="wrong_credentials")
    if opened is None:
        raise NotSignedIn(why)
    return opened, back.next_page


async def come_back_again(
    service: Service, request_id: UUID, cookie: str, session: Session, said: Sequence[tuple[str, str]]
) -> tuple[str, str]:
    """The same session under another cookie, its person authenticated by the provider just now. Raises NotSignedIn."""
    if session.vouched_by is None:
        raise NotSignedIn("stale")
    back = await _taken(service, cookie, AGAIN, session.vouched_by, said)
    asked = Asked(request_id, session.actor, "session.prove_again")
    recent = service.settings.step_up_seconds
    provider, proven = await _proven(service, asked, back, said, recent)
    async with transaction(service.engine) as tx:
        found = await login_subjects.find_account(tx, back.organization, back.issuer, proven.subject, None)
        same = found is not None and found.id == session.account_id and two_factors(provider, proven)
        right, cookie_now = same and await login_providers.hold(tx, provider), None
        if right:
            event = asked.served(tx, {"method": BOTH, "issuer": back.issuer})
            cookie_now = await sessions.reauthenticate(tx, session.id, BOTH, event)
        else:
            asked.served(tx, _told(back, "another"), refused="wrong_credentials")
    if cookie_now is None:
        raise NotSignedIn("another")
    return cookie_now, back.next_page


async def own_login(service: Service, session: Session) -> Row:
    """The provider that let this session in. Raises NotFound: none did, or it is gone."""
    async with transaction(service.engine) as tx:
        found = await login_providers.load_one(tx, session.vouched_by) if session.vouched_by else None
    if found is None:
        raise NotFound
    return found


def is_again(said: Sequence[tuple[str, str]]) -> bool:
    """Whether a browser that comes back was sent to prove itself again."""
    return any(name == "state" and value.startswith(AGAIN_STATE) for name, value in said)


async def _opened(
    service: Service, tx: Transaction, asked: Asked, provider: Row, proven: Proven, found: Row, browser: Browser
) -> tuple[str, Opened | None]:
    professions = professions_of(provider, proven.claims)
    if not await posts.load_posts(tx, found.id, provider.organization_id, professions):
        return "no_post", None
    if not found.linked or not two_factors(provider, proven):
        asks = not found.linked or service.settings.require_second_factor
        if asks and not await second_factors.load_kinds(tx, found.id):
            return "no_second_factor", None
    opened = await _on(service, tx, asked, provider, proven, found, browser, trusted=found.linked)
    if not found.linked:
        event = asked.served(tx, {"issuer": provider.issuer, "link": True})
        pending = cookie_hash(opened.cookie)
        login_subjects.link(tx, provider.organization_id, provider.issuer, proven.subject, found.id, pending, event)
    return "", opened


async def _on(
    service: Service,
    tx: Transaction,
    asked: Asked,
    provider: Row,
    proven: Proven,
    account: Row,
    browser: Browser,
    *,
    trusted: bool,
) -> Opened:
    """Signed in where the provider has seen two factors, and is trusted to say so of this account; else the second comes next."""
    vouched = Vouched(provider.organization_id, professions_of(provider, proven.claims), proven.authenticated_at)
    if trusted and two_factors(provider, proven):
        methods = (FEDERATED, BOTH if proven.authenticated_at is not None else BOTH_ONCE)
        return await complete(service, tx, asked, account, methods, browser, vouched)
    return await begin(service, tx, asked, account, (FEDERATED,), browser, vouched._replace(at=None))


async def _joined(
    service: Service,
    tx: Transaction,
    request_id: UUID,
    provider: Row,
    proven: Proven,
    token: str,
    browser_of: Callable[[str], Browser],
) -> tuple[str, Opened | None]:
    """A new person's account without a password, with the post of the invitation; the link's holder is who the provider says."""
    found, organization = await invitations.load_open(tx, token), provider.organization_id
    if found is None or not _is_new(found) or found.organization_id != organization:
        return "stale", None
    if await login_subjects.find_account(tx, organization, provider.issuer, proven.subject, None) is not None:
        return "another", None
    professions = professions_of(provider, proven.claims)
    if professions is not None and found.profession not in professions:
        return "no_post", None
    event = Asked(request_id, Who(None, found.name).actor, "member.join").served(
        tx, {"member_id": str(found.member_id)}
    )
    account = await accounts.insert_account(tx, found.email, found.name, found.name_kana, None, event)
    if account is None or not await invitations.accept(tx, token, found.member_id, account, event):
        raise NotFound
    login_subjects.link(tx, organization, provider.issuer, proven.subject, account, None, event)
    kept = await accounts.load_account(tx, account)
    asked = Asked(request_id, Who(account, found.name).actor, "session.start")
    return "", await _on(service, tx, asked, provider, proven, kept, browser_of(found.email), trusted=True)


def _is_new(invitation: Row) -> bool:
    return invitation.purpose == "join" and invitation.known_account is None


async def _taken(service: Service, cookie: str, kind: str, organization: UUID, said: Sequence[tuple[str, str]]) -> Back:
    states = [value for name, value in said if name == "state"]
    async with transaction(service.engine) as tx:
        sealed = await ceremonies.take(tx, ceremonies.digest(cookie, kind, states[0])) if len(states) == 1 else None
    if sealed is None:
        raise NotSignedIn("stale")
    try:
        kept, state, nonce, verifier, issuer, next_page, invitation = json.loads(
            service.box.open(sealed, f"ceremony:{kind}")
        )
    except CannotOpen:
        raise NotSignedIn("stale") from None
    if UUID(kept) != organization:
        raise NotSignedIn("stale")
    return Back(organization, Question(state, nonce, verifier), issuer, next_page, invitation)


async def _proven(
    service: Service, asked: Asked, back: Back, said: Sequence[tuple[str, str]], max_age: int | None = None
) -> tuple[Row, Proven]:
    async with transaction(service.engine) as tx:
        provider = await login_providers.load_one(tx, back.organization)
    if provider is None or provider.issuer != back.issuer:
        raise NotSignedIn("stale")
    try:
        metadata = await service.providers.metadata(back.issuer)
        code = oidc.read_answer(metadata, said)
        proven = await service.providers.signed_in(_client(service, provider), metadata, back.question, code, max_age)
        if not of_organization(provider, proven.claims):
            raise NotProven("of another organization of the provider")
    except ProviderAway:
        raise NotSignedIn("away") from None
    except NotProven as error:
        async with transaction(service.engine) as tx:
            asked.served(tx, _told(back, str(error)), refused="wrong_credentials")
        raise NotSignedIn("refused") from None
    return provider, proven


def _client(service: Service, provider: Row) -> RelyingClient:
    secret = None
    if provider.secret is not None:
        secret = service.box.open(bytes(provider.secret), purpose(provider.organization_id)).decode()
    redirect = callback(service.identity.issuer, provider.organization_id)
    return RelyingClient(provider.client_id, secret, redirect, provider.scopes)


def _told(back: Back, why: str) -> dict[str, object]:
    return {"organization_id": str(back.organization), "issuer": back.issuer, "why": why}
