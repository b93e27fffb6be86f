"""Sealing by hand, and the ledger as lines."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.http.inside import as_owner

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.tokens import Keys
from renkei.access.verification import Stamped, Verifier
from renkei.actions.audit_export import Days, export_lines
from renkei.database import SERVICE_ROLE, WORKER_ROLE, make_engine
from renkei.ids import new_id, now
from renkei.settings import Settings
from renkei.vocabulary import ActorKind
from renkei.worker.journal import Journal
from renkei.worker.sealing import Sealer

EVERYTHING = Days()


def sealer(settings: Settings, folder: Path | None = None) -> Sealer:
    """As ``renkei work`` makes it; the journal may be another."""
    return Sealer(Keys.load(settings.seal_keys_dir), Journal((folder or settings.data_dir) / "seals.ndjson"), 0.05)


@asynccontextmanager
async def engines(settings: Settings) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    """As the worker, and as the service."""
    assert settings.worker_database_url and settings.database_url
    worker = make_engine(settings.worker_database_url.get_secret_value(), WORKER_ROLE, 2)
    service = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 2)
    yield worker, service
    await worker.dispose()
    await service.dispose()


async def seal_all(worker: AsyncEngine, with_: Sealer) -> None:
    """Seal until nothing waits, and note it."""
    while await with_.work(worker):
        pass


async def lines(service: AsyncEngine, days: Days = EVERYTHING) -> list[dict[str, Any]]:
    """An export."""
    asked = Asked(new_id(), Actor(ActorKind.auditor, UUID(int=0), None, ()), "audit.read")
    return [line async for line in export_lines(service, asked, days)]


EVENTS = """
WITH made AS (
  INSERT INTO audit_events (patient_id, id, request_id, action, outcome, actor_kind, organization_id, user_id, user_name,
    profession, basis, groups)
  SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'summary.read', 'allowed', 'client', gen_random_uuid(),
    'u', '髙橋 ' || n, 'nurse', '{care_team}', '{medical,living}' FROM generate_series(1, %s) n
)
INSERT INTO service_events (id, request_id, action, outcome, actor_kind, detail)
SELECT gen_random_uuid(), gen_random_uuid(), 'organization.register', 'allowed', 'admin', '{"名": 1.10, "b": [1e3]}'
FROM generate_series(1, %s)
"""


def act(settings: Settings, of_patients: int = 1, of_none: int = 1) -> None:
    """So many events in the two ledgers, now."""
    as_owner(settings, EVENTS, of_patients, of_none)


def verified(
    found: list[dict[str, Any]],
    keys: Keys,
    journal: list[dict[str, Any]] | None = None,
    stamped: Stamped | None = None,
) -> Verifier:
    """All lines taken and finished."""
    verifier = Verifier(keys.public_pem, journal, stamped)
    for line in found:
        verifier.take(line)
    verifier.finish()
    return verifier


def stamp_by_hand(settings: Settings, position: int, stamp: Callable[[str, datetime], bytes]) -> None:
    """As the worker keeps it, but with this token."""
    ((signature,),) = as_owner(settings, "SELECT signature FROM audit_seals WHERE position = %s", position)
    moment = now().replace(microsecond=0)
    insert: LiteralString = "INSERT INTO audit_time_stamps (seal_position, token, says) VALUES (%s, %s, %s)"
    as_owner(settings, insert, position, stamp(signature, moment), moment)
