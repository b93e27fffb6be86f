"""棚卸: what nobody used since a day, each with what ends it; what administrators do is no use of anything."""

from typing import Any

from tests.access.world import owner, tokyo
from tests.factories import Region, Vendor, agree, join, register, report, submit
from tests.http.problems import problem
from tests.people.posts import Staff

from renkei.access.policy import default_rows
from renkei.settings import Settings

PATH = "/v1/access-review"


async def review(office: Vendor, kind: str, **query: Any) -> list[dict[str, Any]]:
    """All items of a kind, page by page."""
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        answer = await office.get(PATH, params={"kind": kind, "since": tokyo(), "limit": 200, **query, **after})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        after = {"after": answer.json()["next"]}


async def team(region: Region) -> tuple[Vendor, Vendor, Vendor, list[str]]:
    """A clinic and its administrator, a station, and three patients both have a place with."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing", ["nurse", "pt"])
    patients = [await register(clinic) for _ in range(3)]
    for patient in patients:
        await join(clinic, nurses, patient)
    return clinic, nurses, await region.organization_admin(nurses), sorted(patients, reverse=True)


async def test_a_place_is_used_by_whoever_does_something_with_the_patient(region: Region, settings: Settings) -> None:
    clinic, nurses, office, patients = await team(region)
    assert [one["patient_id"] for one in await review(office, "place")] == patients
    await nurses.get("/v1/patients", by="nurse")  # being listed is no use
    await nurses.get(f"/v1/patients/{patients[0]}/access-log", by="pt")  # refused
    assert [one["patient_id"] for one in await review(office, "place", limit=1)] == patients
    await nurses.get(f"/v1/patients/{patients[1]}/summary", by="nurse")
    unused = await review(office, "place")
    assert [one["patient_id"] for one in unused] == [patients[0], patients[2]]
    href = f"/v1/patients/{patients[0]}/care-team/{nurses.id}"
    assert unused[0] == {
        "patient_id": patients[0],
        "organization": {"id": nurses.id, "name": (nurses.organization or {})["name"]},
        "part": "visiting_nursing",
        "valid_from": "2020-01-01",
        "last_used_at": None,
        "to_end": {"method": "DELETE", "href": href},
    }
    assert (await clinic.call("DELETE", href)).status_code == 204
    assert [one["patient_id"] for one in await review(office, "place")] == [patients[2]]
    # Used before that day only.
    with owner(settings) as connection:
        connection.execute(
            "UPDATE audit_events SET at = at - interval '2 days' WHERE patient_id = %s AND organization_id = %s",
            [patients[1], nurses.id],
        )
    found = await review(office, "place")
    assert [(one["patient_id"], one["last_used_at"] is None) for one in found] == [
        (patients[1], False),
        (patients[2], True),
    ]


async def test_what_began_after_the_day_is_not_reviewed_yet(region: Region) -> None:
    clinic, nurses, office, patients = await team(region)
    await join(clinic, nurses, patients[0], valid_from=tokyo(-1))
    await join(clinic, nurses, patients[1], valid_until=tokyo(-1))
    assert [one["patient_id"] for one in await review(office, "place", since=tokyo(-1))] == [patients[0], patients[2]]
    assert [one["patient_id"] for one in await review(office, "place", since=tokyo(-2))] == [patients[2]]
    # A year ago, when nothing is said; nothing that stood then has been used.
    answer = (await office.get(PATH, params={"kind": "place"})).json()
    assert (answer["since"], [one["patient_id"] for one in answer["items"]]) == (tokyo(-365), [patients[2]])


async def test_a_consent_is_used_by_reading(region: Region) -> None:
    clinic, nurses, office, patients = await team(region)
    to = {"recipients": {"organizations": [nurses.id, clinic.id]}}
    ids = {patient: await agree(clinic, patient, **to) for patient in patients}
    await agree(clinic, patients[0])  # to the team, naming nobody
    assert len(await review(office, "consent", since=tokyo(-1))) == 3
    later = await agree(clinic, patients[0], **to, valid_from=tokyo())
    assert later not in [one["consent_id"] for one in await review(office, "consent", since=tokyo(-1))]
    assert later in [one["consent_id"] for one in await review(office, "consent")]
    await clinic.post(f"/v1/patients/{patients[0]}/consents/{later}/withdrawal", {"reason": "検査"})
    await agree(clinic, patients[0], **to, valid_from=tokyo(-9), valid_until=tokyo(-1))
    await submit(nurses, patients[0], report(), by="nurse")
    await nurses.get(f"/v1/patients/{patients[1]}", by="nurse")
    unused = await review(office, "consent")
    assert [one["consent_id"] for one in unused] == [ids[patients[0]], ids[patients[2]]]
    assert {one["organization"]["id"] for one in unused} == {nurses.id}
    assert (unused[0]["patient_id"], unused[0]["about"], unused[0]["last_used_at"]) == (patients[0], "patient", None)
    to_end = unused[0]["to_end"]
    assert to_end == {
        "method": "POST",
        "href": f"/v1/patients/{patients[0]}/consents/{ids[patients[0]]}/withdrawal",
    }
    assert (await clinic.post(to_end["href"], {"reason": "棚卸"})).status_code == 201
    assert [one["consent_id"] for one in await review(office, "consent")] == [ids[patients[2]]]
    # Page by page nothing is lost or twice; the platform's admin sees both organizations.
    pairs = [(one["consent_id"], one["organization"]["id"]) for one in await review(region.admin, "consent", limit=1)]
    assert len(pairs) == len(set(pairs))
    assert {(ids[patients[2]], nurses.id), (ids[patients[2]], clinic.id)} <= set(pairs)


async def test_a_delegation_is_used_profession_by_profession(region: Region) -> None:
    _, nurses, office, patients = await team(region)
    today = tokyo()
    (unused,) = await review(office, "delegation", since=today)
    assert (unused["professions"], unused["whole"]) == (["nurse", "pt"], True)
    assert unused["to_end"] == {"method": "POST", "href": f"/v1/delegations/{unused['delegation_id']}/end"}
    assert unused["organization"]["id"] == nurses.id and unused["client"]["name"] == "検査システム"
    await nurses.get(f"/v1/patients/{patients[0]}")
    (unused,) = await review(office, "delegation")
    assert (unused["professions"], unused["whole"]) == (["nurse", "pt"], False)
    await nurses.get(f"/v1/patients/{patients[0]}", by="pt")
    assert [one["professions"] for one in await review(office, "delegation")] == [["nurse"]]
    await nurses.get(f"/v1/patients/{patients[0]}", by="nurse")
    assert await review(office, "delegation") == []
    all_ = [one["delegation_id"] for one in await review(region.admin, "delegation", limit=3)]
    assert all_ == sorted(set(all_), reverse=True)


async def test_a_post_is_used_by_whoever_works_under_it(region: Region, settings: Settings) -> None:
    _, nurses, office, patients = await team(region)
    staff = Staff.of(nurses, settings)
    posts = {who: staff.member(who)[0] for who in ("nurse", "pt", None)}
    waiting, _ = staff.hire("nurse", accepted=False)
    told = {one["member_id"]: one for one in await review(office, "member")}
    assert set(told) == {*posts.values(), waiting}
    assert told[posts["pt"]] == {
        "member_id": posts["pt"],
        "name": "検査 花子",
        "organization": {"id": nurses.id, "name": (nurses.organization or {})["name"]},
        "office": "ordinary",
        "profession": "pt",
        "accepted": True,
        "valid_from": "2020-01-01",
        "to_end": {"method": "POST", "href": f"/v1/members/{posts['pt']}/end"},
    }
    assert (told[waiting]["accepted"], told[posts[None]]["office"]) == (False, "organization_admin")
    await nurses.get(f"/v1/patients/{patients[0]}", by="pt")  # the system is not the member
    await staff.get(f"/v1/patients/{patients[0]}/access-log", by="pt")  # refused
    await staff.get(f"/v1/patients/{patients[0]}", by="nurse")
    assert (await staff.get("/v1/audit-events")).status_code == 200
    left = [one["member_id"] for one in await review(office, "member", limit=1)]
    assert left == sorted({posts["pt"], waiting}, reverse=True)
    other = await region.organization_admin(await region.found())
    assert await review(other, "member") == []
    await region.admin.post(f"/v1/organizations/{nurses.id}/suspension", {"reason": "休止"})
    assert waiting not in {one["member_id"] for one in await review(region.admin, "member")}


async def test_a_delegation_of_a_suspended_organization_or_of_later_is_not_reviewed(region: Region) -> None:
    _, nurses, office, _ = await team(region)
    assert len(await review(office, "delegation")) == 1
    assert await review(office, "delegation", since=tokyo(-1)) == []
    await region.admin.post(f"/v1/organizations/{nurses.id}/suspension", {"reason": "休止"})
    listed = {one["organization"]["id"] for one in await review(region.admin, "delegation")}
    assert nurses.id not in listed


async def test_a_cell_of_the_permission_table_is_used_by_an_act_of_its_group(region: Region) -> None:
    _, nurses, office, patients = await team(region)
    rows = {str(profession): columns for profession, columns in default_rows().items()}
    filled = {
        (profession, group)
        for profession, columns in rows.items()
        for group in ("person", "family", "medical", "living", "care_report")
        if columns[f"{group}_basic"] or columns[f"{group}_optional"]
    }
    unused = await review(office, "permission", limit=7)
    assert len(unused) == len(filled)
    assert {(one["profession"], one["group"]) for one in unused} == filled
    await nurses.get(f"/v1/patients/{patients[0]}/summary?groups=medical", by="nurse")
    left = {(one["profession"], one["group"]) for one in await review(office, "permission")}
    assert filled - left == {("nurse", "medical")}
    one = unused[0]
    wanted = {tier: rows[one["profession"]][f"{one['group']}_{tier}"] for tier in ("basic", "optional")}
    assert (one["rights"], one["to_end"]) == (wanted, {"method": "PUT", "href": "/v1/permissions"})


async def test_an_organizations_administrator_sees_its_own_part_and_no_other(region: Region) -> None:
    clinic, nurses, office, patients = await team(region)
    await agree(clinic, patients[0], recipients={"organizations": [nurses.id, clinic.id]})
    other = await region.organization_admin(await region.found())
    for kind in ("delegation", "place", "consent"):
        assert {one["organization"]["id"] for one in await review(office, kind)} == {nurses.id}, kind
        assert [o for o in await review(other, kind) if o["organization"]["id"] in (nurses.id, clinic.id)] == []
        everywhere = await review(await region.auditor(), kind)
        assert nurses.id in {one["organization"]["id"] for one in everywhere}


async def test_each_patient_shown_is_on_record_once_and_looking_is_no_use(region: Region, settings: Settings) -> None:
    clinic, nurses, office, patients = await team(region)
    for patient in (patients[0], patients[0]):
        await agree(clinic, patient, recipients={"organizations": [nurses.id]})
    for kind, shown in (("consent", patients[:1]), ("place", patients), ("delegation", [])):
        for _ in range(2):
            answer = await office.get(PATH, params={"kind": kind, "since": tokyo()})
            with owner(settings) as connection:
                request = [answer.headers["x-request-id"]]
                events = connection.execute(
                    "SELECT patient_id::text, action, basis, organization_id::text FROM audit_events WHERE request_id = %s",
                    request,
                ).fetchall()
                acts = connection.execute("SELECT detail FROM service_events WHERE request_id = %s", request).fetchall()
            assert sorted(events) == sorted(
                (patient, "access_review.read", ["administration"], nurses.id) for patient in shown
            ), kind
            assert acts == ([] if shown else [({"kind": kind, "since": tokyo()},)])


async def test_who_may_review_and_what_may_be_asked(region: Region) -> None:
    clinic = await region.found()
    problem(await clinic.get(PATH, params={"kind": "place"}), 403, "forbidden")
    for query, pointer in (
        ({}, "?kind"),
        ({"kind": "session"}, "?kind"),
        ({"kind": "place", "since": tokyo(1)}, "?since"),
        ({"kind": "place", "after": "x"}, "?after"),
        ({"kind": "permission", "after": "x"}, "?after"),
    ):
        refused = problem(await region.admin.get(PATH, params=query), 422, "invalid")
        assert [error["pointer"] for error in refused["errors"]] == [pointer]
