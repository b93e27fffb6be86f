"""The organizations' own logins (事業所のログイン). Reference data, so no grant."""

from uuid import UUID

from psycopg.types.json import Jsonb

from renkei.database import Row, Transaction
from renkei.schemas.login_providers import LoginProviderIn

LOAD = """
SELECT p.organization_id, p.issuer, p.client_id, p.secret, p.scopes, p.organization_claim, p.organization_values,
  p.profession_claim, p.professions, p.accepted_acr, p.accepted_amr, p.set_at, o.name AS organization_name
FROM login_providers p JOIN organizations o ON o.id = p.organization_id WHERE p.organization_id = %s
"""
BY_CODE = LOAD.replace("WHERE p.organization_id = %s", "WHERE o.code = %s AND o.suspended_at IS NULL")
SET = """
INSERT INTO login_providers (organization_id, issuer, client_id, secret, scopes, organization_claim, organization_values,
  profession_claim, professions, accepted_acr, accepted_amr, audit_event_id)
VALUES (%(organization)s, %(issuer)s, %(client_id)s, %(secret)s, %(scopes)s, %(organization_claim)s, %(organization_values)s,
  %(profession_claim)s, %(professions)s, %(acr)s, %(amr)s, %(event)s)
ON CONFLICT (organization_id) DO UPDATE SET issuer = EXCLUDED.issuer, client_id = EXCLUDED.client_id,
  secret = EXCLUDED.secret, scopes = EXCLUDED.scopes, organization_claim = EXCLUDED.organization_claim,
  organization_values = EXCLUDED.organization_values, profession_claim = EXCLUDED.profession_claim,
  professions = EXCLUDED.professions, accepted_acr = EXCLUDED.accepted_acr, accepted_amr = EXCLUDED.accepted_amr,
  set_at = now(), audit_event_id = EXCLUDED.audit_event_id
"""
# Whoever changes or removes it waits for who is signing in by it, and then ends that session too.
HOLD = """
SELECT p.organization_id FROM login_providers p JOIN organizations o ON o.id = p.organization_id
WHERE p.organization_id = %s AND p.set_at = %s AND o.suspended_at IS NULL FOR SHARE OF p
"""
REMOVE = "DELETE FROM login_providers WHERE organization_id = %s"


async def load_one(tx: Transaction, organization: UUID) -> Row | None:
    """That of an organization."""
    return await tx.row(LOAD, [organization])


async def load_by_code(tx: Transaction, code: str) -> Row | None:
    """That of the organization of this code, if it may act."""
    return await tx.row(BY_CODE, [code])


async def hold(tx: Transaction, provider: Row) -> bool:
    """Whether it stands as it was loaded, and goes on doing so until this transaction has ended."""
    return await tx.row(HOLD, [provider.organization_id, provider.set_at]) is not None


def set_one(tx: Transaction, organization: UUID, said: LoginProviderIn, secret: bytes | None, event_id: UUID) -> None:
    """Keep it, in place of the one before. secret: sealed."""
    values = {
        "organization": organization,
        "issuer": said.issuer,
        "client_id": said.client_id,
        "secret": secret,
        "scopes": said.scopes,
        "organization_claim": said.organization.claim if said.organization else None,
        "organization_values": said.organization.values if said.organization else [],
        "profession_claim": said.profession.claim if said.profession else None,
        "professions": Jsonb(said.profession.values if said.profession else {}),
        "acr": said.second_factor.acr,
        "amr": said.second_factor.amr,
        "event": event_id,
    }
    tx.later(SET, values)


def remove_one(tx: Transaction, organization: UUID) -> None:
    """Nobody signs in by it any more."""
    tx.later(REMOVE, [organization])
