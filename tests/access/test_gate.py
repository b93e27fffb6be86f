"""The gate: what it hands out, and to whom it hands out nothing."""

from collections.abc import Iterator

import psycopg
import pytest
from tests.access import oracle
from tests.access.oracle import Consent, Ties
from tests.access.world import (
    ALL_RESTRICTED,
    EVERYTHING,
    VALUES,
    World,
    care_report,
    emergency,
    face_sheet,
    owner,
    tokyo,
)
from tests.factories import Region, consent, insured_number, insurer, person
from tests.people.posts import Staff

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.gate import Grant
from renkei.access.policy import COLUMNS, PermissionTable, Rights, Tie, View, default_rows
from renkei.access.refusals import NO_ORGANIZATION, NO_RIGHT, NOT_IN_TEAM
from renkei.ids import new_id
from renkei.settings import Settings
from renkei.vocabulary import ActorKind, Basis, Permission, Profession

NOTHING = Rights(frozenset(), frozenset(), False)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[psycopg.Connection]:
    with owner(settings) as connection:
        yield connection


def test_nobody_else_makes_a_grant() -> None:
    asked = Asked(new_id(), Actor(ActorKind.worker, new_id(), None, ()), "summary.read")
    with pytest.raises(TypeError, match=r"^only the gate makes a Grant$"):
        Grant(asked, new_id(), (), Permission.summary_read, None, NOTHING, View(), new_id(), object())


def test_the_default_table_is_the_data() -> None:
    """Every cell read by two writings of the table."""
    table = PermissionTable(1, default_rows())
    for profession in Profession:
        rights = table.of(profession)
        for group, tier in COLUMNS:
            column = f"{group}_{tier}"
            assert ((group, tier) in rights.read) == ("r" in oracle.TABLE[profession][column])
            assert ((group, tier) in rights.write) == ("w" in oracle.TABLE[profession][column])
        assert rights.restricted == ("r" in oracle.TABLE[profession]["restricted"])
    assert len(oracle.TABLE) == len(Profession) == 37


def test_a_profession_the_table_does_not_know_has_no_right() -> None:
    assert PermissionTable(1, {}).of(Profession.physician) == NOTHING
    assert PermissionTable(1, {}).rights(Actor(ActorKind.admin, new_id(), None, ())) == NOTHING
    assert Tie(new_id(), new_id()).bases(None) == frozenset()


async def test_administrators_have_no_patients(region: Region) -> None:
    """They find none, register none, break no glass, and read no content."""
    auditor = await region.auditor()
    made = await (await World.found(region)).make(Ties("now"))
    for office in (region.admin, auditor):
        assert (await office.get("/v1/patients")).status_code == 403
        assert (await office.post("/v1/patients", person())).status_code == 403
        assert (await office.post(f"{made.path}/emergency-access", emergency())).status_code == 403
        for path in ("", "/summary", "/face-sheets", "/care-reports", f"/face-sheets/{made.sheet}"):
            assert (await office.get(made.path + path)).status_code == 403
        assert (await office.post(f"{made.path}/care-reports", care_report())).status_code == 403
        assert (await office.get(f"/v1/patients/{new_id()}/access")).status_code == 404


async def test_offices_do_what_is_theirs(region: Region) -> None:
    """The admin records consents and the team; the auditor reads who sees and who looked; neither does the other's."""
    auditor, world = await region.auditor(), await World.found(region)
    made = await world.make(Ties())
    place = f"{made.path}/care-team/{world.reader.id}"
    period = {"part": "other", "valid_from": tokyo()}
    given = await region.admin.post(f"{made.path}/consents", consent())
    assert given.status_code == 201
    assert (await region.admin.put(place, period)).status_code == 201
    for path in ("/access", "/access-log", "/consents", "/care-team"):
        assert (await region.admin.get(made.path + path)).status_code == 200
        assert (await auditor.get(made.path + path)).status_code == 200
    assert (await auditor.post(f"{made.path}/consents", consent())).status_code == 403
    assert (await auditor.put(place, period)).status_code == 403
    assert (await auditor.call("DELETE", place)).status_code == 403
    withdrawal = f"{made.path}/consents/{given.json()['id']}/withdrawal"
    assert (await auditor.post(withdrawal, {"reason": "x"})).status_code == 403
    assert (await region.admin.post(withdrawal, {"reason": "x"})).status_code == 201
    assert (await region.admin.call("DELETE", place)).status_code == 204


async def test_only_the_platform_founds_organizations_and_clients(region: Region) -> None:
    world, auditor = await World.found(region), await region.auditor()
    for vendor in (world.author, auditor):
        body = {"code": "new", "name": "新", "kind": "clinic"}
        refused = [
            await vendor.post("/v1/organizations", body),
            await vendor.post("/v1/clients", {"name": "新", "kind": "admin"}),
        ]
        assert [(r.status_code, r.json()["reason_code"]) for r in refused] == [(403, "not_administrator")] * 2
        assert (await vendor.get("/v1/organizations")).status_code == 200


def said(problem: dict[str, object]) -> tuple[object, ...]:
    return tuple(problem[name] for name in ("reason_code", "rule", "grantable_by", "detail"))


async def test_offices_register_nobody(region: Region) -> None:
    for office in (region.admin, await region.auditor(), await region.organization_admin(await region.found())):
        answer = await office.post("/v1/patients", person())
        assert answer.status_code == 403 and answer.json()["request_access"] is None
        assert said(answer.json()) == ("not_in_care_team", "organization", "organization", NO_ORGANIZATION[0])


async def test_a_refusal_says_the_rule_and_who_can_change_it(region: Region) -> None:
    world = await World.found(region)
    silent, ended = await world.make(Ties("now")), await world.make(Ties("ended", own=True))
    withdrawn = await world.make(Ties("now", consents=(Consent(EVERYTHING, when="withdrawn"),)))
    asked = {
        ("no_consent", "patient"): await world.reader.get(f"{silent.path}/care-reports/{silent.report}", by="nurse"),
        ("consent_withdrawn", "patient"): await world.reader.get(
            f"{withdrawn.path}/care-reports/{withdrawn.report}", by="nurse"
        ),
        ("profession", "platform_admin"): await world.reader.get(f"{silent.path}/access", by="home_helper"),
        ("not_in_care_team", "care_team"): await world.reader.post(
            f"{ended.path}/care-reports", care_report(), by="nurse"
        ),
    }
    rules = ["consent", "consent", "permission_table.person_basic.write", "tie.care_team"]
    words = ["この項目群の提供について同意がありません", "同意が撤回されています", NO_RIGHT[0], NOT_IN_TEAM[0]]
    for (reason, by), rule, detail in zip(asked, rules, words, strict=True):
        answer = asked[reason, by]
        assert (answer.status_code, said(answer.json())) == (403, (reason, rule, by, detail))
    others = f"{silent.path}/care-reports/{silent.report}/withdrawal"
    refused = await world.reader.post(others, {"reason": "x"}, by="nurse")
    assert (refused.status_code, refused.json()["reason_code"]) == (403, "not_own_record")


async def test_a_refused_document_names_each_item_and_keeps_nothing(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(Ties("now"))
    answer = await world.reader.post(f"{made.path}/face-sheets", face_sheet(VALUES), by="pharmacist")
    assert answer.status_code == 403
    sheets = [code for code in VALUES if not code.startswith("care_report.")]
    barred = {
        c
        for c in sheets
        if not oracle.right("pharmacist", f"{oracle.ITEMS[c]['group']}_{oracle.ITEMS[c]['tier']}", "w")
    }
    assert {fault["item"] for fault in answer.json()["errors"]} == barred
    assert (await world.reader.get(f"{made.path}/face-sheets", by="pharmacist")).json()["items"] == []


async def test_an_emergency_ends_at_its_hour_and_reads_only(region: Region, catalog: psycopg.Connection) -> None:
    world = await World.found(region)
    made = await world.make(Ties(emergency=frozenset({"medical"})))
    assert (await world.reader.get(f"{made.path}/summary", by="nurse")).status_code == 200
    assert (await world.reader.get(made.path, by="nurse")).json()["tie"] == Basis.emergency.value
    catalog.execute("UPDATE emergency_accesses SET expires_at = now() WHERE patient_id = %s", [made.id])
    assert (await world.reader.get(f"{made.path}/summary", by="nurse")).status_code == 404
    assert made.id not in [p["id"] for p in (await world.reader.get("/v1/patients", by="nurse")).json()["items"]]


async def test_an_emergency_is_closed_by_who_opened_it(region: Region) -> None:
    world = await World.found(region)
    made = await world.make(Ties(emergency=frozenset({"medical"})))
    path = f"{made.path}/emergency-access/{made.emergency}"
    refused = await world.author.call("DELETE", path, by="physician")
    assert (refused.status_code, refused.json()["reason_code"]) == (403, "not_own_record")
    assert (await world.reader.get(f"{made.path}/summary", by="nurse")).status_code == 200
    assert (await world.reader.call("DELETE", path, by="physician")).status_code == 204
    assert (await world.reader.get(f"{made.path}/summary", by="nurse")).status_code == 404


async def test_days_count_to_their_end(region: Region) -> None:
    """A place and a consent of this one Tokyo day are in force today."""
    world = await World.found(region)
    made = await world.make(Ties())
    place = {"part": "other", "valid_from": tokyo(), "valid_until": tokyo()}
    path = f"{made.path}/care-team/{world.reader.id}"
    assert (await world.author.put(path, place)).status_code == 201
    body = consent(valid_from=tokyo(), valid_until=tokyo(), restricted=sorted(ALL_RESTRICTED))
    assert (await world.author.post(f"{made.path}/consents", body)).status_code == 201
    seen = (await world.reader.get(f"{made.path}/summary", by="nurse")).json()
    assert "infection" in seen["groups"]["medical"]
    assert (
        await world.author.put(path, {**place, "valid_from": tokyo(-2), "valid_until": tokyo(-1)})
    ).status_code == 200
    assert (await world.reader.get(f"{made.path}/summary", by="nurse")).status_code == 404


async def test_who_matched_a_number_sees_only_what_it_sent(region: Region) -> None:
    """And adds no number of its own choosing to the person's, nor finds the person by a name it did not know."""
    world = await World.found(region)
    whole = person()
    patient = (await world.author.post("/v1/patients", whole)).json()["id"]
    extra = {"system": "ltci", "insurer": insurer(), "value": insured_number()}
    sent = {**whole, "name": {"family": "別"}, "identifiers": [*whole["identifiers"], extra]}
    matched = (await world.reader.post("/v1/patients", sent)).json()
    assert matched == {"id": patient, **sent, "tie": "requested"}
    assert (await world.reader.get(f"/v1/patients/{patient}")).json() == matched
    assert extra not in (await world.author.get(f"/v1/patients/{patient}")).json()["identifiers"]
    for query in ({"kana": "タカハシ"}, {"name": "髙橋"}, {"birth_date": "1938-04-02"}):
        assert (await world.reader.get("/v1/patients", params=query)).json()["items"] == []
    for path in ("/care-team", "/access", "/access-log", "/consents"):
        assert (await world.reader.get(f"/v1/patients/{patient}{path}")).status_code == 403


async def test_the_first_page_leads_where_the_gate_lets_in(region: Region, settings: Settings) -> None:
    staff, led = Staff.of(await region.found("visiting_nursing"), settings), []
    for profession in ("nurse", "municipality", None):
        page = (await staff.get("/", by=profession)).text
        for noun in ("imports", "exports"):
            let_in = (await staff.get(f"/v1/{noun}", by=profession)).status_code == 200
            assert (f'href="/{noun}"' in page) == let_in, (profession, noun)
            led.append(let_in)
    assert led == [True, True, False, True, False, False]
