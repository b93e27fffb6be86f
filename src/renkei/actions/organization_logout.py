"""事業所のログインの終わり: told by the provider (OpenID Connect Back-Channel Logout 1.0), on the way out to it, and for good."""

from uuid import UUID

from renkei.access import oidc
from renkei.access.audit import Asked
from renkei.access.jws import Malformed, Signed
from renkei.access.logout_tokens import prove_logout
from renkei.access.oidc import LEEWAY_SECONDS, LONGEST_AGE_SECONDS, NotProven
from renkei.access.providers import ProviderAway
from renkei.access.service import Service
from renkei.access.sessions import Session
from renkei.actions.session_steps import Who
from renkei.database import Row, transaction
from renkei.errors import NotFound
from renkei.ids import now
from renkei.store import ceremonies, login_providers, login_subjects

LOGOUT_SECONDS = LONGEST_AGE_SECONDS + 2 * LEEWAY_SECONDS
"""So long a logout token that was told is remembered: afterwards it is refused for when it was made."""


async def told_by_provider(service: Service, request_id: UUID, organization_id: UUID, logout_token: str) -> None:
    """End what the provider's subject has open by this organization's login, within a second. Raises NotProven, ProviderAway."""
    async with transaction(service.engine) as tx:
        provider = await login_providers.load_one(tx, organization_id)
    if provider is None:
        raise NotProven("the organization has no login")
    metadata = await service.providers.metadata(provider.issuer)
    try:
        signed = Signed.parse(logout_token)
    except Malformed:
        raise NotProven("the logout token is not a signed JWT") from None
    key = await service.providers.key(metadata, signed)
    told = prove_logout(signed, key, metadata, provider.client_id, now().timestamp())
    once = ceremonies.digest(str(organization_id), "organization.logout", f"{provider.issuer}\0{told.jti}")
    async with transaction(service.engine) as tx:
        if not await ceremonies.once(tx, once, LOGOUT_SECONDS):
            raise NotProven("told before")
        asked = Asked(request_id, Who(None, None).actor, "session.end")
        event = asked.served(tx, {"organization_id": str(organization_id), "issuer": provider.issuer, "by": "provider"})
        login_subjects.end_sessions(tx, organization_id, provider.issuer, told.subject, event)


async def way_out(service: Service, session: Session | None) -> str | None:
    """Where the provider that let a session in ends its own too; None: none did, it has no such page, or does not answer."""
    if session is None or session.vouched_by is None:
        return None
    async with transaction(service.engine) as tx:
        provider = await login_providers.load_one(tx, session.vouched_by)
    if provider is None:
        return None
    try:
        metadata = await service.providers.metadata(provider.issuer)
    except ProviderAway:
        return None
    return oidc.logout_url(metadata, provider.client_id, f"{service.identity.issuer}/login")


async def list_links(service: Service, session: Session) -> list[Row]:
    """By which organizations' logins one may sign in."""
    async with transaction(service.engine) as tx:
        return await login_subjects.load_linked(tx, session.account_id)


async def end_link(service: Service, request_id: UUID, session: Session, link_id: UUID) -> None:
    """One of them opens one's account no more. Raises NotFound."""
    async with transaction(service.engine) as tx:
        event = Asked(request_id, session.actor, "login_subject.end").served(tx, {"link_id": str(link_id)})
        if not await login_subjects.end_link(tx, session.account_id, link_id, event):
            raise NotFound
