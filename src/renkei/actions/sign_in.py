"""サインイン: password, second factor, post; and out again. Each step is answered by a session under a new cookie, or by why not.

The act is on record in a transaction of its own, refused or not: whoever guesses is counted before anything is compared.
"""

from typing import NamedTuple
from uuid import UUID

import pyotp

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions.session_steps import Opened, Wrong, begin, elevate, source_of
from renkei.database import Row, Transaction, transaction
from renkei.errors import NotFound
from renkei.ids import now
from renkei.schemas.people import Browser, code_of, login_digest, login_of
from renkei.secret_box import CannotOpen
from renkei.store import accounts, attempts, posts, second_factors, sessions
from renkei.vocabulary import ActorKind

PASSWORD, TOTP, RECOVERY, ONE_TIME = "pwd", "otp", "recovery", "one_time"
TOTP_SECONDS, TOTP_DIGITS, RECOVERY_LETTERS, ONE_TIME_LETTERS = 30, 6, 16, 10


class Who(NamedTuple):
    """Whose steps these are, as the ledger names them; nobody's where there is no such account."""

    account_id: UUID | None
    name: str | None

    @property
    def actor(self) -> Actor:
        """Before there is a session."""
        user = str(self.account_id) if self.account_id else None
        return Actor(ActorKind.member, None, None, (), user, self.name)


async def prove_password(
    service: Service, request_id: UUID, browser: Browser, email: str, password: str
) -> Opened | Wrong:
    """The first step. An account that does not exist takes as long as a wrong password, in the database too."""
    login = login_digest(email)
    async with transaction(service.engine) as tx:
        account = await accounts.load_by_email(tx, login_of(email))
        source = source_of(service, browser, account.id if account else None)
        attempt = await attempts.begin_attempt(tx, login, source, "password")
    if isinstance(attempt, int):
        return Wrong(attempt)
    kept: str | None = account.password_hash if account else None
    right = await service.passwords.verify(kept, password)
    fresh = await service.passwords.hash(password) if right and kept and service.passwords.outdated(kept) else None
    who = Who(account.id, account.name) if account else Who(None, None)
    asked = Asked(request_id, who.actor, "session.start")
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
    asked, code = Asked(request_id, session.actor, "session.start"), code_of(typed)
    source = source_of(service, browser, session.account_id)
    async with transaction(service.engine) as tx:
        attempt = await attempts.begin_attempt(tx, login_digest(session.email), source, "second_factor")
        if isinstance(attempt, int):
            return Wrong(attempt)
        method = await _used(service, tx, session.account_id, code)
        if method is None:
            asked.served(tx, {"address": browser.address, "step": "second_factor"}, refused="wrong_credentials")
            return Wrong()
        attempts.succeed(tx, attempt)
        return await elevate(service, tx, asked, session, method, browser)


async def choose_post(service: Service, request_id: UUID, session: Session, post: UUID) -> str:
    """Wear another hat: the same session under another cookie. Raises NotFound: not a post of one's own that stands."""
    async with transaction(service.engine) as tx:
        held = await posts.load_posts(tx, session.account_id, session.vouched_by)
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


async def _used(service: Service, tx: Transaction, account_id: UUID, code: str) -> str | None:
    """By which kind of second factor the code counts, and now counts no more; None: it does not."""
    if len(code) == RECOVERY_LETTERS:
        return RECOVERY if await second_factors.use_recovery(tx, account_id, code) else None
    if len(code) == ONE_TIME_LETTERS:
        return ONE_TIME if await second_factors.use_one_time(tx, account_id, code) else None
    factor = await second_factors.load_totp(tx, account_id)
    if factor is None or (step := totp_step(service, factor, code)) is None:
        return None
    return TOTP if await second_factors.use_step(tx, factor.id, step) else None


def totp_step(service: Service, factor: Row, code: str) -> int | None:
    """The step of the clock whose code this is, of now and of one before and after (RFC 6238 §5.2); None: of none."""
    try:
        seed = service.box.open(bytes(factor.secret), f"totp:{factor.id}").decode()
    except CannotOpen:
        return None
    clock, present = pyotp.TOTP(seed), int(now().timestamp()) // TOTP_SECONDS
    # All three are compared, whichever it is.
    right = [
        step
        for step in (present - 1, present, present + 1)
        if pyotp.utils.strings_equal(clock.at(step * TOTP_SECONDS), code)
    ]
    return right[-1] if right else None
