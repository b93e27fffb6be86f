"""The second line of defence: what the database itself refuses, whatever the code above it forgets."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING, Made, World, figure, owner
from tests.factories import Region

from renkei.settings import Settings
from renkei.tables import PATIENT_TABLES

STATE = Ties(
    "now", own=True, requested=True, emergency=frozenset({"medical"}), consents=(Consent(EVERYTHING, to="named"),)
)

NO_READING = {
    "identities",
    "identity_ends",
    "unpublished_changes",
    "audit_leaves",
    "idempotency_keys",
    "pending_deliveries",
    "deliveries",
}
"""Tables the service may only insert into; the leaves of seals and the deliveries are the worker's alone."""


@pytest.fixture
def catalog(settings: Settings) -> Iterator[psycopg.Connection]:
    with owner(settings) as connection:
        yield connection


@pytest.fixture
def service(settings: Settings) -> Iterator[psycopg.Connection]:
    """The service's own login, as anybody would hold it who took its password."""
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:
        yield connection


def count(connection: psycopg.Connection, table: str) -> int:
    """Rows seen."""
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def readable() -> list[str]:
    return [table for table in PATIENT_TABLES if table not in NO_READING]


async def filled(region: Region, catalog: psycopg.Connection) -> Made:
    """A patient with a row in nearly every table, so that nothing seen means something."""
    made = await (await World.found(region)).make(STATE)
    assert [table for table in set(PATIENT_TABLES) - BY_THE_WORKER - LATER if not count(catalog, table)] == []
    return made


LATER = {
    "record_withdrawals",
    "attachment_withdrawals",
    "emergency_closures",
    "identity_ends",
    "consent_withdrawals",
    "possible_duplicates",
    "link_decisions",
    "linked_patients",
    "consent_evidence",
    "emergency_reviews",
    "access_requests",
    "request_decisions",
    "idempotency_keys",
    "import_rows",
}
BY_THE_WORKER = {"change_positions", "audit_leaves", "pending_deliveries", "deliveries"}


async def test_without_a_grant_nothing_is_seen(
    region: Region, catalog: psycopg.Connection, service: psycopg.Connection
) -> None:
    """No setting; '' as it is after a commit; stale after a rollback; and through COPY."""
    made = await filled(region, catalog)
    leaked = sum(count(service, table) for table in readable())
    with service.transaction():
        service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(made.id)))
        assert count(service, "records") > 0
    assert service.execute("SELECT current_setting('renkei.patient_ids', true)").fetchone() == ("",)
    leaked += sum(count(service, table) for table in readable())
    with pytest.raises(psycopg.errors.DivisionByZero), service.transaction():
        service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(made.id)))
        service.execute(sql.SQL("SET LOCAL renkei.asked = {}").format(sql.Literal(made.id)))
        service.execute("SELECT 1 / 0")
    leaked += sum(count(service, table) for table in readable())
    for table in readable():
        with service.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as copy:
            leaked += sum(1 for _ in copy)
    figure(f"row-level security: rows leaked without a grant {leaked}")
    assert leaked == 0


async def test_a_connection_used_a_thousand_times_keeps_nothing(
    region: Region, catalog: psycopg.Connection, service: psycopg.Connection
) -> None:
    made = await filled(region, catalog)
    leaked = 0
    for turn in range(1000):
        with service.transaction(force_rollback=turn % 3 == 0):
            service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(made.id)))
            service.execute(sql.SQL("SET LOCAL renkei.asked = {}").format(sql.Literal(made.id)))
            assert service.execute("SELECT count(*) FROM records").fetchone() != (0,)
        leaked += service.execute(
            "SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM consents) + (SELECT count(*) FROM summary_parts)"
        ).fetchone()[0]
    figure(f"row-level security: rows leaked by a connection used 1,000 times {leaked}")
    assert leaked == 0


async def test_an_opened_patient_opens_no_other(
    region: Region, catalog: psycopg.Connection, service: psycopg.Connection
) -> None:
    """Nor do ties that are asked about open what is clinical."""
    one, other = await filled(region, catalog), await filled(region, catalog)
    for table in readable():
        whose = sql.SQL("SELECT count(*) FROM {} WHERE patient_id = %s").format(sql.Identifier(table))
        with service.transaction():
            service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(one.id)))
            assert service.execute(whose, [other.id]).fetchone() == (0,), table
            seen, there = (c.execute(whose, [one.id]).fetchone() for c in (service, catalog))
            assert seen == there, table
    clinical = (
        "patients",
        "patient_particulars",
        "patient_identifiers",
        "records",
        "summaries",
        "summary_parts",
        "changes",
        "audit_events",
    )
    with service.transaction():
        service.execute(sql.SQL("SET LOCAL renkei.asked = {}").format(sql.Literal(one.id)))
        assert [table for table in clinical if count(service, table)] == []


async def test_nothing_is_written_for_a_patient_who_is_not_opened(
    region: Region, catalog: psycopg.Connection, service: psycopg.Connection
) -> None:
    """Each of a patient's rows again, under another patient who is not opened: refused by policy, not by a key."""
    one, other = await filled(region, catalog), await filled(region, catalog)
    tried = 0
    for table in sorted(set(PATIENT_TABLES) - {"audit_events"} - BY_THE_WORKER - LATER):
        name = sql.Identifier(table)
        columns = [
            c
            for (c,) in catalog.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
            )
        ]
        row = catalog.execute(
            sql.SQL("SELECT {} FROM {} WHERE patient_id = %s LIMIT 1").format(
                sql.SQL(", ").join(sql.SQL("to_jsonb({})::text").format(sql.Identifier(c)) for c in columns), name
            ),
            [one.id],
        ).fetchone()
        assert row is not None, table
        whole = sql.SQL(
            "INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, jsonb_build_object({1}) || jsonb_build_object('patient_id', {2}))"
        ).format(
            name,
            sql.SQL(", ").join(
                sql.SQL("{}, {}::jsonb").format(sql.Literal(c), sql.Literal(v))
                for c, v in zip(columns, row, strict=True)
            ),
            sql.Literal(other.id),
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"), service.transaction():
            service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(one.id)))
            service.execute(whole)
        tried += 1
    assert tried >= 15


async def test_summaries_change_only_for_an_opened_patient(
    region: Region, catalog: psycopg.Connection, service: psycopg.Connection
) -> None:
    one, other = await filled(region, catalog), await filled(region, catalog)
    for table in ("summaries", "summary_parts"):
        change = sql.SQL("UPDATE {} SET version = version + 1 WHERE patient_id = %s").format(sql.Identifier(table))
        with service.transaction(force_rollback=True):
            service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(one.id)))
            assert service.execute(change, [other.id]).rowcount == 0
            assert service.execute(change, [one.id]).rowcount > 0
            moved = sql.SQL("UPDATE {} SET patient_id = %s WHERE patient_id = %s").format(sql.Identifier(table))
            with pytest.raises(psycopg.errors.InsufficientPrivilege), service.transaction():
                service.execute(moved, [other.id, one.id])


def test_the_lookup_tells_ids_and_nothing_of_the_person(service: psycopg.Connection) -> None:
    answer = service.execute("SELECT * FROM renkei_match_identity(%s::bytea[], '1938-04-02', 'female')", [[b"none"]])
    assert answer.description is not None
    assert [column.name for column in answer.description] == ["key", "patient_id", "same_person", "ended"]
    for table in NO_READING:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            count(service, table)


def test_a_setting_that_is_no_list_of_ids_opens_nothing(service: psycopg.Connection) -> None:
    for value in ("%", "*", "' OR true --", "{}", "null"):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), service.transaction():
            service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(value)))
            count(service, "records")
    with service.transaction():
        service.execute(sql.SQL("SET LOCAL renkei.patient_ids = {}").format(sql.Literal(str(UUID(int=0)))))
        assert count(service, "records") == 0


async def test_a_constraint_says_nothing_to_the_client(
    region: Region, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken constraint names the values it met; the client reads a request id and no more, the log no values."""
    world = await World.found(region)
    made = await world.make(Ties("now"))
    with owner(settings) as connection:
        connection.execute("ALTER TABLE consents ADD CONSTRAINT told CHECK (valid_from <> '1999-09-09') NOT VALID")
        try:
            body = {
                "form": "written",
                "given_by": {"relation": "self"},
                "given_on": "1999-09-09",
                "valid_from": "1999-09-09",
            }
            to = {"recipients": {"care_team": True}, "groups": ["medical"]}
            answer = await world.author.post(f"{made.path}/consents", {**body, **to})
        finally:
            connection.execute("ALTER TABLE consents DROP CONSTRAINT told")
        left = connection.execute(
            "SELECT count(*) FROM audit_events WHERE request_id = %s", [answer.json()["request_id"]]
        )
        assert left.fetchone() == (0,)
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:renkei:problem:internal"
    assert not [word for word in ("told", "1999", "consents", made.id, "constraint") if word in answer.text]
    assert 'violates check constraint "told"' in caplog.text
    assert not [word for word in ("1999", "Failing row", made.id) if word in caplog.text]
