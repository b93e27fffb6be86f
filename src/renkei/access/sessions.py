"""Cookie → who is signed in. A session is a row; its cookie is 256 random bits, kept as a hash.

What was found is remembered for a second, no longer than revocation may take to act (design §11).
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.actor import Actor, Organization, SignedIn
from renkei.access.standing import POST_STANDS
from renkei.access.step_up import SECOND_FACTORS
from renkei.database import Row, transaction
from renkei.errors import Unauthorized
from renkei.settings import Settings
from renkei.vocabulary import ActorKind, Office, OrganizationKind, Profession

REMEMBER_SECONDS = 1.0
REMEMBER_AT_MOST = 10_000
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

# The post counts only while it, and its organization, stand; without one the person is signed in, under no hat.
STANDING = f"""
SELECT s.id, s.account_id, s.stage, s.methods, s.authenticated_at, s.organization_id AS vouched_by, s.professions,
  s.methods && %(second)s::text[] AS by_second, s.authenticated_at > now() - make_interval(secs => %(recent)s) AS fresh,
  s.last_seen_at < now() - interval '1 minute' AS unseen,
  coalesce(post.name, a.name) AS name, a.email, post.id AS member_id, post.office, post.profession, post.organization_id, post.code,
  post.organization_name, post.kind
FROM sessions s
JOIN accounts a ON a.id = s.account_id
LEFT JOIN LATERAL (
  SELECT m.id, m.name, m.office, m.profession, o.id AS organization_id, o.code, o.name AS organization_name, o.kind
  FROM members m JOIN organizations o ON o.id = m.organization_id
  WHERE m.id = s.member_id AND m.account_id = s.account_id AND {POST_STANDS}
    AND (s.organization_id IS NULL OR m.organization_id = s.organization_id)
    AND (s.professions IS NULL OR m.profession = ANY (s.professions))
) post ON true
WHERE s.secret_hash = %(hash)s AND s.ended_at IS NULL AND s.expires_at > now()
  AND s.last_seen_at > now() - make_interval(secs => %(idle)s)
"""  # noqa: S608 - composed of literals of ours; what a request says is a parameter
SEEN = "UPDATE sessions SET last_seen_at = now() WHERE id = %s AND ended_at IS NULL"


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser. stage: what is still to be proved, ``open`` when nothing is. actor: who acts under its hat.

    vouched_by: the organization whose own login let the person in, and whose posts alone may be chosen; of these professions
    only, where it says as which. fresh: whatever was proved, it was minutes ago, by the database's clock.
    """

    id: UUID
    account_id: UUID
    email: str
    name: str
    stage: str
    actor: Actor
    vouched_by: UUID | None
    professions: tuple[str, ...] | None
    fresh: bool

    @property
    def is_open(self) -> bool:
        """Whether all has been proved."""
        return self.stage == "open"

    @property
    def has_hat(self) -> bool:
        """Whether it acts under a post that stands."""
        return self.is_open and self.actor.organization is not None


class Sessions:
    """Finds whose a cookie is, for one service."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.limits = {
            "idle": settings.session_idle_seconds,
            "recent": settings.step_up_seconds,
            "second": list(SECOND_FACTORS),
        }
        address = urlsplit(settings.issuer)
        self.secure = not (address.scheme == "http" and address.hostname in LOOPBACK)
        self.origin = f"{address.scheme}://{address.netloc}"
        self._remembered: dict[str, tuple[float, Session | None]] = {}

    def cookie_name(self, purpose: str = "") -> str:
        """``__Host-``: set by this host alone, over TLS alone, for no other (RFC 6265bis). Without TLS only on this machine."""
        name = f"renkei-{purpose}" if purpose else "renkei"
        return f"__Host-{name}" if self.secure else name

    async def find(self, cookie: str) -> Session | None:
        """Whose it is, at whatever stage; None: nobody's, or over."""
        moment = time.monotonic()
        remembered = self._remembered.get(cookie)
        if remembered is not None and remembered[0] > moment:
            return remembered[1]
        async with transaction(self.engine) as tx:
            row = await tx.row(STANDING, {"hash": cookie_hash(cookie), **self.limits})
            if row is not None and row.unseen:
                tx.later(SEEN, [row.id])
        found = _session(row) if row else None
        if len(self._remembered) >= REMEMBER_AT_MOST:
            self._remembered.clear()
        self._remembered[cookie] = (moment + REMEMBER_SECONDS, found)
        return found

    async def identify(self, cookie: str) -> Actor:
        """Who acts by it on /v1. Raises Unauthorized: over, not proved to the end, or without a post."""
        session = await self.find(cookie)
        if session is None or not session.is_open:
            raise Unauthorized(OVER)
        if session.actor.organization is None:
            raise Unauthorized(NO_HAT)
        return session.actor

    def forget(self, cookie: str) -> None:
        """Look again at the next request: something about it has changed."""
        self._remembered.pop(cookie, None)


def own_page(headers: Mapping[str, str], origin: str) -> bool:
    """Whether a browser says that a page of ours asks (Fetch Metadata, Origin). What is no browser says nothing.

    origin: where we are reached; the host that the request itself names is ours too, as on a machine with two names.
    """
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        return False
    said = headers.get("origin")
    return said is None or said == origin or urlsplit(said).netloc == headers.get("host")


def new_cookie() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def cookie_hash(cookie: str) -> bytes:
    """How a session's cookie is kept."""
    return hashlib.sha256(cookie.encode()).digest()


def form_token(cookie: str) -> str:
    """What a page hands its own forms and scripts, and nobody else can know: bound to the cookie, and not its kept hash."""
    return hashlib.sha256(f"form:{cookie}".encode()).hexdigest()


def is_form_token(cookie: str, token: str) -> bool:
    """Whether it is this cookie's."""
    return hmac.compare_digest(form_token(cookie).encode(), token.encode("utf-8", "replace"))


def _session(row: Row) -> Session:
    organization, kind = None, ActorKind.member
    professions: tuple[Profession, ...] = ()
    if row.member_id is not None:
        organization = Organization(row.organization_id, row.code, row.organization_name, OrganizationKind(row.kind))
        professions = (Profession(row.profession),) if row.profession else ()
        kind = ActorKind.organization_admin if row.office == Office.organization_admin else ActorKind.member
    recently = row.by_second and row.fresh
    signed = SignedIn(row.id, row.account_id, row.member_id, tuple(row.methods), row.authenticated_at, recently)
    actor = Actor(kind, None, organization, professions, str(row.account_id), row.name, signed_in=signed)
    limit = None if row.professions is None else tuple(row.professions)
    return Session(row.id, row.account_id, row.email, row.name, row.stage, actor, row.vouched_by, limit, row.fresh)


OVER = (
    "サインインの有効期限が切れたか、終了しています",
    "This session is over; sign in again",
)
NO_HAT = (
    "どの事業所の職員として働くかを選んでください(/account)",
    "Choose at /account for which organization you act",
)
