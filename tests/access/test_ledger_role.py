"""The ledger's role: who did what and who is tied to whom, nothing clinical, nothing written; and nobody else by its policies."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from tests.access.oracle import Consent, Ties
from tests.access.test_row_security import catalog, service
from tests.access.test_row_security_catalog import count, policies, unsafe
from tests.access.world import EVERYTHING, World, figure
from tests.factories import Region

from renkei.tables import metadata

__all__ = ["catalog", "service"]

TOLD = {
    "access_requests",
    "audit_events",
    "audit_leaves",
    "audit_seals",
    "audit_time_stamps",
    "author_organizations",
    "care_team_places",
    "clients",
    "consent_organizations",
    "consent_withdrawals",
    "consents",
    "delegations",
    "emergency_accesses",
    "emergency_closures",
    "emergency_reviews",
    "join_requests",
    "link_decisions",
    "members",
    "organizations",
    "permission_tables",
    "possible_duplicates",
    "request_decisions",
    "service_events",
}
"""All that the role may read; of some of them not every column."""
KEPT_FROM_IT = {
    ("clients", "secret_hash"),
    ("consents", "body"),
    ("join_requests", "sent"),
    ("members", "email"),
    ("members", "name_kana"),
}


@pytest.fixture
def ledger(service: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The service's login, as it works between ``authorize_ledger`` and ``show_ledger``."""
    service.execute("SET ROLE renkei_ledger")
    yield service
    service.execute("RESET ROLE")


def test_it_reads_what_is_listed_here_and_nothing_clinical(ledger: psycopg.Connection) -> None:
    readable, refused = set(), 0
    for table in metadata.tables.values():
        for column in table.columns:
            query = sql.SQL("SELECT {} FROM {} LIMIT 1").format(sql.Identifier(column.name), sql.Identifier(table.name))
            try:
                ledger.execute(query)
            except psycopg.errors.InsufficientPrivilege:
                refused += 1
                assert table.name not in TOLD or (table.name, column.name) in KEPT_FROM_IT | NOT_NEEDED
            else:
                readable.add(table.name)
                assert (table.name, column.name) not in KEPT_FROM_IT
    figure(f"ledger's role: tables readable {len(readable)}, columns refused {refused}")
    assert readable == TOLD


NOT_NEEDED = {("clients", name) for name in ("registered_by", "audit_event_id", "jwks", "jwks_uri", "proof")} | {
    ("consents", "audit_event_id"),
    ("members", "audit_event_id"),
}


def test_it_writes_nothing(catalog: psycopg.Connection) -> None:
    held = catalog.execute(
        "SELECT c.relname, p FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, "
        "unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm') AND (has_table_privilege('renkei_ledger', c.oid, p) "
        "OR p IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege('renkei_ledger', c.oid, p))"
    ).fetchall()
    assert held == []


async def test_the_service_reads_nothing_of_it_as_itself(region: Region, service: psycopg.Connection) -> None:
    """The role is taken, not inherited: without it the same tables are as empty as ever, and the ledger is closed."""
    await (await World.found(region)).make(Ties("now", own=True, consents=(Consent(EVERYTHING, to="named"),)))
    for table in ("consents", "care_team_places", "consent_organizations", "author_organizations"):
        assert count(service, sql.Identifier(table)) == 0, table
        with service.transaction():
            service.execute("SET LOCAL ROLE renkei_ledger")
            assert count(service, sql.Identifier(table)) > 0, table
    for table in ("audit_leaves", "service_events"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            count(service, sql.Identifier(table))
    assert count(service, sql.Identifier("audit_events")) == 0


async def test_its_policies_and_the_lookups_widened_to_others_are_noticed(
    region: Region, catalog: psycopg.Connection
) -> None:
    """Each policy that asks no setting, given to the service too: known by its form, and by the rows it then shows."""
    await (await World.found(region)).make(Ties("now", own=True, consents=(Consent(EVERYTHING, to="named"),)))
    widened = leaking = 0
    for policy in policies(catalog):
        if policy.using != "true":
            continue
        name, table = sql.Identifier(policy.name), sql.Identifier(policy.table)
        for others in ("renkei_service", "PUBLIC"):
            with catalog.transaction(force_rollback=True):
                roles = sql.SQL(", ").join([*map(sql.Identifier, policy.roles), sql.SQL(others)])
                catalog.execute(sql.SQL("ALTER POLICY {} ON {} TO {}").format(name, table, roles))
                assert (policy.table, policy.name) in [(p.table, p.name) for p in unsafe(catalog)]
                widened += 1
                filled = count(catalog, table)
                catalog.execute("SET LOCAL ROLE renkei_service")
                may = "SELECT has_table_privilege('renkei_service', %s, 'SELECT')"
                reads = policy.command in ("ALL", "SELECT") and catalog.execute(may, [policy.table]).fetchone() == (
                    True,
                )
                if filled and reads:
                    assert count(catalog, table) == filled, policy
                    leaking += 1
    figure(
        f"row-level security: policies widened to other roles {widened}, noticed {widened}, leaking as they should {leaking}"
    )
    assert widened > 40
    assert leaking > 15
