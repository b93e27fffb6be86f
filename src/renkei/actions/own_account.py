"""自分のアカウント: password, authenticator app, recovery codes, sessions. By its owner, who has signed in; what changes how one signs in
asks for the password again.
"""

from typing import Any, NamedTuple
from uuid import UUID

import pyotp

from renkei.access.audit import Asked
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions.session_steps import TOTP, Opened, Wrong, elevate, renew, replace_codes, source_of, totp_step
from renkei.database import transaction
from renkei.errors import NotFound
from renkei.ids import new_id
from renkei.schemas.passwords import Weakness, weaknesses
from renkei.schemas.people import Browser, code_of, login_digest
from renkei.store import accounts, attempts, posts, second_factors, sessions

ISSUER = "renkei"


class Setup(NamedTuple):
    """An authenticator app being set up: the seed to type, and the address its QR code holds (otpauth)."""

    factor_id: UUID
    seed: str
    address: str


class Confirmed(NamedTuple):
    """The app counts from here on. codes: recovery codes, shown once; opened: the session, where it waited for this, or the
    present one's next cookie."""

    codes: list[str]
    opened: Opened | str


async def read_account(service: Service, session: Session) -> dict[str, Any]:
    """What its owner sees: posts, second factor, recovery codes left, sessions."""
    async with transaction(service.engine) as tx:
        return {
            "posts": await posts.load_posts(tx, session.account_id, session.vouched_by, session.professions),
            "account": await accounts.load_account(tx, session.account_id),
            "totp": await second_factors.load_totp(tx, session.account_id),
            "recovery_left": await second_factors.count_recovery(tx, session.account_id),
            "sessions": await sessions.load_open(
                tx, session.account_id, service.settings.session_idle_seconds, session.vouched_by
            ),
        }


async def change_password(
    service: Service, request_id: UUID, browser: Browser, session: Session, current: str, password: str
) -> str | list[Weakness] | Wrong:
    """Another password, unless it is weak; all other sessions end, this one goes on under the cookie answered."""
    if not await _knows(service, request_id, browser, session, current):
        return Wrong()
    async with transaction(service.engine) as tx:
        account = await accounts.load_account(tx, session.account_id)
        kinds = await second_factors.load_kinds(tx, session.account_id)
    if account is None:
        raise NotFound
    weak = weaknesses(password, (account.name, account.name_kana, session.name), account.email, bool(kinds))
    if weak:
        return weak
    hashed = await service.passwords.hash(password)
    async with transaction(service.engine) as tx:
        event = Asked(request_id, session.actor, "account.change_password").served(tx, {})
        accounts.set_password(tx, session.account_id, hashed, event)
        sessions.end_all(tx, session.account_id, session.id, event)
        return await renew(tx, session, event)


async def begin_totp(
    service: Service, request_id: UUID, browser: Browser, session: Session, current: str
) -> Setup | Wrong:
    """A new seed; it counts once a code of it has been given."""
    if not await _knows(service, request_id, browser, session, current):
        return Wrong()
    return await _begun(service, request_id, session)


async def begin_first_totp(service: Service, request_id: UUID, session: Session) -> Setup:
    """The same where the sign-in waits for it, which has shown its first factor minutes ago. Raises NotFound: it does not wait."""
    if session.stage != "enrolment":
        raise NotFound
    return await _begun(service, request_id, session)


async def _begun(service: Service, request_id: UUID, session: Session) -> Setup:
    factor, seed = new_id(), pyotp.random_base32()
    async with transaction(service.engine) as tx:
        event = Asked(request_id, session.actor, "account.begin_totp").served(tx, {"factor_id": str(factor)})
        sealed = service.box.seal(seed.encode(), f"totp:{factor}")
        second_factors.insert_totp(tx, factor, session.account_id, sealed, event)
    return _setup(session, factor, seed)


async def read_setup(service: Service, session: Session, factor_id: UUID) -> Setup:
    """The same again, to be shown again after a wrong code. Raises NotFound."""
    async with transaction(service.engine) as tx:
        factor = await second_factors.load_setup(tx, session.account_id, factor_id)
    if factor is None:
        raise NotFound
    return _setup(session, factor_id, service.box.open(bytes(factor.secret), f"totp:{factor_id}").decode())


async def confirm_totp(
    service: Service, request_id: UUID, browser: Browser, session: Session, factor_id: UUID, typed: str
) -> Confirmed | Wrong:
    """The first code of the new app: it counts from here on, in place of any other, with recovery codes of its own."""
    asked = Asked(request_id, session.actor, "account.confirm_totp")
    async with transaction(service.engine) as tx:
        # A sign-in that waits for the first one sets up no other: it has shown a password and nothing else.
        if not session.is_open and await second_factors.load_kinds(tx, session.account_id):
            raise NotFound
        factor = await second_factors.load_setup(tx, session.account_id, factor_id)
        step = totp_step(service, factor, code_of(typed)) if factor else None
        if factor is None or step is None or not await second_factors.use_step(tx, factor_id, step):
            return Wrong()
        event = asked.served(tx, {"factor_id": str(factor_id)})
        second_factors.confirm_totp(tx, session.account_id, factor_id, event)
        codes = replace_codes(tx, session.account_id, event)
        if session.is_open:
            sessions.end_all(tx, session.account_id, session.id, event)
            return Confirmed(codes, await renew(tx, session, event))
        opened = await elevate(service, tx, asked, session, TOTP, browser)
        return opened if isinstance(opened, Wrong) else Confirmed(codes, opened)


async def renew_recovery(
    service: Service, request_id: UUID, browser: Browser, session: Session, current: str
) -> Confirmed | Wrong:
    """Ten other recovery codes, shown once; the old ones open nothing any more."""
    if not await _knows(service, request_id, browser, session, current):
        return Wrong()
    async with transaction(service.engine) as tx:
        event = Asked(request_id, session.actor, "account.renew_recovery").served(tx, {})
        return Confirmed(replace_codes(tx, session.account_id, event), await renew(tx, session, event))


async def end_session(service: Service, request_id: UUID, session: Session, other: UUID | None) -> None:
    """End one of one's own, or all others. Raises NotFound: not one's own, or over."""
    async with transaction(service.engine) as tx:
        told = {"session_id": str(other)} if other else {"sessions": "all others"}
        event = Asked(request_id, session.actor, "session.end").served(tx, told)
        if other is None:
            sessions.end_all(tx, session.account_id, session.id, event)
        elif not await sessions.end_session(tx, session.account_id, other, event):
            raise NotFound


async def _knows(service: Service, request_id: UUID, browser: Browser, session: Session, password: str) -> bool:
    """Whether whoever sits there knows the password; wrong ones count as at signing in, and slow down alike."""
    source = source_of(service, browser, session.account_id)
    async with transaction(service.engine) as tx:
        account = await accounts.load_account(tx, session.account_id)
        attempt = await attempts.begin_attempt(tx, login_digest(session.email), source, "password")
    if isinstance(attempt, int) or account is None:
        return False
    right = await service.passwords.verify(account.password_hash, password)
    async with transaction(service.engine) as tx:
        if right:
            attempts.succeed(tx, attempt)
        else:
            Asked(request_id, session.actor, "account.prove").served(tx, {}, refused="wrong_credentials")
    return right


def _setup(session: Session, factor_id: UUID, seed: str) -> Setup:
    return Setup(factor_id, seed, pyotp.TOTP(seed).provisioning_uri(name=session.email, issuer_name=ISSUER))
