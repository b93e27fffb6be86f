"""Tampering with the database, as its owner: what the service can do at most is append."""

import json
from collections.abc import AsyncIterator
from typing import LiteralString

import pytest
from tests.access.world import figure
from tests.http.inside import as_owner
from tests.ledger.authority import Authority
from tests.ledger.inside import act, engines, lines, seal_all, sealer, stamp_by_hand, verified

from renkei.access.time_stamps import Trust
from renkei.ids import new_id
from renkei.settings import Settings

ONE: LiteralString = (
    "(SELECT event_id FROM audit_leaves WHERE patient_id IS NOT NULL ORDER BY seal_position, leaf LIMIT 1)"
)
COLUMNS = {
    "patient_id": "gen_random_uuid()",
    "id": "gen_random_uuid()",
    "request_id": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "action": "'patient.read'",
    "outcome": "'refused'",
    "reason": "'x'",
    "actor_kind": "'worker'",
    "client_id": "gen_random_uuid()",
    "organization_id": "gen_random_uuid()",
    "user_id": "NULL",
    "user_name": "user_name || ' '",
    "profession": "'physician'",
    "basis": "'{}'",
    "groups": "'{medical}'",
    "record_id": "gen_random_uuid()",
}
TAMPERINGS: dict[str, tuple[LiteralString, set[str]]] = {
    "delete": ("DELETE FROM audit_events WHERE id = ONE", {"missing"}),
    "insert": (
        "INSERT INTO audit_events SELECT patient_id, gen_random_uuid(), request_id, at - interval '1 day', action, outcome, reason, "
        "actor_kind, client_id, organization_id, user_id, user_name, profession, basis, groups, record_id "
        "FROM audit_events WHERE id = ONE",
        {"inserted"},
    ),
    "insert the same id for another patient": (
        "INSERT INTO audit_events SELECT gen_random_uuid(), id, request_id, at - interval '1 day', action, outcome, reason, "
        "actor_kind, client_id, organization_id, user_id, user_name, profession, basis, groups, record_id "
        "FROM audit_events WHERE id = ONE",
        {"inserted"},
    ),
    "insert with a leaf of no seal": (
        "ALTER TABLE audit_leaves DROP CONSTRAINT fk_audit_leaves_seal_position; "
        "INSERT INTO service_events (id, request_id, at, action, outcome, actor_kind, detail) VALUES "
        "('00000000-0000-0000-0000-000000000001', gen_random_uuid(), now() - interval '1 day', 'x', 'allowed', 'admin', '{}'); "
        "INSERT INTO audit_leaves VALUES (-1, 0, NULL, '00000000-0000-0000-0000-000000000001', ''::bytea)",
        {"inserted"},
    ),
    "detail": ("""UPDATE service_events SET detail = '{"名": 1.1, "b": [1e3]}' WHERE detail ? '名'""", {"altered"}),
    "reorder": (
        "UPDATE audit_leaves SET leaf = -1 WHERE seal_position = 1 AND leaf = 0; "
        "UPDATE audit_leaves SET leaf = 0 WHERE seal_position = 1 AND leaf = 1; "
        "UPDATE audit_leaves SET leaf = 1 WHERE leaf = -1",
        {"root"},
    ),
    "cut the tail": (
        "CREATE TEMP TABLE gone AS SELECT event_id FROM audit_leaves WHERE seal_position = (SELECT max(position) FROM audit_seals); "
        "DELETE FROM audit_events WHERE id IN (SELECT event_id FROM gone); "
        "DELETE FROM service_events WHERE id IN (SELECT event_id FROM gone); "
        "DELETE FROM audit_leaves WHERE event_id IN (SELECT event_id FROM gone); "
        "DELETE FROM audit_time_stamps WHERE seal_position = 3; "
        "DELETE FROM audit_seals WHERE position = (SELECT max(position) FROM audit_seals)",
        {"journal"},
    ),
    "replace the table": (
        "DELETE FROM audit_leaves; DELETE FROM audit_time_stamps; DELETE FROM audit_seals; DELETE FROM audit_events; DELETE FROM service_events",
        {"nothing", "journal"},
    ),
    "a seal gone from the middle": (
        "DELETE FROM audit_leaves WHERE seal_position = 2; DELETE FROM audit_seals WHERE position = 2",
        {"chain"},
    ),
    "a seal's count": ("UPDATE audit_seals SET count = count - 1 WHERE position = 1", {"signature", "root"}),
    "a seal's time": ("UPDATE audit_seals SET sealed_at = sealed_at - interval '1 s'", {"signature"}),
    "a time stamp's bytes": (
        "UPDATE audit_time_stamps SET token = set_byte(token, 200, 255 - get_byte(token, 200))",
        {"stamp"},
    ),
    "a time stamp cut off": ("UPDATE audit_time_stamps SET token = substr(token, 1, 1000)", {"stamp"}),
    "a time stamp's time": ("UPDATE audit_time_stamps SET says = says - interval '1 s'", {"stamp"}),
    "a time stamp of another seal": (
        "UPDATE audit_time_stamps SET token = (SELECT token FROM audit_time_stamps WHERE seal_position = 1)",
        {"stamp"},
    ),
    "a time stamp put at another seal": (
        "UPDATE audit_time_stamps SET seal_position = 2 WHERE seal_position = 3",
        {"stamp"},
    ),
    "a seal made later than its time stamp": (
        "UPDATE audit_seals SET sealed_at = sealed_at + interval '10 minutes' WHERE position = 3",
        {"stamp", "signature"},
    ),
}


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def sealed(ledger: Settings, authority: Authority) -> AsyncIterator[Settings]:
    """Three seals, the first and the last with a time stamp."""
    async with engines(ledger) as (worker, _):
        for _ in range(3):
            act(ledger, 4, 3)
            await seal_all(worker, sealer(ledger))
    for position in (1, 3):
        stamp_by_hand(ledger, position, authority.stamp)
    yield ledger


async def found_in(settings: Settings, authority: Authority) -> list[tuple[str, str]]:
    by = sealer(settings)
    async with engines(settings) as (_, service):
        journal = [json.loads(line) for line in settings.seal_journal.read_bytes().splitlines()]
        trust = Trust([authority.root.certificate])
        return [tuple(one) for one in verified(await lines(service), by.keys, journal, trust.moment).found]  # type: ignore[misc]  # violations are of two


async def test_each_column_in_the_database(sealed: Settings, authority: Authority) -> None:
    """Tried one after the other, each taken back."""
    assert await found_in(sealed, authority) == []
    ((event,),) = as_owner(sealed, ONE)
    as_owner(sealed, "CREATE TABLE kept AS SELECT * FROM audit_events WHERE id = %s", event)
    for name, value in COLUMNS.items():
        as_owner(sealed, f"UPDATE audit_events SET {name} = {value} WHERE id = '{event}'")  # type: ignore[arg-type]  # noqa: S608 - our own columns
        found = await found_in(sealed, authority)
        assert found, name
        assert found[0] == ("missing" if name in ("patient_id", "id") else "altered", str(event)), name
        as_owner(
            sealed, "DELETE FROM audit_events WHERE user_name IN (SELECT user_name || ' ' FROM kept) OR id = %s", event
        )
        as_owner(sealed, "DELETE FROM audit_events e USING kept k WHERE e.request_id = k.request_id AND e.at = k.at")
        as_owner(sealed, "INSERT INTO audit_events SELECT * FROM kept")
    assert await found_in(sealed, authority) == []
    figure(f"tampering in the database: {len(COLUMNS)} columns tried, {len(COLUMNS)} detected")


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_in_the_database(sealed: Settings, authority: Authority, name: str) -> None:
    statement, kinds = TAMPERINGS[name]
    for part in statement.split("; ") if "TEMP" not in statement else [statement]:
        as_owner(sealed, part.replace("ONE", ONE))  # type: ignore[arg-type]  # our own statement
    assert {kind for kind, _ in await found_in(sealed, authority)} >= kinds


async def test_a_time_stamp_of_an_authority_that_nobody_trusts(sealed: Settings, authority: Authority) -> None:
    """All right but for whose it is: what somebody with the database, the keys and the journal could make."""
    stamp_by_hand(sealed, 2, Authority().stamp)
    assert [kind for kind, _ in await found_in(sealed, authority)] == ["stamp"]


async def test_an_event_older_than_those_sealed_before_it(ledger: Settings) -> None:
    """Put in step by step, each within what the worker still takes: the verifier remembers the newest of all."""
    by = sealer(ledger)
    insert: LiteralString = (
        "INSERT INTO service_events (id, request_id, at, action, outcome, actor_kind, detail) "
        "VALUES (%s, %s, now() - %s::interval, 'x', 'allowed', 'worker', '{}')"
    )
    async with engines(ledger) as (worker, service):
        act(ledger)
        await seal_all(worker, by)
        ids = [new_id(), new_id()]
        for event, age in zip(ids, ("9 minutes", "18 minutes"), strict=True):
            as_owner(ledger, insert, event, new_id(), age)
            await seal_all(worker, by)
        found = verified(await lines(service), by.keys).found
    assert [(violation.kind, violation.id) for violation in found] == [("late", str(ids[1]))]
