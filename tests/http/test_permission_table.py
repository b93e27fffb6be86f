"""The permission table: read by all, changed whole under If-Match, effective at once, every version kept, tried beforehand."""

import asyncio
import copy
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.access.world import owner
from tests.factories import EVERY_PROFESSION, Region, Vendor, agree, join, register, sheet, submit
from tests.http.problems import problem
from tests.people.posts import Staff

from renkei.access.policy import default_rows
from renkei.settings import Settings

DEFAULTS = {profession.value: dict(columns) for profession, columns in default_rows().items()}
PATH = "/v1/permissions"


@pytest.fixture(autouse=True)
async def _as_it_was(admin: Vendor) -> AsyncIterator[None]:
    """All tests share the table."""
    yield
    restored = await put(admin, DEFAULTS)
    assert restored.status_code == 200, restored.text


def changed(**cells: str) -> dict[str, Any]:
    """The defaults with some cells changed: ``nurse__medical_basic=""``."""
    rows = copy.deepcopy(DEFAULTS)
    for cell, right in cells.items():
        profession, _, column = cell.partition("__")
        rows[profession][column] = right
    return rows


async def put(admin: Vendor, rows: Any, etag: str | None = "", **more: Any) -> httpx.Response:
    """A change; etag: that of the table in force when empty, no If-Match at all when None."""
    if etag == "":
        etag = (await admin.get(PATH)).headers["etag"]
    headers = {} if etag is None else {"If-Match": etag}
    return await admin.call("PUT", PATH, json={"rows": rows, **more}, headers=headers)


async def test_everybody_may_read_the_table(region: Region) -> None:
    clinic, auditor = await region.found(), await region.auditor()
    for who in (region.admin, auditor, clinic, await region.organization_admin(clinic)):
        answer = await who.get(PATH)
        table = answer.json()
        assert answer.headers["etag"] == f'"{table["version"]}"'
        assert table["rows"] == DEFAULTS
        assert list(table["rows"]) == [*EVERY_PROFESSION, "system"]
        assert [*table["rows"]["nurse"]] == [*DEFAULTS["nurse"]]


async def test_a_change_decides_the_next_request(region: Region) -> None:
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    await agree(clinic, patient)
    await submit(clinic, patient, sheet({"medical": {"present_illness": "慢性心不全"}}), by="physician")
    path = f"/v1/patients/{patient}/summary"
    assert "medical" in (await nurses.get(path, by="nurse")).json()["groups"]
    assert (await put(region.admin, changed(nurse__medical_basic="", nurse__medical_optional=""))).status_code == 200
    seen = (await nurses.get(path, by="nurse")).json()
    assert "medical" not in seen["groups"]
    assert {"group": "medical", "tier": "basic", "reason": "profession"} in seen["withheld"]
    nothing = dict.fromkeys([f"nurse__{column}" for column in DEFAULTS["nurse"]], "")
    await put(region.admin, changed(**nothing))
    problem(await nurses.get(path, by="nurse"), 403, "forbidden")
    await put(region.admin, DEFAULTS)
    assert "medical" in (await nurses.get(path, by="nurse")).json()["groups"]


async def test_every_change_is_a_version_and_the_same_again_is_none(region: Region) -> None:
    before = (await region.admin.get(PATH)).json()
    answer = await put(region.admin, changed(family__person_basic="r"), comment="運営協議会の決定")
    table = answer.json()
    assert (table["version"], answer.headers["etag"]) == (before["version"] + 1, f'"{before["version"] + 1}"')
    assert table["comment"] == "運営協議会の決定" and table["recorded_by"]["name"] == "admin"
    assert (await region.admin.get(PATH)).json() == table
    same = await put(region.admin, changed(family__person_basic="r"), comment="もう一度")
    assert (same.status_code, same.json()) == (200, table)

    listed = (await region.admin.get(f"{PATH}/versions", params={"limit": 1})).json()
    assert listed["items"] == [{name: table[name] for name in ("version", "recorded_at", "recorded_by", "comment")}]
    older = (await region.admin.get(f"{PATH}/versions", params={"after": listed["next"]})).json()["items"]
    assert [one["version"] for one in older] == list(range(before["version"], max(before["version"] - 50, 0), -1))
    first = (await region.admin.get(f"{PATH}/versions/1")).json()
    assert (first["rows"], first["recorded_by"]) == (DEFAULTS, None)
    assert (await region.admin.get(f"{PATH}/versions/{before['version']}")).json() == before
    for absent in (table["version"] + 1, 0, 2**31, "x"):
        problem(await region.admin.get(f"{PATH}/versions/{absent}"), 404, "not-found")


async def test_two_versions_are_compared_cell_by_cell(region: Region) -> None:
    before = (await region.admin.get(PATH)).json()["version"]
    await put(region.admin, changed(nurse__restricted="", family__person_basic="rw"))
    told = (await region.admin.get(f"{PATH}/diff", params={"from": before})).json()
    changes = [
        {"profession": "nurse", "column": "restricted", "before": DEFAULTS["nurse"]["restricted"], "after": ""},
        {"profession": "family", "column": "person_basic", "before": DEFAULTS["family"]["person_basic"], "after": "rw"},
    ]
    assert told == {"from": before, "to": before + 1, "changes": changes}
    back = (await region.admin.get(f"{PATH}/diff", params={"from": before + 1, "to": before})).json()
    assert [(one["before"], one["after"]) for one in back["changes"]] == [(c["after"], c["before"]) for c in changes]
    wrong = await region.admin.get(f"{PATH}/diff", params={"from": before + 2, "to": before + 3})
    assert [e["pointer"] for e in problem(wrong, 422, "invalid")["errors"]] == ["?from", "?to"]
    problem(await region.admin.get(f"{PATH}/diff"), 422, "invalid")


async def test_nobody_overwrites_what_they_have_not_read(region: Region) -> None:
    etag = (await region.admin.get(PATH)).headers["etag"]
    rows = changed(family__person_basic="r")
    for wrong in (None, '"0"', f"W/{etag}", "*", etag.strip('"')):
        refused = await put(region.admin, rows, wrong)
        problem(refused, 412, "precondition-failed")
        assert refused.headers["etag"] == etag
    assert (await put(region.admin, rows, etag)).status_code == 200
    problem(await put(region.admin, DEFAULTS, etag), 412, "precondition-failed")


@pytest.mark.parametrize("_", range(5))
async def test_of_two_who_change_it_at_once_one_is_told_to_read_again(region: Region, _: int) -> None:
    etag = (await region.admin.get(PATH)).headers["etag"]
    answers = await asyncio.gather(
        *(put(region.admin, changed(family__person_basic=right), etag) for right in ("r", "rw"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    (won,) = [answer.headers["etag"] for answer in answers if answer.status_code == 200]
    assert [answer.headers["etag"] for answer in answers] == [won, won]


async def test_every_fault_of_a_table_is_named_at_once(region: Region) -> None:
    rows = changed(nurse__medical_basic="w", physician__restricted="rw", system__restricted="r", ot__living_basic="x")
    del rows["dentist"], rows["pt"]["person_basic"]
    rows["wizard"] = rows["nurse"]
    rows["st"]["magic"] = "r"
    told = problem(await put(region.admin, rows), 422, "invalid")["errors"]
    assert {(error["pointer"], error["code"]) for error in told} == {
        ("/rows/nurse/medical_basic", "code"),
        ("/rows/physician/restricted", "code"),
        ("/rows/system/restricted", "code"),
        ("/rows/ot/living_basic", "code"),
        ("/rows/dentist", "required"),
        ("/rows/pt/person_basic", "required"),
        ("/rows/wizard", "unknown"),
        ("/rows/st/magic", "unknown"),
    }
    problem(await put(region.admin, rows, None), 422, "invalid")


async def test_only_the_platforms_admin_changes_it_and_it_is_on_record(region: Region, settings: Settings) -> None:
    clinic = await region.found()
    for nobody in (clinic, await region.auditor()):
        problem(await put(nobody, DEFAULTS), 403, "forbidden")
        problem(await nobody.post(f"{PATH}/preview", {"rows": DEFAULTS}), 403, "forbidden")
    answer = await put(region.admin, changed(family__person_basic="rw"), comment="検査")
    with owner(settings) as connection:
        (event,) = connection.execute(
            "SELECT action, detail FROM service_events WHERE request_id = %s", [answer.headers["x-request-id"]]
        ).fetchall()
    before = DEFAULTS["family"]["person_basic"]
    change = {"profession": "family", "column": "person_basic", "before": before, "after": "rw"}
    version = answer.json()["version"]
    assert event == ("permission_table.edit", {"version": version, "changes": [change], "comment": "検査"})


async def touched(region: Region, rows: Any, *vendors: Vendor) -> list[dict[str, Any]]:
    """What a preview tells of these vendors' organizations."""
    answer = await region.admin.post(f"{PATH}/preview", {"rows": rows})
    assert answer.status_code == 200, answer.text
    ids = {vendor.id for vendor in vendors}
    return [one for one in answer.json()["touches"] if one["organization"]["id"] in ids]


async def test_a_preview_tells_whom_a_change_touches_and_changes_nothing(region: Region, settings: Settings) -> None:
    clinic = await region.found(professions=["physician", "nurse"])
    nurses = await region.found("visiting_nursing", ["nurse", "care_worker"])
    for _ in range(2):
        patient = await register(clinic)
        await join(clinic, nurses, patient)
        await nurses.get(f"/v1/patients/{patient}/summary", by="nurse")
    before = (await region.admin.get(PATH)).json()
    told = await touched(region, changed(nurse__medical_basic="r", nurse__medical_optional=""), clinic, nurses)
    shown = [
        (one["organization"]["id"], one["profession"], one["clients"], one["users"], one["patients"]) for one in told
    ]
    # The stations' system as itself has what it may assert: without the nurse nothing of medical is left to write.
    assert shown[0] == (nurses.id, "nurse", 1, 1, 2)
    assert sorted(shown[1:]) == sorted([(clinic.id, "nurse", 1, 0, 0), (nurses.id, "system", 1, 0, 0)])
    assert {tuple(one["groups"]) for one in told} == {("medical",)}
    with owner(settings) as connection:
        connection.execute(
            "UPDATE audit_events SET at = at - interval '91 days' WHERE organization_id = %s AND patient_id = %s",
            [nurses.id, patient],
        )
    told = await touched(region, changed(nurse__medical_basic=""), nurses)
    assert ("nurse", 1) in [(one["profession"], one["patients"]) for one in told]
    # Writing alone touches nobody who has only read.
    told = await touched(region, changed(nurse__care_report_basic="r"), nurses)
    assert [(one["profession"], one["patients"]) for one in told] == [("nurse", 0)]
    assert await touched(region, changed(dentist__medical_basic=""), clinic, nurses) == []
    assert (await region.admin.get(PATH)).json() == before


async def test_a_preview_tells_of_members_by_their_posts(region: Region, settings: Settings) -> None:
    clinic = await region.found(professions=["physician"])
    staff = Staff.of(clinic, settings)
    for who in ("nurse", "nurse", "pt", None):
        staff.hire(who)
    patient = await register(clinic)
    await staff.get(f"/v1/patients/{patient}/summary", by="nurse")
    told = await touched(region, changed(nurse__medical_basic=""), clinic)
    assert [(one["profession"], one["clients"], one["members"], one["users"], one["patients"]) for one in told] == [
        ("nurse", 0, 3, 1, 1)
    ]


async def test_a_preview_knows_that_restricted_items_are_read_too(region: Region) -> None:
    nurses = await region.found("visiting_nursing", ["nurse"])
    told = await touched(region, changed(nurse__restricted=""), nurses)
    # A system never reads them, so nothing changes for it.
    assert [(one["profession"], one["groups"]) for one in told] == [
        ("nurse", ["family", "medical", "living", "care_report"])
    ]


async def test_a_change_that_nobody_uses_says_so_and_each_preview_is_on_record(
    region: Region, settings: Settings
) -> None:
    answer = await region.admin.post(f"{PATH}/preview", {"rows": DEFAULTS})
    assert answer.json() == {"changes": [], "in_use": False, "touches": []}
    with owner(settings) as connection:
        events = [
            connection.execute(
                f"SELECT count(*) FROM {table} WHERE request_id = %s",  # noqa: S608 - our own two tables
                [answer.headers["x-request-id"]],
            ).fetchone()
            for table in ("audit_events", "service_events")
        ]
    assert events == [(0,), (1,)]
