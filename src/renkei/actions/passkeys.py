"""パスキー: made and removed at one's account, and shown: to sign in, as the second step, or to prove oneself again.

What a browser is asked is kept under the cookie of its pages and counts once, before anything about the answer is known.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from renkei.access import passkeys
from renkei.access.audit import Asked
from renkei.access.passkeys import NewPasskey, Proof, RelyingParty, WrongPasskey
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.access.step_up import PROVE_AGAIN, SIGN_IN_AGAIN
from renkei.actions.session_steps import Opened, Who, Wrong, complete, elevate, renew, replace_codes
from renkei.database import Row, Transaction, transaction
from renkei.errors import Conflict, Forbidden, NotFound
from renkei.schemas.people import Browser
from renkei.secret_box import CannotOpen
from renkei.store import accounts, ceremonies, second_factors, sessions
from renkei.store import passkeys as kept
from renkei.vocabulary import Reason

KEY, ALONE = "pop", ("pop", "user", "mfa")
"""``amr`` (RFC 8176): a key of the owner's; with the owner verified by PIN, finger or face it stands for two factors."""
MAKE, SIGN_IN, SECOND, AGAIN = "passkey.make", "passkey.sign_in", "passkey.second", "passkey.again"
LONGEST_NAME = 60
LAST = (
    "最後の第二要素は外せません。先に別のパスキーか認証アプリを登録してください",
    "The last second factor stays: set up another passkey or an authenticator app first",
)
MOST = 20

Answer = Mapping[str, Any]


class Enrolled(NamedTuple):
    """The passkey counts from here on. codes: recovery codes, shown once."""

    codes: list[str]
    opened: Opened


async def list_own(service: Service, session: Session) -> list[Row]:
    """One's own, for whoever may change them. Raises Forbidden: who sits there is to prove it anew first."""
    async with transaction(service.engine) as tx:
        await _require_recent(tx, session)
        return await kept.load_passkeys(tx, session.account_id)


async def ask_to_make(service: Service, cookie: str, session: Session) -> dict[str, Any]:
    """What the browser is asked to make. Raises NotFound: no passkeys here, or as many as may be."""
    party, challenge = _party(service), secrets.token_bytes(32)
    async with transaction(service.engine) as tx:
        await _require_recent(tx, session)
        own = await kept.load_passkeys(tx, session.account_id)
        if len(own) >= MOST:
            raise NotFound
        _keep(service, tx, cookie, MAKE, challenge)
    known = [bytes(one.credential_id) for one in own]
    return passkeys.registration_options(party, challenge, session.account_id, session.email, session.name, known)


async def make(
    service: Service, request_id: UUID, cookie: str, session: Session, answer: Answer, name: str
) -> str | Wrong:
    """Keep what the browser has made; the session goes on under the cookie answered. Wrong: it does not hold, or is kept already."""
    made = await _made(service, cookie, answer)
    async with transaction(service.engine) as tx:
        await _require_recent(tx, session)
        event = await _kept(tx, request_id, session, made, name)
        return Wrong() if event is None else await renew(tx, session, event)


async def enrol(
    service: Service, request_id: UUID, cookie: str, session: Session, answer: Answer, name: str, browser: Browser
) -> Enrolled | Wrong:
    """The first second factor, where the sign-in waits for one: a passkey, with recovery codes for the day it is lost."""
    made = await _made(service, cookie, answer)
    async with transaction(service.engine) as tx:
        if session.stage != "enrolment" or await second_factors.load_kinds(tx, session.account_id):
            raise NotFound
        event = await _kept(tx, request_id, session, made, name)
        if event is None:
            return Wrong()
        codes = replace_codes(tx, session.account_id, event)
        asked = Asked(request_id, session.actor, "session.start")
        opened = await elevate(service, tx, asked, session, KEY, browser)
        return opened if isinstance(opened, Wrong) else Enrolled(codes, opened)


async def remove(service: Service, request_id: UUID, session: Session, passkey_id: UUID) -> str:
    """One of one's own counts no more; the session's next cookie. Raises NotFound; Conflict: the last second factor, where one is required."""
    async with transaction(service.engine) as tx:
        await _require_recent(tx, session)
        event = Asked(request_id, session.actor, "passkey.remove").served(tx, {"passkey_id": str(passkey_id)})
        if not await kept.end_passkey(tx, session.account_id, passkey_id, event):
            raise NotFound
        # Without any the password alone would open the next sign-in, and let whoever has it set up the next factor.
        if service.settings.require_second_factor and not await second_factors.load_kinds(tx, session.account_id):
            raise Conflict("last_second_factor", LAST)
        return await renew(tx, session, event)


async def ask_to_show(service: Service, cookie: str, session: Session | None) -> dict[str, Any]:
    """What the browser is asked to show: anybody's passkey to sign in; of whoever is known, one of their own."""
    party, challenge, own = _party(service), secrets.token_bytes(32), None
    async with transaction(service.engine) as tx:
        if session is not None:
            own = [
                (bytes(one.credential_id), one.transports) for one in await kept.load_passkeys(tx, session.account_id)
            ]
        _keep(service, tx, cookie, _purpose(session), challenge)
    return passkeys.authentication_options(party, challenge, own)


async def sign_in(
    service: Service, request_id: UUID, cookie: str, answer: Answer, browser_of: Callable[[str], Browser]
) -> Opened | Wrong:
    """Signed in by a passkey alone, whose owner it has verified."""
    challenge = await _challenge(service, cookie, SIGN_IN)
    async with transaction(service.engine) as tx:
        found = await _found(tx, answer)
        account = await accounts.load_account(tx, found.account_id) if found else None
        if found is None or account is None:
            return Wrong()
        asked = Asked(request_id, Who(account.id, account.name).actor, "session.start")
        browser = browser_of(account.email)
        proof = await _proof(service, tx, challenge, answer, found, only_factor=True)
        if proof is None:
            asked.served(tx, {"address": browser.address, "step": "passkey"}, refused="wrong_credentials")
            return Wrong()
        return await complete(service, tx, asked, account, ALONE, browser)


async def second_step(
    service: Service, request_id: UUID, cookie: str, session: Session, answer: Answer, browser: Browser
) -> Opened | Wrong:
    """The second step by a passkey in place of a code."""
    challenge = await _challenge(service, cookie, SECOND)
    asked = Asked(request_id, session.actor, "session.start")
    async with transaction(service.engine) as tx:
        if session.stage != "second_factor" or not await _own(service, tx, challenge, session, answer):
            asked.served(tx, {"address": browser.address, "step": "passkey"}, refused="wrong_credentials")
            return Wrong()
        return await elevate(service, tx, asked, session, KEY, browser)


async def again(service: Service, request_id: UUID, cookie: str, session: Session, answer: Answer) -> str | Wrong:
    """Proved again by a passkey: the same session under another cookie."""
    challenge = await _challenge(service, cookie, AGAIN)
    asked = Asked(request_id, session.actor, "session.prove_again")
    async with transaction(service.engine) as tx:
        proof = await _own(service, tx, challenge, session, answer)
        if proof is None:
            asked.served(tx, {"step": "passkey"}, refused="wrong_credentials")
            return Wrong()
        event = asked.served(tx, {"method": KEY})
        return await sessions.reauthenticate(tx, session.id, KEY, event) or Wrong()


async def _require_recent(tx: Transaction, session: Session) -> None:
    """The second factor was shown minutes ago, or, where there is none, the person has signed in minutes ago. Otherwise whoever
    finds the tablet could add a passkey of their own. (A sign-in that waits for its first one is itself minutes old.)"""
    if session.stage == "enrolment":
        return
    signed = session.actor.signed_in
    if not await second_factors.load_kinds(tx, session.account_id):
        if not session.fresh:
            raise Forbidden(Reason.not_proved_recently, "session.recent", "yourself", SIGN_IN_AGAIN)
    elif signed is None or not signed.recently:
        raise Forbidden(Reason.not_proved_recently, "second_factor.recent", "yourself", PROVE_AGAIN)


async def _made(service: Service, cookie: str, answer: Answer) -> NewPasskey | None:
    try:
        return passkeys.registered(_party(service), await _challenge(service, cookie, MAKE), answer)
    except WrongPasskey:
        return None


async def _kept(tx: Transaction, request_id: UUID, session: Session, made: NewPasskey | None, name: str) -> UUID | None:
    """The event by which it was kept; None: it was none, or is kept already."""
    if made is None:
        return None
    event = Asked(request_id, session.actor, "passkey.add").served(tx, {"name": name, "synced": made.synced})
    return event if await kept.insert_passkey(tx, session.account_id, made, name, event) else None


def _party(service: Service) -> RelyingParty:
    if (party := passkeys.relying_party(service.identity.issuer)) is None:
        raise NotFound  # browsers know none here (docs/decisions/0045)
    return party


def _purpose(session: Session | None) -> str:
    if session is None:
        return SIGN_IN
    return AGAIN if session.is_open else SECOND


def _keep(service: Service, tx: Transaction, cookie: str, purpose: str, challenge: bytes) -> None:
    ceremonies.keep(tx, ceremonies.digest(cookie, purpose), service.box.seal(challenge, f"ceremony:{purpose}"))


async def _challenge(service: Service, cookie: str, purpose: str) -> bytes:
    """That of the question this browser was asked, used up with this. A random one, which nothing answers, where there is none."""
    async with transaction(service.engine) as tx:
        sealed = await ceremonies.take(tx, ceremonies.digest(cookie, purpose))
    try:
        return service.box.open(sealed, f"ceremony:{purpose}") if sealed else secrets.token_bytes(32)
    except CannotOpen:
        return secrets.token_bytes(32)


async def _found(tx: Transaction, answer: Answer) -> passkeys.KeptPasskey | None:
    try:
        return await kept.find_passkey(tx, passkeys.named(answer))
    except WrongPasskey:
        return None


async def _own(service: Service, tx: Transaction, challenge: bytes, session: Session, answer: Answer) -> Proof | None:
    found = await _found(tx, answer)
    if found is None or found.account_id != session.account_id:
        return None
    return await _proof(service, tx, challenge, answer, found, only_factor=False)


async def _proof(
    service: Service,
    tx: Transaction,
    challenge: bytes,
    answer: Answer,
    found: passkeys.KeptPasskey,
    *,
    only_factor: bool,
) -> Proof | None:
    try:
        proof = passkeys.proven(_party(service), challenge, answer, found, only_factor=only_factor)
    except WrongPasskey:
        return None
    return proof if await kept.use_passkey(tx, proof) else None
