"""The rows of matrix.yaml, each asked at every door."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access import oracle
from tests.access.doors import ROUTES, ids_of
from tests.access.oracle import ITEMS, Consent, Ties
from tests.access.states import DELEGATED, reason_told, value_in
from tests.access.world import ALL_RESTRICTED, EVERYTHING, MEMBERS, OWN, VALUES, Made, World, face_sheet
from tests.access.world import meant as meant_by_the_oracle
from tests.factories import Region, Vendor
from tests.http.feed import publish_all, read, worker_engine

from renkei.settings import Settings

ROWS = yaml.safe_load(Path(__file__).with_name("matrix.yaml").read_text("utf-8"))
TIES = {
    "none": Ties(),
    "team": Ties("now"),
    "left": Ties("ended"),
    "tomorrow": Ties("not_yet"),
    "own": Ties("ended", own=True),
    "requested": Ties(requested=True),
    "refused": Ties(refused=True),
    "emergency": Ties(emergency=frozenset({"medical", "person"})),
    "emergency_family": Ties(emergency=frozenset({"family"})),
}


def consents(row: dict[str, Any]) -> tuple[Consent, ...]:
    """The consents of a row."""
    found = []
    for about in ("patient", "family"):
        if (said := row.get({"patient": "consent", "family": "family"}[about])) is not None:
            groups = said.get("groups", ["family"])
            named = said.get("restricted", [])
            found.append(
                Consent(
                    EVERYTHING if groups == "all" else frozenset(groups),
                    ALL_RESTRICTED if named == "all" else frozenset(named),
                    frozenset(said.get("professions", [])),
                    said.get("to", "team"),
                    about,
                    said.get("when", "now"),
                    frozenset(said.get("tiers", ["basic", "optional"])),
                    said.get("excepted", False),
                    frozenset(said.get("less", [])),
                    said.get("by", "ichiro"),
                )
            )
    return tuple(found)


def ties_of(row: dict[str, Any]) -> Ties:
    """What binds the reader in a row."""
    tie = TIES[row["tie"]]
    return replace(tie, consents=consents(row))


def meant(row: dict[str, Any], code: str) -> tuple[bool, str | None]:
    """Whether the row says something of an item, and the reason it is withheld for: by item, column, group, all."""
    item, withheld = ITEMS[code], row.get("withheld", {})
    for key in (code, f"{item['group']}_{item['tier']}", item["group"], "all"):
        if key in withheld:
            return True, withheld[key]
    return code in row.get("shown", []) or not withheld, None


def due(row: dict[str, Any], code: str) -> tuple[Any, str | None]:
    """The author's value as the row would have it shown, and why not all of it; of an item of which it says something."""
    _, reason = meant(row, code)
    if reason is not None or code != "family.member" or row.get("members") == "all":
        return (VALUES[code] if reason is None else None), reason
    return [MEMBERS[name] for name in row.get("members", ["ichiro"])] or None, "family_consent_missing"


@pytest.fixture(scope="session")
async def world(http: httpx.AsyncClient, admin: Vendor) -> World:
    """One pair of organizations for all rows: each row is another patient."""
    return await World.found(Region(http, admin))


@pytest.fixture(scope="session")
async def worker(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """Who gives the feed its positions."""
    async with worker_engine(settings) as engine:
        yield engine


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["row"])
async def test_row(world: World, worker: AsyncEngine, row: dict[str, Any]) -> None:
    ties = ties_of(row)
    made = await world.make(ties)
    if row.get("then") == "review":
        await world.review(made)
    by = None if row["as"] == "system" else row["as"]
    await check_reading(world, made, row, by)
    await check_listing(world, made, row, by)
    await check_searching(world, made, row, by)
    await check_table(world, made, row)
    await check_feed(world, made, row, by, worker)
    for permission, status in row.get("may", {}).items():
        route = next(route for route in ROUTES if route.action == permission)
        if route.method == "POST" and permission.endswith(".submit"):
            answer = await submit_one(world, made, permission, by)
        else:
            answer = await route.ask(world.reader, world, ids_of(route, made, world.author.id), by)
        assert answer.status_code == status, (permission, answer.text)


async def submit_one(world: World, made: Made, permission: str, by: str | None) -> Any:
    """A document with something of the profession's own to say, so that only the tie may stand in its way."""
    if permission == "care_report.submit":
        route = next(route for route in ROUTES if route.action == permission)
        return await route.ask(world.reader, world, {"patient_id": made.id}, by)
    columns = [c for c in oracle.COLUMNS if oracle.right(by or "system", c, "w", DELEGATED) and "care" not in c]
    codes = [c for c in VALUES if f"{ITEMS[c]['group']}_{ITEMS[c]['tier']}" in columns]
    return await world.reader.post(f"{made.path}/face-sheets", face_sheet(codes or ["living.night_care"]), by=by)


async def check_reading(world: World, made: Made, row: dict[str, Any], by: str | None) -> None:
    """The summary and both records by their ids."""
    summary = await world.reader.get(f"{made.path}/summary", by=by)
    patient = await world.reader.get(made.path, by=by)
    expected = {"absent": 404, "refused": 403}.get(row["sees"], 200)
    assert (summary.status_code, patient.status_code) == (expected, expected)
    documents = {
        kind: await world.reader.get(f"{made.path}/{kind}/{record}", by=by)
        for kind, record in (("face-sheets", made.sheet), ("care-reports", made.report))
    }
    if expected != 200:
        assert [d.status_code for d in documents.values()] == [expected] * 2
        return
    assert (patient.json()["name"]["family"] == "違う名") == (row["sees"] == "only_sent")
    for code in VALUES:
        said, reason = meant(row, code)
        if not said:
            continue
        document = documents["care-reports" if code.startswith("care_report.") else "face-sheets"]
        value, reason = due(row, code)
        if document.status_code == 200:
            assert value_in(document.json()["items"], code) == value, code
            assert reason_told(code, document.json()["withheld"]) == reason, code
        else:
            assert document.status_code == 403 and reason is not None, code
        if not code.startswith("care_report."):
            entry = value_in(summary.json()["groups"], code)
            shown = {e["organization"]["id"]: e["value"] for e in ([entry, *entry["others"]] if entry else [])}
            assert shown.get(world.author.id) == value, code
            assert reason_told(code, summary.json()["withheld"]) == reason, code
    lines = {line["organization"]["id"] for line in summary.json()["care_reports"]}
    said, reason = meant(row, "care_report.body")
    assert not said or (world.author.id in lines) == (reason is None)
    if row.get("own"):
        assert {code: value_in(summary.json()["groups"], code)["value"] for code in OWN} == OWN


async def check_listing(world: World, made: Made, row: dict[str, Any], by: str | None) -> None:
    """The lists of records show what reading each shows, and nothing that reading refuses."""
    for kind, record in (("face-sheets", made.sheet), ("care-reports", made.report)):
        single = await world.reader.get(f"{made.path}/{kind}/{record}", by=by)
        listed = await world.reader.get(f"{made.path}/{kind}", by=by)
        if row["sees"] in ("absent", "refused"):
            assert listed.status_code == single.status_code
            continue
        entries = {e["id"]: e for e in listed.json()["items"]} if listed.status_code == 200 else {}
        assert entries.get(record) == (single.json() if single.status_code == 200 else None)


async def check_table(world: World, made: Made, row: dict[str, Any]) -> None:
    """``access`` tells the author beforehand what reading then shows."""
    answer = await world.author.get(f"{made.path}/access", by="physician")
    entries = [e for e in answer.json()["items"] if e["organization"]["id"] == world.reader.id]
    told = [p for e in entries for p in e["professions"] if p["profession"] == row["as"]]
    if row["as"] == "system" or row["sees"] in ("absent", "refused"):
        assert told == []
        return
    for code in VALUES:
        said, reason = meant(row, code)
        part = code if code in ALL_RESTRICTED else f"{ITEMS[code]['group']}.{ITEMS[code]['tier']}"
        if said:
            assert (part in told[0]["read"]) == (reason is None), code
            assert reason_told(code, told[0]["withheld"]) == reason, code


async def check_feed(world: World, made: Made, row: dict[str, Any], by: str | None, worker: AsyncEngine) -> None:
    """Each line of the patient's as the thing it tells of is read; of records as the row says of their items."""
    await publish_all(worker)
    lines = await read(world.reader, by, patient=made.id)
    theirs = {line["kind"] for line in lines if line["organization_id"] == world.author.id}
    ties = ties_of(row)
    happened = {
        "patient.register",
        "face_sheet.submit",
        "care_report.submit",
        *(["consent.record"] if ties.consents else []),
    }
    for kind in happened:
        visible = oracle.feed(ties, row["as"], kind.split(".")[0], False, DELEGATED)
        assert (kind in theirs) == visible, kind
        if kind.endswith(".submit"):
            codes = [c for c in VALUES if c.startswith("care_report.") == kind.startswith("care_report.")]
            says = [reason for said, reason in (meant(row, c) for c in codes) if said]
            assert not (row["sees"] in ("found", "only_sent") and None in says) or kind in theirs, kind
    assert row["sees"] != "absent" or lines == []


async def check_searching(world: World, made: Made, row: dict[str, Any], by: str | None) -> None:
    """One's own patients hold exactly who is found; a name finds only whom one knows."""
    mine = await world.reader.get("/v1/patients?limit=200", by=by)
    if row["sees"] == "refused":
        assert mine.status_code == 403
        return
    assert (made.id in [p["id"] for p in mine.json()["items"]]) == (row["sees"] != "absent")
    for query in (
        {"kana": made.kana},
        {"kana": made.kana, "birth_date": "1938-04-02"},
        {"name": "髙橋", "kana": made.kana},
    ):
        found = await world.reader.get("/v1/patients", by=by, params=query)
        assert [p["id"] for p in found.json()["items"]] == ([made.id] if row["sees"] == "found" else [])


def test_the_rows_and_the_oracle_agree() -> None:
    """Two writings of one rule: a row that says otherwise is a mistake in one of them."""
    told = 0
    for row in ROWS:
        ties, who = ties_of(row), row["as"]
        assert oracle.tied(ties, who) == (row["sees"] != "absent"), row["row"]
        if row["sees"] not in ("absent", "refused"):
            assert oracle.knows_person(ties, who) == (row["sees"] == "found"), row["row"]
            for code in VALUES:
                said, reason = meant(row, code)
                if said:
                    told += 1
                    assert oracle.hidden(ties, who, code, delegated=DELEGATED) == reason, (row["row"], code)
                    assert meant_by_the_oracle(ties, who, code, DELEGATED) == due(row, code), (row["row"], code)
    assert told > 300
