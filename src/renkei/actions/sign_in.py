"""サインイン: password, second factor, post; and out again. Each step is answered by a session under a new cookie, or by why not.

The act is on record in a transaction of its own, refused or not: whoever guesses is counted before anything is compared.
"""

from uuid import UUID

from renkei.access.audit import Asked
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions.session_steps import ONE_TIME, PASSWORD, Opened, Who, Wrong, begin, elevate, prove_code, source_of
from renkei.database import transaction
from renkei.errors import NotFound
from renkei.schemas.people import Browser, login_digest, login_of
from renkei.store import accounts, attempts, login_subjects, posts, second_factors, sessions
from renkei.throttle import Limit


async def prove_password(
    service: Service, request_id: UUID, browser: Browser, email: str, password: str
) -> Opened | Wrong:
    """The first step. An account that does not exist takes as long as a wrong password, in the database too."""
    login = login_digest(email)
    async with transaction(service.engine) as tx:
        account = await accounts.load_by_email(tx, login_of(email))
        source = source_of(service, browser, account.id if account else None)
        if not source.known_device:  # nor does a colleague's system whose tokens are refused shut it out
            service.throttle.require(Limit.refused_address, browser.address)
        attempt = await attempts.begin_attempt(tx, login, source, "password")
    if isinstance(attempt, int):
        return Wrong(attempt)
    kept: str | None = account.password_hash if account else None
    right = await service.passwords.verify(kept, password)
    fresh = await service.passwords.hash(password) if right and kept and service.passwords.outdated(kept) else None
    who = Who(account.id, account.name) if account else Who(None, None)
    asked = Asked(request_id, who.actor, "session.start")
    if not right and not source.known_device:
        service.throttle.count(Limit.refused_address, browser.address)
    async with transaction(service.engine) as tx:
        if account is None or kept is None or not right:
            asked.served(tx, {"address": browser.address, "step": "password"}, refused="wrong_credentials")
            return Wrong()
        attempts.succeed(tx, attempt)
        if fresh is not None:
            accounts.rehash(tx, account.id, kept, fresh)
        return await begin(service, tx, asked, account, (PASSWORD,), browser)


async def prove_second_factor(
    service: Service, request_id: UUID, browser: Browser, session: Session, typed: str
) -> Opened | Wrong:
    """The second step: a code of the app, a recovery code or the administrator's, told apart by their length."""
    if session.stage != "second_factor":
        raise NotFound
    asked = Asked(request_id, session.actor, "session.start")
    async with transaction(service.engine) as tx:
        # An administrator who sets the provider and gives the code would be a colleague: linking takes the owner's own.
        but = ONE_TIME if session.vouched_by and await login_subjects.awaits(tx, session.id) else ""
        method = await prove_code(service, tx, asked, browser, session.account_id, session.email, typed, but)
        if isinstance(method, Wrong):
            return method
        return await elevate(service, tx, asked, session, method, browser)


async def prove_again(
    service: Service, request_id: UUID, browser: Browser, session: Session, typed: str
) -> str | Wrong:
    """Whoever is signed in proves a second factor once more: the same session under another cookie, proved at this moment."""
    asked = Asked(request_id, session.actor, "session.prove_again")
    async with transaction(service.engine) as tx:
        method = await prove_code(service, tx, asked, browser, session.account_id, session.email, typed)
        if isinstance(method, Wrong):
            return method
        event = asked.served(tx, {"method": method})
        return await sessions.reauthenticate(tx, session.id, method, event) or Wrong()


async def has_second_factor(service: Service, session: Session) -> bool:
    """Whether there is anything by which whoever is signed in could prove themselves again; else they sign in again."""
    async with transaction(service.engine) as tx:
        return bool(await second_factors.load_kinds(tx, session.account_id))


async def choose_post(service: Service, request_id: UUID, session: Session, post: UUID) -> str:
    """Wear another hat: the same session under another cookie. Raises NotFound: not a post of one's own that stands."""
    async with transaction(service.engine) as tx:
        held = await posts.load_posts(tx, session.account_id, session.vouched_by, session.professions)
        if not session.is_open or post not in {one.id for one in held}:
            raise NotFound
        event = Asked(request_id, session.actor, "session.choose_post").served(tx, {"member_id": str(post)})
        cookie = await sessions.choose_post(tx, session.id, post, event)
    if cookie is None:
        raise NotFound
    return cookie


async def sign_out(service: Service, request_id: UUID, session: Session) -> None:
    """End this session."""
    async with transaction(service.engine) as tx:
        event = Asked(request_id, session.actor, "session.end").served(tx, {"session_id": str(session.id)})
        await sessions.end_session(tx, session.account_id, session.id, event)
