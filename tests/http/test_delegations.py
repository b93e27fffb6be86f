"""/v1/delegations: which system may act for which organization, for what, until when."""

from types import SimpleNamespace
from typing import Any

import pytest
from tests.access.world import figure, owner, tokyo
from tests.factories import Region, Vendor

from renkei.access import identity
from renkei.ids import new_id
from renkei.settings import Settings


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found("clinic", ["nurse"])


@pytest.fixture
async def system(region: Region) -> Vendor:
    """A registered system that nobody has delegated to."""
    made = (await region.admin.post("/v1/clients", {"name": "委任を待つシステム", "kind": "vendor"})).json()
    return Vendor(region.http, made["client_id"], made["client_secret"])


@pytest.fixture
async def office(region: Region, clinic: Vendor) -> Vendor:
    """The clinic's own administrator."""
    return await region.organization_admin(clinic)


def delegation(system: Vendor, clinic: Vendor, **changes: Any) -> dict[str, Any]:
    return {"client_id": system.client_id, "organization_id": clinic.id, "professions": ["nurse"], **changes}


async def ask(system: Vendor, clinic: Vendor, **form: str) -> tuple[int, dict[str, Any]]:
    """A token of the system for the clinic."""
    assert clinic.organization is not None
    whole = {"grant_type": "client_credentials", "organization": clinic.organization["code"], **form}
    answer = await system.http.post("/oauth/token", data=whole, auth=(system.client_id, system.client_secret))
    return answer.status_code, answer.json()


async def test_an_office_delegates_and_ends_it_at_once(
    clinic: Vendor, system: Vendor, office: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(identity, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    assert (await ask(system, clinic))[0] == 400
    made = await office.post("/v1/delegations", delegation(system, clinic, valid_until=tokyo(30)))
    assert made.status_code == 201, made.text
    body = made.json()
    assert body["in_force"] is True
    assert (body["scopes"], body["valid_from"], body["valid_until"]) == (None, tokyo(), tokyo(30))
    assert (body["client"]["client_id"], body["organization"]["id"]) == (system.client_id, clinic.id)
    token = (await ask(system, clinic))[1]["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await system.http.get("/v1/me", headers=headers)).status_code == 200
    ends = [await office.post(f"/v1/delegations/{body['id']}/end", {"reason": "契約の終了"}) for _ in range(2)]
    assert [end.status_code for end in ends] == [201, 200]
    assert ends[0].json()["ended_at"] == ends[1].json()["ended_at"]
    assert ends[0].json()["in_force"] is False
    clock[0] += identity.REMEMBER_SECONDS
    assert (await system.http.get("/v1/me", headers=headers)).status_code == 401
    assert (await ask(system, clinic))[0] == 400
    figure(f"ended delegation: time to effect at most {identity.REMEMBER_SECONDS} s")


async def test_an_office_acts_for_itself_alone(region: Region, clinic: Vendor, system: Vendor, office: Vendor) -> None:
    other = await region.found("clinic", ["nurse"])
    refused = await office.post("/v1/delegations", delegation(system, other))
    assert (refused.status_code, refused.json()["reason_code"]) == (403, "not_administrator")
    (theirs,) = (await region.admin.get(f"/v1/delegations?organization={other.id}")).json()["items"]
    assert (await office.post(f"/v1/delegations/{theirs['id']}/end", {"reason": "x"})).status_code == 404
    assert (await office.get(f"/v1/delegations?organization={other.id}")).json()["items"] == []
    (own,) = (await office.get("/v1/delegations")).json()["items"]
    assert own["organization"]["id"] == clinic.id
    listed = {client["client_id"] for client in (await office.get("/v1/clients")).json()["items"]}
    assert listed == {clinic.client_id, office.client_id}
    assert (await ask(other, other))[0] == 200


async def test_who_may_delegate(region: Region, clinic: Vendor, system: Vendor) -> None:
    auditor = await region.auditor()
    (standing,) = (await region.admin.get(f"/v1/delegations?client={clinic.client_id}")).json()["items"]
    for vendor, reads in ((clinic, 403), (auditor, 200)):
        assert (await vendor.get("/v1/delegations")).status_code == reads
        assert (await vendor.post("/v1/delegations", delegation(system, clinic))).status_code == 403
        assert (await vendor.post(f"/v1/delegations/{standing['id']}/end", {"reason": "x"})).status_code == 403
    assert (await region.admin.post("/v1/delegations", delegation(system, clinic))).status_code == 201


async def test_a_delegation_has_its_days(region: Region, clinic: Vendor, system: Vendor) -> None:
    for period, status in (
        ({"valid_from": tokyo(1)}, 400),
        ({"valid_from": tokyo(-9), "valid_until": tokyo(-1)}, 400),
        ({"valid_from": tokyo(-9), "valid_until": tokyo()}, 200),
    ):
        made = await region.admin.post("/v1/delegations", delegation(system, clinic, **period))
        assert (made.status_code, made.json()["in_force"]) == (201, status == 200)
        assert (await ask(system, clinic))[0] == status


WRONG: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "no such system": ({"client_id": "rk-0"}, ("/client_id", "unknown")),
    "no such organization": ({"organization_id": str(new_id())}, ("/organization_id", "unknown")),
    "ends before it starts": ({"valid_from": "2026-02-01", "valid_until": "2026-01-01"}, ("/valid_until", "reversed")),
    "no profession": ({"professions": []}, ("/professions", "empty")),
    "the system as a profession": ({"professions": ["system"]}, ("/professions/0", "code")),
    "no scope": ({"scopes": []}, ("/scopes", "empty")),
    "an unknown scope": ({"scopes": ["everything"]}, ("/scopes/0", "code")),
    "a scope twice": ({"scopes": ["patients", "patients"]}, ("/scopes", "repeated")),
}


@pytest.mark.parametrize(("changes", "fault"), WRONG.values(), ids=WRONG)
async def test_a_wrong_delegation_is_refused(
    region: Region, clinic: Vendor, system: Vendor, changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    answer = await region.admin.post("/v1/delegations", delegation(system, clinic, **changes))
    assert (answer.status_code, [(f["pointer"], f["code"]) for f in answer.json()["errors"]]) == (422, [fault])


async def test_only_a_standing_vendors_system_is_delegated_to(region: Region, clinic: Vendor, system: Vendor) -> None:
    await region.admin.post(f"/v1/clients/{system.client_id}/suspension", {"reason": "x"})
    for client in (system, region.admin):
        answer = await region.admin.post("/v1/delegations", delegation(client, clinic))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/client_id")


async def test_the_list_is_cut_and_kept_to_what_was_asked(region: Region, clinic: Vendor, system: Vendor) -> None:
    made = [(await region.admin.post("/v1/delegations", delegation(system, clinic))).json()["id"] for _ in range(3)]
    first = (await region.admin.get(f"/v1/delegations?client={system.client_id}&limit=2")).json()
    rest = (await region.admin.get(f"/v1/delegations?client={system.client_id}&after={first['next']}")).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == made[::-1]


async def test_both_acts_are_on_record(clinic: Vendor, system: Vendor, office: Vendor, settings: Settings) -> None:
    made = await office.post("/v1/delegations", delegation(system, clinic, scopes=["patients"]))
    end = await office.post(f"/v1/delegations/{made.json()['id']}/end", {"reason": "契約の終了"})
    with owner(settings) as connection:
        query = "SELECT action, actor_kind, organization_id::text, detail FROM service_events WHERE request_id = %s"
        events = [connection.execute(query, [a.headers["x-request-id"]]).fetchone() for a in (made, end)]
    said = delegation(system, clinic, scopes=["patients"])
    assert events == [
        ("delegation.register", "organization_admin", clinic.id, said),
        (
            "delegation.end",
            "organization_admin",
            clinic.id,
            {"delegation_id": made.json()["id"], "reason": "契約の終了"},
        ),
    ]
