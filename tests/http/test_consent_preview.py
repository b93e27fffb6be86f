"""Who would see what: told by the very function that decides, of the very act, and nothing of it kept."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as steps
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier
from tests.access.world import owner
from tests.factories import ALL_GROUPS, Region, Vendor, agree, consent, family_consent, join, register
from tests.http.problems import faults, problem

from renkei.ids import new_id, now
from renkei.schemas.dates import tokyo_day
from renkei.settings import Settings

Read = dict[tuple[str, str], list[str]]


def day(distance: int) -> str:
    """A Tokyo day so many days from today."""
    return (tokyo_day(now()) + timedelta(distance)).isoformat()


async def team(region: Region) -> tuple[Vendor, Vendor, str]:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    return clinic, nurses, patient


async def reads(vendor: Vendor, patient: str) -> Read:
    """What GET …/access says of every organization and profession that reads anything of others'."""
    told = (await vendor.get(f"/v1/patients/{patient}/access")).json()["items"]
    rows = [(entry["organization"]["id"], row) for entry in told for row in entry["professions"]]
    return {(id_, row["profession"]): row["read"] for id_, row in rows if row["read"]}


def previewed(told: dict[str, Any], before: Read) -> Read:
    """The same table as the preview says it will be; what it says is now so must be what is."""
    found = dict(before)
    for entry in told["items"]:
        for row in entry["professions"]:
            key = (entry["organization"]["id"], row["profession"])
            assert row["now"] == before.get(key, []) != row["after"]
            assert set(row["gains"]) == set(row["after"]) - set(row["now"])
            assert set(row["loses"]) == set(row["now"]) - set(row["after"])
            found[key] = row["after"]
    return {key: parts for key, parts in found.items() if parts}


@pytest.fixture
def inside(settings: Settings) -> Iterator[psycopg.Connection]:
    with owner(settings) as connection:
        yield connection


def rows_of(inside: psycopg.Connection, patient: str) -> dict[str, int]:
    """Rows of the patient in every table, the ledger of acts aside."""
    tables = inside.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'patient_id' "
        "WHERE c.relkind = 'r' AND c.relname NOT IN ('audit_events', 'audit_leaves')"
    ).fetchall()
    count = SQL("SELECT count(*) FROM {} WHERE patient_id = %s")
    found = {name: inside.execute(count.format(Identifier(name)), [patient]).fetchone() for (name,) in tables}
    return {name: row[0] if row else 0 for name, row in found.items()}


async def test_what_a_consent_opens_and_closes(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    hospital = await region.found("hospital")
    old = await agree(clinic, patient, groups=["living", "care_report"], recipients={"care_team": True})
    to = {"organizations": [nurses.id, hospital.id], "professions": ["nurse"]}
    sent = consent(groups=["medical"], tiers=["basic"], recipients=to, replaces=[old], restricted=["medical.infection"])
    told = (await clinic.post(f"/v1/patients/{patient}/consents/preview", sent)).json()
    assert (told["patient_id"], told["effective_from"]) == (patient, day(0))
    by_id = {entry["organization"]["id"]: entry for entry in told["items"]}
    assert by_id.keys() == {clinic.id, nurses.id, hospital.id}
    assert by_id[hospital.id]["basis"] == {"now": [], "after": ["consent"]}
    assert by_id[nurses.id]["basis"] == {"now": ["care_team"], "after": ["care_team", "consent"]}
    rows = {row["profession"]: row for row in by_id[nurses.id]["professions"]}
    living = ["living.basic", "living.optional", "care_report.basic", "care_report.optional"]
    opened = ["medical.basic", "medical.infection"]
    assert rows["nurse"] == {"profession": "nurse", "now": living, "after": opened, "gains": opened, "loses": living}
    assert rows["physician"]["after"] == [] and rows["physician"]["loses"] == living
    assert [row["profession"] for row in by_id[hospital.id]["professions"]] == ["nurse"]


async def test_a_tie_that_opens_nothing_is_told_too(region: Region) -> None:
    clinic, _, patient = await team(region)
    hospital = await region.found("hospital")
    sent = consent(recipients={"organizations": [hospital.id], "professions": ["family"]})
    (told,) = (await clinic.post(f"/v1/patients/{patient}/consents/preview", sent)).json()["items"]
    assert told["organization"]["id"] == hospital.id and told["professions"] == []
    assert told["basis"] == {"now": [], "after": ["consent"]}


async def test_nothing_is_kept_but_that_it_was_asked(region: Region, inside: psycopg.Connection) -> None:
    clinic, _, patient = await team(region)
    old = await agree(clinic, patient, restricted=["medical.infection"])
    path = f"/v1/patients/{patient}/consents"
    kept, table = rows_of(inside, patient), await reads(clinic, patient)
    asked = [
        await clinic.post(f"{path}/preview", consent(groups=["medical"], replaces=[old])),
        await clinic.post(f"{path}/{old}/withdrawal/preview", {}),
        await clinic.post(f"{path}/{old}/withdrawal/preview", {"only": {"groups": ["medical"]}}),
    ]
    assert [answer.status_code for answer in asked] == [200] * 3 and all(a.json()["items"] for a in asked)
    assert rows_of(inside, patient) == kept
    assert await reads(clinic, patient) == table
    for answer in asked:
        query = "SELECT action, outcome FROM audit_events WHERE request_id = %s"
        found = inside.execute(query, [answer.headers["x-request-id"]]).fetchall()
        assert found == [("consent.preview", "allowed")]


async def test_one_from_a_later_day_is_seen_as_of_that_day(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    sent = consent(groups=["medical"], valid_from=day(30), valid_until=day(60))
    told = (await clinic.post(f"/v1/patients/{patient}/consents/preview", sent)).json()
    assert told["effective_from"] == day(30)
    after = previewed(told, {})
    assert after[nurses.id, "nurse"] == ["medical.basic", "medical.optional"]
    over = consent(valid_from=day(-9), valid_until=day(-1))
    told = (await clinic.post(f"/v1/patients/{patient}/consents/preview", over)).json()
    assert (told["items"], told["effective_from"]) == ([], day(0))


async def test_it_is_refused_as_the_act_would_be(region: Region) -> None:
    clinic, nurses, patient = await team(region)
    path = f"/v1/patients/{patient}/consents"
    old = await agree(clinic, patient, groups=["medical"])
    to = {"care_team": True, "except_organizations": [str(new_id())], "organizations": [str(new_id())]}
    bad = consent(given_on=day(1), recipients=to)
    expected = {
        ("/given_on", "future"),
        ("/recipients/organizations/0", "unknown"),
        ("/recipients/except_organizations/0", "unknown"),
    }
    for place in (path, f"{path}/preview"):
        assert faults(problem(await clinic.post(place, bad), 422, "invalid")) == expected
        assert (await nurses.post(place, consent(), by="pt")).status_code == 403
        told = problem(await clinic.post(place, consent(replaces=[str(new_id())])), 422, "invalid")
        assert faults(told) == {("/replaces/0", "unknown")}
    only = {"only": {"groups": ["living"]}}
    told = problem(await clinic.post(f"{path}/{old}/withdrawal/preview", only), 422, "invalid")
    assert faults(told) == {("/only/groups/0", "unknown")}
    assert (await region.admin.post(f"{path}/preview", consent())).status_code == 200
    assert (await (await region.auditor()).post(f"{path}/preview", consent())).status_code == 200
    assert (await clinic.post(f"{path}/{old}/withdrawal", {"reason": "申し出"})).status_code == 201
    problem(await clinic.post(f"{path}/{old}/withdrawal/preview", {}), 409, "conflict")
    problem(await clinic.post(f"{path}/preview", consent(replaces=[old])), 409, "conflict")


RESTRICTED = ["medical.infection", "medical.prognosis", "family.abuse_concern", "care_report.abuse_suspicion"]
PROFESSIONS = ["nurse", "physician", "home_helper", "care_manager"]


def some(of: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), unique=True, min_size=least)


OFFICES = ["clinic", "nurses", "hospital"]
TERMS = st.fixed_dictionaries(
    {
        "about": st.sampled_from(["patient", "patient", "family"]),
        "groups": some(ALL_GROUPS, 1),
        "tiers": some(["basic", "optional"], 1),
        "restricted": some(RESTRICTED),
        "professions": some(PROFESSIONS),
        "to": some(["team", *OFFICES], 1),
        "except": some(OFFICES),
        "from": st.sampled_from([-9, 0]),
        "replaces": st.booleans(),
    }
)
ONLY = st.fixed_dictionaries(
    {
        "groups": some(ALL_GROUPS),
        "tiers": some(["basic", "optional"]),
        "restricted": some(RESTRICTED),
        "professions": some(PROFESSIONS),
    }
)


def written(terms: dict[str, Any], ids: dict[str, str], standing: list[str]) -> dict[str, Any]:
    """A consent of these terms."""
    named, team_too = [ids[name] for name in terms["to"] if name != "team"], "team" in terms["to"]
    excepted = [ids[name] for name in terms["except"] if team_too and ids[name] not in named]
    to = {"care_team": team_too, "organizations": named, "except_organizations": excepted}
    family = terms["about"] == "family"
    return {
        **(family_consent() if family else consent()),
        "groups": list(dict.fromkeys([*terms["groups"], *(["family"] if family else [])])),
        "tiers": terms["tiers"],
        "restricted": terms["restricted"],
        "recipients": {**to, "professions": terms["professions"]},
        "valid_from": day(terms["from"]),
        "replaces": standing[:1] if terms["replaces"] else [],
    }


CASES: list[tuple[list[dict[str, Any]], dict[str, list[str]]]] = []


@steps(max_examples=15, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
       suppress_health_check=list(HealthCheck))  # fmt: skip
@given(st.lists(TERMS, min_size=1, max_size=4), ONLY)
def collect(terms: list[dict[str, Any]], only: dict[str, list[str]]) -> None:
    """Generated first and sent then: Hypothesis itself is not asynchronous."""
    CASES.append((terms, only))


async def test_it_foretells_what_access_then_says(region: Region) -> None:
    """Random consents one after another, then a part of the last withdrawn: each foretold, done, and compared."""
    CASES.clear()
    collect()
    clinic, nurses, hospital = (
        await region.found(),
        await region.found("visiting_nursing"),
        await region.found("hospital"),
    )
    ids, changed = {"clinic": clinic.id, "nurses": nurses.id, "hospital": hospital.id}, 0
    for terms, only in CASES:
        patient = await register(clinic)
        await join(clinic, nurses, patient)
        path, standing, table = f"/v1/patients/{patient}/consents", list[str](), await reads(clinic, patient)

        async def foretold(place: str, body: Any, act: str, done: Any) -> dict[str, Any]:
            nonlocal table, changed
            told = await clinic.post(place, body)
            kept = await clinic.post(act, done)
            assert (told.status_code, kept.status_code) == (200, 201), (told.text, kept.text)
            after = await reads(clinic, patient)  # noqa: B023 - as above
            assert previewed(told.json(), table) == after
            changed += after != table
            table = after
            return dict(kept.json())

        for one in terms:
            body = written(one, ids, standing)
            kept = await foretold(f"{path}/preview", body, path, body)
            standing = [id_ for id_ in [*standing, kept["id"]] if id_ not in body["replaces"]]
        covered = {name: [x for x in only[name] if x in kept[name]] for name in ("groups", "tiers", "restricted")}
        among = kept["recipients"]["professions"]
        covered["professions"] = [x for x in only["professions"] if not among or x in among]
        if any(covered.values()):
            place = f"{path}/{kept['id']}/withdrawal"
            await foretold(f"{place}/preview", {"only": covered}, place, {"reason": "申し出", "only": covered})
    assert changed > 20  # the cases are not idle
