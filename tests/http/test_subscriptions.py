"""/v1/subscriptions: registered, listed, led elsewhere, given another secret, ended; and who may."""

import base64
from typing import Any

import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor
from tests.http.inside import as_owner

from renkei.actions.subscriptions import MOST
from renkei.ids import new_id
from renkei.schemas.changes import feed_cursor
from renkei.schemas.webhook_messages import secret_purpose
from renkei.secret_box import CannotOpen, SecretBox
from renkei.settings import Settings
from renkei.vocabulary import Scope

PATH = "/v1/subscriptions"
HOOK = {"url": "https://hooks.example.jp/renkei", "kinds": ["care_report.submit"], "description": "本番"}


@pytest.fixture
async def clinic(region: Region) -> Vendor:
    return await region.found("clinic", ["nurse", "physician"])


async def subscribe(vendor: Vendor, by: str | None = None, **changes: Any) -> dict[str, Any]:
    answer = await vendor.post(PATH, {**HOOK, **changes}, by=by)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_secret_is_shown_once_and_kept_sealed(clinic: Vendor, settings: Settings) -> None:
    made = await subscribe(clinic)
    secret = base64.b64decode(made["secret"].removeprefix("whsec_"), validate=True)
    assert made["secret"].startswith("whsec_") and len(secret) == 32
    shown = (await clinic.get(f"{PATH}/{made['id']}")).json()
    listed = (await clinic.get(PATH)).json()["items"]
    assert shown == {name: value for name, value in made.items() if name != "secret"} == listed[0]
    assert (shown["state"], shown["organization"]["id"], shown["kinds"]) == ("on", clinic.id, HOOK["kinds"])
    ((kept,),) = as_owner(settings, "SELECT secret FROM subscriptions WHERE id = %s", made["id"])
    box = SecretBox.load(settings.box_keys_dir)
    assert secret not in kept
    assert box.open(kept, secret_purpose(made["id"])) == secret
    with pytest.raises(CannotOpen):
        box.open(kept, secret_purpose(new_id()))


async def test_it_is_led_elsewhere_given_another_secret_and_ended(clinic: Vendor, settings: Settings) -> None:
    made = await subscribe(clinic)
    path = f"{PATH}/{made['id']}"
    edited = await clinic.put(path, {"url": "https://hooks2.example.jp:8443/r"})
    assert (edited.status_code, edited.json()["kinds"], edited.json()["description"]) == (200, None, None)
    assert as_owner(settings, "SELECT receiver FROM delivery_queues WHERE subscription_id = %s", made["id"]) == [
        ("hooks2.example.jp:8443",)
    ]
    renewed = await clinic.post(f"{path}/secret", {"overlap_hours": 2})
    assert renewed.status_code == 201
    assert renewed.json()["secret"] != made["secret"] and renewed.json()["previous_secret_until"]
    at_once = (await clinic.post(f"{path}/secret", {"overlap_hours": 0})).json()
    assert at_once["previous_secret_until"] is None
    query = "SELECT previous_secret FROM subscriptions WHERE id = %s"
    assert as_owner(settings, query, made["id"]) == [(None,)]
    assert (await clinic.post(f"{path}/resumption", {})).status_code == 200
    assert (await clinic.call("DELETE", path)).status_code == 204
    assert (await clinic.get(path)).status_code == (await clinic.call("DELETE", path)).status_code == 404
    assert (await clinic.get(PATH)).json()["items"] == []


def asked_with(id_: str) -> list[tuple[str, str, Any]]:
    """Every route that names a subscription."""
    path = f"{PATH}/{id_}"
    return [
        ("GET", path, None),
        ("PUT", path, HOOK),
        ("POST", f"{path}/secret", {}),
        ("POST", f"{path}/resumption", {}),
        ("GET", f"{path}/deliveries", None),
        ("POST", f"{path}/redelivery", {"from": "2026-11-01"}),
        ("POST", f"{path}/deliveries/{new_id()}/redelivery", {}),
        ("DELETE", path, None),
    ]


async def call(who: Vendor, route: tuple[str, str, Any]) -> int:
    method, path, body = route
    return (await who.call(method, path, **({} if body is None else {"json": body}))).status_code


async def test_it_is_its_systems_for_its_organization_and_nobody_elses(region: Region, clinic: Vendor) -> None:
    """Another organization of the same system, another system of the same organization, a stranger: it is not there."""
    other = await region.found()
    delegations = [{"organization_id": one.id, "professions": ["nurse"]} for one in (clinic, other)]
    made = (
        await region.admin.post("/v1/clients", {"name": "二事業所", "kind": "vendor", "delegations": delegations})
    ).json()
    here, there = (
        Vendor(region.http, made["client_id"], made["client_secret"], of.organization) for of in (clinic, other)
    )
    own, opened = await subscribe(here), []
    office = await region.organization_admin(other)
    for who in (there, clinic, other, office):
        assert (await who.get(PATH)).json()["items"] == []
        for route in asked_with(own["id"]):
            status = await call(who, route)
            ok = {403, 404} if who is office else {404}
            opened += [] if status in ok else [(route, status)]
    figure(f"routes of a subscription asked by others: {4 * len(asked_with(''))}, opened {len(opened)}")
    assert opened == []
    assert (await here.get(f"{PATH}/{own['id']}")).status_code == 200


async def test_offices_list_and_end_and_lead_nowhere_else(region: Region, clinic: Vendor) -> None:
    made, office = await subscribe(clinic), await region.organization_admin(clinic)
    path = f"{PATH}/{made['id']}"
    for who in (office, region.admin, await region.auditor()):
        assert made["id"] in [one["id"] for one in (await who.get(f"{PATH}?limit=200")).json()["items"]]
        assert (await who.get(path)).status_code == 200
        statuses = [await call(who, route) for route in asked_with(made["id"])[1:-1]]
        assert set(statuses) <= {403, 404}, statuses
    assert (await (await region.auditor()).call("DELETE", path)).status_code == 404
    assert (await office.call("DELETE", path)).status_code == 204
    again = await subscribe(clinic)
    assert (await region.admin.call("DELETE", f"{PATH}/{again['id']}")).status_code == 204
    assert (await clinic.get(PATH)).json()["items"] == []


async def test_an_office_of_the_platform_has_its_own_and_an_organizations_has_none(region: Region) -> None:
    clinic = await region.found()
    made = await subscribe(region.admin, kinds=["emergency_access.open"])
    assert made["organization"] is None
    assert (await clinic.get(f"{PATH}/{made['id']}")).status_code == 404
    assert (await region.admin.call("DELETE", f"{PATH}/{made['id']}")).status_code == 204
    office = await region.organization_admin(clinic)
    assert (await office.post(PATH, HOOK)).status_code == 403


async def test_it_needs_the_scope_of_the_feed(region: Region, clinic: Vendor) -> None:
    form = {"grant_type": "client_credentials", "organization": clinic.organization["code"]}
    form["scope"] = " ".join(scope for scope in Scope if scope is not Scope.changes)
    answer = await clinic.http.post("/oauth/token", data=form, auth=(clinic.client_id, clinic.client_secret))
    narrow = Vendor(clinic.http, clinic.client_id, "", clinic.organization, {None: answer.json()["access_token"]})
    refused = await narrow.post(PATH, HOOK)
    assert (refused.status_code, refused.json()["reason_code"]) == (403, "scope")


WRONG: list[tuple[dict[str, Any], str, str]] = [
    *(
        ({"url": url}, "/url", "format")
        for url in (
            "http://hooks.example.jp/",
            "https://127.0.0.1/",
            "http://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://user@example.jp/",
            "https://localhost/",
            "ftp://example.jp/",
            "",
        )
    ),
    ({"kinds": []}, "/kinds", "empty"),
    ({"kinds": ["care_report.submit", "summary.read"]}, "/kinds/1", "code"),
    ({"kinds": ["care_report.submit"] * 2}, "/kinds", "repeated"),
    ({"kinds": ["nothing"]}, "/kinds/0", "code"),
    ({"description": " "}, "/description", "blank"),
    ({"secret": "whsec_AAAA"}, "/secret", "unknown"),
]


@pytest.mark.parametrize(("change", "pointer", "code"), WRONG)
async def test_what_is_wrong_is_told(clinic: Vendor, change: dict[str, Any], pointer: str, code: str) -> None:
    answer = await clinic.post(PATH, {**HOOK, **change})
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [(pointer, code)]


async def test_there_is_an_end_to_how_many(clinic: Vendor) -> None:
    for _ in range(MOST):
        await subscribe(clinic)
    answer = await clinic.post(PATH, HOOK)
    assert (answer.status_code, answer.json()["reason_code"]) == (409, "too_many_subscriptions")


STRETCHES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "/after", "required"),
    ({"after": feed_cursor(0), "from": "2026-11-01"}, "/from", "none_alone"),
    ({"from": "2026-11-01", "upto": feed_cursor(1)}, "/upto", "none_alone"),
    ({"after": feed_cursor(0), "to": "2026-11-01"}, "/to", "none_alone"),
    ({"after": "AAAA"}, "/after", "format"),
    ({"after": feed_cursor(2**60)}, "/after", "future"),
    ({"after": feed_cursor(0), "upto": feed_cursor(2**60)}, "/upto", "future"),
    ({"from": "gestern"}, "/from", "format"),
]


@pytest.mark.parametrize(("body", "pointer", "code"), STRETCHES)
async def test_a_stretch_that_is_none_is_refused(clinic: Vendor, body: dict[str, Any], pointer: str, code: str) -> None:
    made = await subscribe(clinic)
    answer = await clinic.post(f"{PATH}/{made['id']}/redelivery", body)
    assert answer.status_code == 422
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)


async def test_what_is_done_with_it_is_on_record(region: Region, clinic: Vendor) -> None:
    made = await subscribe(clinic)
    await clinic.post(f"{PATH}/{made['id']}/secret", {})
    await clinic.call("DELETE", f"{PATH}/{made['id']}")
    events = (await region.admin.get(f"/v1/audit-events?client={clinic.client_id}&limit=200")).json()["items"]
    about = [event for event in events if (event["detail"] or {}).get("subscription_id") == made["id"]]
    assert [event["action"] for event in about] == [
        "subscription.end",
        "subscription.renew",
        "subscription.register",
    ]
    assert all("secret" not in str(event["detail"]) for event in about)
