"""The feed as one reads it: order, cursors, filters, and who may see which line."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access.world import emergency
from tests.factories import Region, Vendor, agree, join, person, register, report, sheet, submit
from tests.http.feed import end, page, publish_all, read, told, worker_engine
from tests.http.inside import as_owner

from renkei.access.feed import may_read
from renkei.access.policy import COLUMNS, Rights, Tie, View
from renkei.access.rules import CHANGE_READ_AS
from renkei.actions import changes
from renkei.database import SERVICE_ROLE, make_engine, transaction
from renkei.ids import new_id
from renkei.schemas.changes import PLACES
from renkei.schemas.paging import encode_cursor
from renkei.settings import Settings
from renkei.store.changes import load_changes
from renkei.vocabulary import Permission

WEIGHT = {"medical": {"weight": 50}}


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    async with worker_engine(settings) as made:
        yield made


async def test_each_act_is_one_line_and_leads_to_what_it_tells_of(region: Region, engine: AsyncEngine) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    await join(clinic, nurses, patient)
    given = await agree(clinic, patient)
    face, kept = await submit(clinic, patient, sheet(WEIGHT)), await submit(nurses, patient, report())
    opened = (await nurses.post(f"{path}/emergency-access", emergency(), by="nurse")).json()["id"]
    await nurses.call("DELETE", f"{path}/emergency-access/{opened}", by="nurse")
    await nurses.post(f"{path}/care-reports/{kept['id']}/withdrawal", {"reason": "誤り"})
    await publish_all(engine)
    entries = await read(clinic)
    assert [(e["kind"], e["record_id"], e["organization_id"], e["href"]) for e in entries] == [
        ("patient.register", None, clinic.id, path),
        ("care_team.place", None, clinic.id, f"{path}/care-team"),
        ("consent.record", given, clinic.id, f"{path}/consents"),
        ("face_sheet.submit", face["id"], clinic.id, f"{path}/face-sheets/{face['id']}"),
        ("care_report.submit", kept["id"], nurses.id, f"{path}/care-reports/{kept['id']}"),
        ("emergency_access.open", opened, nurses.id, f"{path}/emergency-access"),
        ("emergency_access.close", opened, nurses.id, f"{path}/emergency-access"),
        ("care_report.withdraw", kept["id"], nurses.id, f"{path}/care-reports/{kept['id']}"),
    ]
    assert {e["patient_id"] for e in entries} == {patient}
    assert all(set(e) == {"kind", "patient_id", "record_id", "organization_id", "at", "href"} for e in entries)


def test_every_change_there_is_has_a_place_and_a_reader() -> None:
    written = {p for p in Permission if p.partition(".")[2] not in ("read", "search", "preview")}
    nouns = {kind.partition(".")[0] for kind in CHANGE_READ_AS}
    assert {kind for kind in written if kind.partition(".")[0] in nouns} == set(CHANGE_READ_AS)
    assert nouns == set(PLACES)


def test_a_kind_that_is_unknown_here_is_shown_to_nobody() -> None:
    """Written by a newer version beside this one, perhaps."""
    tie = Tie(new_id(), new_id(), in_team=True, was_in_team=True)
    rights = Rights(frozenset(COLUMNS), frozenset(COLUMNS), True)
    assert may_read("patient.register", tie, rights, View(), None, mine=True)
    assert not may_read("patient.forget", tie, rights, View(), None, mine=True)


async def test_what_is_not_granted_is_not_loaded(settings: Settings) -> None:
    assert settings.database_url is not None
    service = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 1)
    async with transaction(service) as tx:
        assert await load_changes(tx, [], [SimpleNamespace(patient_id=new_id(), change_id=new_id())]) == []
    await service.dispose()


async def test_from_any_position_the_same_follows(region: Region, engine: AsyncEngine) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    for _ in range(6):
        await submit(clinic, patient, report())
    await publish_all(engine)
    whole = await read(clinic)
    cursors, query = list[str](), dict[str, Any]()
    while (got := await page(clinic, limit=1, **query))["changes"]:
        cursors.append(got["cursor"])
        query["after"] = got["cursor"]
    assert len(cursors) == len(whole) == 7
    for place, cursor in enumerate(cursors, 1):
        assert await read(clinic, after=cursor) == await read(clinic, after=cursor, limit=2) == whole[place:]
    end = await page(clinic, after=cursors[-1])
    assert end["changes"] == []
    new = await submit(clinic, patient, report())
    await publish_all(engine)
    assert told(await read(clinic, after=end["cursor"])) == [("care_report.submit", new["id"])]


async def test_filters_by_kind_and_patient(region: Region, engine: AsyncEngine) -> None:
    clinic, stranger = await region.found(), await region.found()
    first, second = await register(clinic), await register(clinic)
    hidden = await register(stranger)
    for patient in (first, second, first):
        await submit(clinic, patient, report())
    await submit(clinic, second, sheet(WEIGHT))
    await publish_all(engine)
    kinds = "face_sheet.submit,care_report.submit"
    assert [e["patient_id"] for e in await read(clinic, kind=kinds)] == [first, second, first, second]
    assert [e["kind"] for e in await read(clinic, patient=second)] == ["patient.register", *kinds.split(",")[::-1]]
    assert [e["kind"] for e in await read(clinic, patient=second, kind="face_sheet.submit")] == ["face_sheet.submit"]
    nobody = [await page(clinic, patient=one) for one in (hidden, str(new_id()))]
    assert nobody[0] == nobody[1] and nobody[0]["changes"] == []
    assert await read(clinic, kind="emergency_access.open") == []


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ({"after": "x"}, "?after", "format"),
        ({"after": encode_cursor(new_id())}, "?after", "format"),
        ({"after": encode_cursor("2026-01-01", new_id())}, "?after", "format"),
        ({"after": encode_cursor(-1)}, "?after", "format"),
        ({"after": encode_cursor(2**63)}, "?after", "format"),
        ({"after": encode_cursor(2**63 - 1)}, "?after", "future"),
        ({"kind": "care_report.submit,"}, "?kind", "code"),
        ({"kind": "care_report"}, "?kind", "code"),
        ({"limit": 0}, "?limit", "bounds"),
        ({"wait": -1}, "?wait", "bounds"),
        ({"limit": 1001}, "?limit", "bounds"),
        ({"wait": 26}, "?wait", "bounds"),
        ({"patient": "x"}, "?patient", "format"),
    ],
)
async def test_what_is_no_query_is_refused(region: Region, query: dict[str, Any], pointer: str, code: str) -> None:
    clinic = await region.found()
    answer = await clinic.get("/v1/changes", params=query)
    assert answer.status_code == 422, answer.text
    assert [(e["pointer"], e["code"]) for e in answer.json()["errors"]] == [(pointer, code)]


async def test_reach_is_asked_when_it_is_read(region: Region, engine: AsyncEngine) -> None:
    clinic, helpers, stranger = [await region.found(kind) for kind in ("clinic", "home_help", "clinic")]
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    kept, face = await submit(clinic, patient, report()), await submit(clinic, patient, sheet(WEIGHT))
    await publish_all(engine)
    records = {("care_report.submit", kept["id"]), ("face_sheet.submit", face["id"])}

    async def seen(reader: Vendor, by: str = "nurse") -> set[tuple[str, str | None]]:
        await publish_all(engine)
        return set(told(await read(reader, by)))

    assert await seen(helpers) == set()
    await join(clinic, helpers, patient)
    team = {("patient.register", None), ("care_team.place", None)}
    assert await seen(helpers) == team
    reports_only = await agree(clinic, patient, groups=["care_report"])
    consents = {("consent.record", reports_only)}
    assert await seen(helpers) == team | consents | {("care_report.submit", kept["id"])}
    everything = await agree(clinic, patient)
    consents |= {("consent.record", everything)}
    assert await seen(helpers) == team | consents | records
    assert await seen(helpers, "home_helper") == team | records  # may not write person_basic, and so no consents either
    assert await seen(helpers, "family") == set()
    for one in (reports_only, everything):
        await clinic.post(f"{path}/consents/{one}/withdrawal", {"reason": "申し出"})
        consents |= {("consent.withdraw", one)}
    assert await seen(helpers) == team | consents
    own = await submit(helpers, patient, report(), by="nurse")
    assert ("care_report.submit", own["id"]) in await seen(helpers, "family")
    await clinic.call("DELETE", f"{path}/care-team/{helpers.id}")
    own_only = await seen(helpers)
    assert own_only == {*team, ("care_team.end", None), ("care_report.submit", own["id"])}
    assert await seen(stranger) == set()


async def test_a_tie_that_ends_takes_the_lines_along(region: Region, engine: AsyncEngine) -> None:
    clinic, named = await region.found(), await region.found("hospital")
    patient = await register(clinic)
    kept = await submit(clinic, patient, report())
    given = await agree(
        clinic, patient, recipients={"care_team": False, "organizations": [named.id], "professions": []}
    )
    await publish_all(engine)
    assert ("care_report.submit", kept["id"]) in told(await read(named))
    await clinic.post(f"/v1/patients/{patient}/consents/{given}/withdrawal", {"reason": "申し出"})
    await publish_all(engine)
    assert await read(named) == []
    path = f"/v1/patients/{patient}/emergency-access"
    opened = (await named.post(path, emergency(), by="nurse")).json()["id"]
    await publish_all(engine)
    assert ("emergency_access.open", opened) in told(await read(named, "nurse"))
    await named.call("DELETE", f"{path}/{opened}", by="nurse")
    await publish_all(engine)
    assert await read(named, "nurse") == []  # not even of what one has done oneself


async def test_who_only_matched_a_number_is_told_of_its_own_acts(region: Region, engine: AsyncEngine) -> None:
    clinic, other = await region.found(), await region.found()
    whole = person()
    patient = (await clinic.post("/v1/patients", whole)).json()["id"]
    await submit(clinic, patient, report())
    assert (await other.post("/v1/patients", whole)).json()["tie"] == "requested"
    mine = await submit(other, patient, report())
    await publish_all(engine)
    assert told(await read(other)) == [("patient.register", None), ("care_report.submit", mine["id"])]
    assert told(await read(clinic))[-1:] != [("care_report.submit", mine["id"])]


async def test_offices_are_told_of_emergencies_only(region: Region, engine: AsyncEngine) -> None:
    clinic, hospital, auditor = await region.found(), await region.found("hospital"), await region.auditor()
    await publish_all(engine)
    start = await end(clinic)
    patient = await register(clinic)
    opened = (await hospital.post(f"/v1/patients/{patient}/emergency-access", emergency(), by="nurse")).json()["id"]
    await publish_all(engine)
    for office in (region.admin, auditor):
        assert told(await read(office, after=start)) == [("emergency_access.open", opened)]
        assert await read(office, after=start, kind="patient.register") == []
        assert told(await read(office, after=start, patient=patient)) == [("emergency_access.open", opened)]
        assert await read(office, after=start, patient=str(new_id())) == []


async def test_an_offices_own_administrator_is_told_nothing(region: Region, engine: AsyncEngine) -> None:
    clinic = await region.found()
    await register(clinic)
    await publish_all(engine)
    answer = await (await region.organization_admin(clinic)).get("/v1/changes")
    assert (answer.status_code, answer.json()["reason_code"]) == (403, "not_administrator")


async def test_a_page_is_on_record_once_for_each_patient_on_it(
    region: Region, settings: Settings, engine: AsyncEngine
) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    shown, silent = [await register(clinic) for _ in range(3)], await register(clinic)
    for patient in (*shown, silent):
        await join(clinic, nurses, patient)
    for patient in shown * 2:
        await agree(clinic, patient)
        await submit(clinic, patient, report())
    await submit(clinic, silent, report())  # tied, but nothing of this kind may be shown
    await publish_all(engine)
    answer = await nurses.get("/v1/changes", by="nurse", params={"kind": "care_report.submit"})
    assert [e["patient_id"] for e in answer.json()["changes"]] == shown * 2
    query = "SELECT patient_id::text, action, outcome, basis, groups FROM audit_events WHERE request_id = %s"
    events = as_owner(settings, query, UUID(answer.headers["x-request-id"]))
    assert sorted(events) == [(one, "change.read", "allowed", ["care_team"], []) for one in sorted(shown)]
    empty = await nurses.get("/v1/changes", params={"after": answer.json()["cursor"], "kind": "care_report.submit"})
    for table in ("audit_events", "service_events"):
        look = f"SELECT count(*) FROM {table} WHERE request_id = %s"  # noqa: S608 - the two names above
        assert as_owner(settings, look, UUID(empty.headers["x-request-id"])) == [(0,)]


async def test_a_page_is_empty_only_at_the_end(
    region: Region, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much lies between that the reader may not see, and however little one transaction looks at."""
    for name, value in (("ROUNDS", 2), ("WALKED", 3), ("FILTERED", 4)):
        monkeypatch.setattr(changes, name, value)
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    first, last = await register(clinic), await register(clinic)
    for patient in (first, last):
        await join(clinic, nurses, patient)
    await publish_all(engine)
    start = await end(clinic)
    for _ in range(20):
        await submit(clinic, first, report())
    await agree(clinic, last)
    kept = [("care_report.submit", (await submit(clinic, last, report()))["id"]) for _ in range(3)]
    await publish_all(engine)
    for query in ({}, {"kind": "care_report.submit"}, {"patient": last}, {"limit": 1}):
        got = await page(nurses, "home_helper", after=start, **query)
        assert got["changes"] and told(got["changes"]) == kept[: query.get("limit", 3)], query
        assert told(await read(nurses, "home_helper", after=start, **query)) == kept, query


async def test_a_page_holds_no_more_than_was_asked_for(region: Region, engine: AsyncEngine) -> None:
    """Though after a line that may not be shown more are fetched than are still wanted."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    hidden, shown = await register(clinic), await register(clinic)
    for patient in (hidden, shown):
        await join(clinic, nurses, patient)
    await agree(clinic, shown)
    await publish_all(engine)
    start = await end(clinic)
    await submit(clinic, hidden, report())
    kept = [(await submit(clinic, shown, report()))["id"] for _ in range(5)]
    await publish_all(engine)
    got = await page(nurses, after=start, limit=2)
    assert [entry["record_id"] for entry in got["changes"]] == kept[:2]
    assert [entry["record_id"] for entry in await read(nurses, after=start, limit=2)] == kept
