"""What all ways of signing in share: what follows on a factor, and by which device it came. For actions; no act by itself."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import pyotp

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.database import Row, Transaction
from renkei.errors import NotFound
from renkei.ids import now
from renkei.schemas.people import (
    ALPHABET,
    ONE_TIME_LETTERS,
    RECOVERY_LETTERS,
    Browser,
    code_of,
    grouped,
    login_digest,
)
from renkei.secret_box import CannotOpen
from renkei.store import accounts, attempts, login_subjects, posts, second_factors, sessions
from renkei.store.attempts import Source
from renkei.store.sessions import Vouched
from renkei.vocabulary import ActorKind

PENDING_SECONDS = 600
"""How long the second step may take."""
DEVICE_BYTES = 16
PASSWORD, TOTP, RECOVERY, ONE_TIME = "pwd", "otp", "recovery", "one_time"
TOTP_SECONDS = 30
RECOVERY_CODES = 10


class Opened(NamedTuple):
    """A session. device: what the browser keeps from now on, when all has been proved."""

    cookie: str
    stage: str
    email: str
    device: str | None = None


class Who(NamedTuple):
    """Whose steps these are, as the ledger names them; nobody's where there is no such account."""

    account_id: UUID | None
    name: str | None

    @property
    def actor(self) -> Actor:
        """Before there is a session."""
        user = str(self.account_id) if self.account_id else None
        return Actor(ActorKind.member, None, None, (), user, self.name)


class Wrong(NamedTuple):
    """Not opened. seconds: when to try again; 0: at once."""

    seconds: int = 0


async def begin(
    service: Service,
    tx: Transaction,
    asked: Asked,
    account: Row,
    methods: Sequence[str],
    browser: Browser,
    vouched: Vouched | None = None,
) -> Opened:
    """What follows on a first factor: the second, setting one up, or, where none is required, the session itself.

    methods: what was proved, as ``amr`` (RFC 8176) names it; account: a row with ``id`` and ``email``; vouched: by whose own login.
    """
    stage = "second_factor"
    if not await second_factors.load_kinds(tx, account.id):
        stage = "enrolment" if service.settings.require_second_factor else "open"
    return await _opened(service, tx, asked, account, stage, methods, browser, vouched)


async def complete(
    service: Service,
    tx: Transaction,
    asked: Asked,
    account: Row,
    methods: Sequence[str],
    browser: Browser,
    vouched: Vouched | None = None,
) -> Opened:
    """All has been proved: a session, under the person's one post where there is but one."""
    return await _opened(service, tx, asked, account, "open", methods, browser, vouched)


async def elevate(
    service: Service, tx: Transaction, asked: Asked, session: Session, method: str, browser: Browser
) -> Opened | Wrong:
    """A pending session that has proved one thing more ends, and another begins; Wrong: it has ended meanwhile."""
    signed = session.actor.signed_in
    methods = (*(signed.methods if signed else ()), method)
    event = asked.served(tx, {"method": method})
    if not await sessions.end_session(tx, session.account_id, session.id, event):
        return Wrong()
    login_subjects.confirm(tx, session.id, event)
    account = await accounts.load_account(tx, session.account_id)
    vouched = Vouched(session.vouched_by, session.professions) if session.vouched_by else None
    return await complete(service, tx, asked, account, methods, browser, vouched)


async def _opened(
    service: Service,
    tx: Transaction,
    asked: Asked,
    account: Row,
    stage: str,
    methods: Sequence[str],
    browser: Browser,
    vouched: Vouched | None,
) -> Opened:
    post, device, seconds = None, None, PENDING_SECONDS
    if stage == "open":
        held = await posts.load_posts(tx, account.id, *(vouched[:2] if vouched else ()))
        post = held[0].id if len(held) == 1 else None
        device, seconds = device_of(service, browser, account.id), service.settings.session_seconds
    event = asked.served(tx, {"address": browser.address, "methods": list(methods), "stage": stage})
    if browser.session is not None:
        sessions.end_before(tx, browser.session, event)
    cookie = sessions.open_session(tx, account.id, post, stage, methods, browser.named, seconds, event, vouched)
    return Opened(cookie, stage, account.email, device)


async def renew(tx: Transaction, session: Session, event_id: UUID) -> str:
    """Another cookie for this session, since how one signs in has changed. Raises NotFound: it has ended meanwhile."""
    cookie = await sessions.renew(tx, session.id, event_id)
    if cookie is None:
        raise NotFound
    return cookie


async def prove_code(
    service: Service,
    tx: Transaction,
    asked: Asked,
    browser: Browser,
    account_id: UUID,
    email: str,
    typed: str,
    but: str = "",
) -> str | Wrong:
    """By which kind of second factor a code counts, and now counts no more; Wrong, on record: it does not, or not now."""
    source = source_of(service, browser, account_id)
    attempt = await attempts.begin_attempt(tx, login_digest(email), source, "second_factor")
    if isinstance(attempt, int):
        return Wrong(attempt)
    method = await use_code(service, tx, account_id, code_of(typed), but)
    if method is None:
        asked.served(tx, {"address": browser.address, "step": "second_factor"}, refused="wrong_credentials")
        return Wrong()
    attempts.succeed(tx, attempt)
    return method


def source_of(service: Service, browser: Browser, account_id: UUID | None) -> Source:
    """A device this account was signed in with before, by what it keeps; else the address."""
    if browser.device is not None and account_id is not None:
        try:
            sealed = base64.urlsafe_b64decode(browser.device + "=" * (-len(browser.device) % 4))
            return Source(hashlib.sha256(b"device:" + service.box.open(sealed, f"device:{account_id}")).digest(), True)
        except (CannotOpen, ValueError):
            pass
    return Source(hashlib.sha256(b"address:" + browser.address.encode()).digest(), False)


def device_of(service: Service, browser: Browser, account_id: UUID) -> str:
    """What makes the device known: sealed, so that only we can have made it, and good for this account alone."""
    if source_of(service, browser, account_id).known_device and browser.device is not None:
        return browser.device
    sealed = service.box.seal(secrets.token_bytes(DEVICE_BYTES), f"device:{account_id}")
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def replace_codes(tx: Transaction, account_id: UUID, event_id: UUID) -> list[str]:
    """Ten other recovery codes, as they are shown this once."""
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(RECOVERY_LETTERS)) for _ in range(RECOVERY_CODES)]
    second_factors.replace_recovery(tx, account_id, codes, event_id)
    return [grouped(code) for code in codes]


async def use_code(service: Service, tx: Transaction, account_id: UUID, code: str, but: str = "") -> str | None:
    """By which kind of second factor the code counts, and now counts no more; None: it does not. but: a kind not taken here."""
    if len(code) == RECOVERY_LETTERS:
        return RECOVERY if await second_factors.use_recovery(tx, account_id, code) else None
    if len(code) == ONE_TIME_LETTERS:
        if but == ONE_TIME:
            return None
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
