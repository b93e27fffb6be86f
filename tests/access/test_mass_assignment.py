"""Every internal column, sent in every object of every body: refused by name, never kept."""

import copy
from collections.abc import Iterator
from typing import Any

import httpx
from tests.access.doors import ROUTES, ids_of
from tests.access.oracle import Consent, Ties
from tests.access.signing import Signer
from tests.access.world import EVERYTHING, World, emergency, figure
from tests.factories import EVERY_PROFESSION, Region, Vendor, person

from renkei.tables import metadata

COLUMNS = sorted({column.name for table in metadata.tables.values() for column in table.columns})
AT_ONCE = 150
"""An answer names at most 200 faults; what it does not name counts as accepted."""
PLANTED = {"set": "by the client"}
"""No column takes an object of this form, so that a member by the same name is refused too."""


NOBODY = "00000000-0000-7000-8000-000000000000"
NO_SUBSCRIPTION, NO_DELIVERY, NO_MEMBER, NO_IMPORT = (f"{NOBODY[:-1]}{n}" for n in (1, 2, 3, 4))
NOTHING = {NO_SUBSCRIPTION: "subscription_id", NO_DELIVERY: "delivery_id", NO_MEMBER: "member_id"}
LOGIN_PROVIDER = {
    "issuer": "https://login.example.jp",
    "client_id": "renkei",
    "auth_method": "client_secret_basic",
    "client_secret": "sixteen letters!".replace(" ", "-"),
    "organization": {"claim": "hospital", "values": ["1"]},
    "profession": {"claim": "role", "values": {"RN": "nurse"}},
    "second_factor": {"acr": ["2"]},
}
NOTHING |= {NO_IMPORT: "import_id", "visits": "name"}


def replaced(path: str, ids: dict[str, str]) -> str:
    """A path as the document has it."""
    for id_, name in {**ids, NOBODY: "delegation_id", **NOTHING}.items():
        path = path.replace(id_, f"{{{name}}}")
    return path


def objects(body: Any, pointer: str = "") -> Iterator[str]:
    """JSON pointers of a body's objects, itself included."""
    if isinstance(body, dict):
        yield pointer
        for name, value in body.items():
            yield from objects(value, f"{pointer}/{name}")
    if isinstance(body, list):
        for place, value in enumerate(body):
            yield from objects(value, f"{pointer}/{place}")


def planted(body: Any, pointer: str, columns: list[str]) -> Any:
    """The body with these members in one of its objects."""
    whole = copy.deepcopy(body)
    target = whole
    for name in pointer.split("/")[1:]:
        target = target[int(name)] if isinstance(target, list) else target[name]
    target |= dict.fromkeys(columns, PLANTED)
    return whole


def elsewhere(region: Region, world: World, table: dict[str, Any]) -> list[tuple[Vendor, str, str, Any]]:
    """Bodies of the routes that name no patient in their path: who sends them, and where."""
    admin, organization = region.admin, f"/v1/organizations/{world.reader.id}"
    reason = {"reason": "廃止"}
    client, keys = f"/v1/clients/{world.author.client_id}", {"jwks": {"keys": [Signer.make("k").jwk]}}
    member = f"/v1/members/{NO_MEMBER}"
    delegation = {"organization_id": world.author.id, "professions": EVERY_PROFESSION[:2]}
    return [
        (world.author, "POST", "/v1/patients", person()),
        (world.author, "POST", "/v1/emergency-access", {**emergency(), "identifier": person()["identifiers"][0]}),
        (admin, "POST", "/v1/organizations", {"code": "mass-assigned", "name": "検査", "kind": "clinic"}),
        (admin, "POST", f"{organization}/suspension", reason),
        (admin, "POST", f"{organization}/handover", {**reason, "to": world.author.id}),
        (admin, "POST", "/v1/clients", {"name": "検査", "kind": "vendor", "delegations": [delegation]}),
        (admin, "POST", "/v1/clients", {"name": "検査", "kind": "vendor", **keys}),
        (admin, "PUT", f"{client}/keys", keys),
        (admin, "POST", f"{client}/secret", reason),
        (admin, "POST", f"{client}/suspension", reason),
        (admin, "POST", "/v1/delegations", {**delegation, "client_id": world.author.client_id}),
        (admin, "POST", f"/v1/delegations/{NOBODY}/end", reason),
        *subscribing(world.author),
        (admin, "POST", "/v1/members", {"email": "a@example.jp", "name": "検査", "profession": "nurse"}),
        (admin, "POST", f"{member}/invitation", reason),
        (admin, "POST", f"{member}/one-time-code", reason),
        (admin, "POST", f"{member}/end", reason),
        (admin, "POST", f"{member}/change", {"profession": "nurse"}),
        (admin, "PUT", f"{organization}/login-provider", LOGIN_PROVIDER),
        *importing(world.author),
        (admin, "PUT", "/v1/permissions", table),
        (admin, "POST", "/v1/permissions/preview", table),
    ]


def subscribing(vendor: Vendor) -> list[tuple[Vendor, str, str, Any]]:
    """Bodies about webhooks."""
    own = f"/v1/subscriptions/{NO_SUBSCRIPTION}"
    told = {"url": "https://hooks.example.jp/renkei", "kinds": ["care_report.submit"], "description": "検査"}
    return [
        (vendor, "POST", "/v1/subscriptions", told),
        (vendor, "PUT", own, told),
        (vendor, "POST", f"{own}/secret", {"overlap_hours": 1}),
        (vendor, "POST", f"{own}/resumption", {}),
        (vendor, "POST", f"{own}/redelivery", {"from": "2026-11-01"}),
        (vendor, "POST", f"{own}/deliveries/{NO_DELIVERY}/redelivery", {}),
    ]


def importing(vendor: Vendor) -> list[tuple[Vendor, str, str, Any]]:
    """Bodies about imports; their files are no JSON."""
    mapping = {"columns": {"内容": "care_report.body"}, "fixed": {"care_report.urgency": "routine"}}
    return [
        (vendor, "PUT", "/v1/import-mappings/visits", {"sheet": "care_reports", "mapping": mapping}),
        (vendor, "POST", f"/v1/imports/{NO_IMPORT}/confirmation", {"check": True}),
        (vendor, "POST", f"/v1/imports/{NO_IMPORT}/undo", {"reason": "誤り"}),
        (vendor, "POST", "/v1/exports", {"what": "own_records", "format": "ndjson"}),
    ]


async def bodies(region: Region, world: World) -> list[tuple[Vendor, str, str, Any]]:
    """A sound JSON body for every route that takes one."""
    made = await world.make(Ties("now", own=True, consents=(Consent(EVERYTHING),)))
    await world.request(made)
    below = [
        (world.author, route.method, route.path.format(**ids_of(route, made, world.reader.id)), route.body(world))
        for route in ROUTES
        # A draft takes what it is sent and tells what is wrong; it is checked when it is confirmed, as a document is here.
        if route.body and route.action not in ("draft.enter", "draft.change")
    ]
    stored = (await region.admin.get("/v1/permissions")).json()
    table = {"rows": stored["rows"]}
    return [*(one for one in below if not isinstance(one[3], bytes)), *elsewhere(region, world, table)]


async def test_no_internal_column_is_taken_from_a_body(region: Region, http: httpx.AsyncClient) -> None:
    world = await World.found(region)
    sent, accepted = 0, []
    sound = await bodies(region, world)
    for vendor, method, path, body in sound:
        for pointer in objects(body):
            for start in range(0, len(COLUMNS), AT_ONCE):
                columns = COLUMNS[start : start + AT_ONCE]
                answer = await vendor.call(
                    method,
                    path,
                    by="physician" if vendor.organization else None,
                    json=planted(body, pointer, columns),
                    headers={"If-Match": '"0"'},
                )
                named = [fault["pointer"] for fault in answer.json().get("errors", [])]
                sent += len(columns)
                for column in columns:
                    if not any(f"{name}/".startswith(f"{pointer}/{column}/") for name in named):
                        accepted.append((method, path, f"{pointer}/{column}", answer.status_code))
    figure(f"mass assignment: bodies {len(sound)}, columns {len(COLUMNS)}, sent {sent}, accepted {len(accepted)}")
    assert not accepted, accepted[:10]


async def test_every_route_with_a_json_body_is_tried(region: Region, http: httpx.AsyncClient) -> None:
    world, document = await World.found(region), (await http.get("/openapi.json")).json()
    told = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        if "application/json" in route.get("requestBody", {}).get("content", {})
    }
    tried = {(route.method, route.path) for route in ROUTES if route.body}
    tried |= {
        (method, replaced(path, {world.reader.id: "organization_id", world.author.client_id: "client_id"}))
        for _, method, path, _ in elsewhere(region, world, {})
    }
    assert told <= tried


async def test_a_token_is_for_who_asks_whatever_else_the_form_says(region: Region, http: httpx.AsyncClient) -> None:
    """RFC 6749 has unknown members of the form ignored: they change nothing."""
    clinic, stranger = await region.found(), await region.found()
    form = {"grant_type": "client_credentials", "organization": clinic.organization["code"]}
    said = {"organization_id": stranger.id, "kind": "admin", "professions": "physician", "role": "renkei_ledger"}
    form_members = {"organization", "client_id", "user_id", "user_name", "profession"}
    extra = {name: said.get(name, "admin") for name in [*COLUMNS, "role"] if name not in form_members}
    told = []
    for start in range(-40, len(extra), 40):  # a form has at most 50; the first is sent without any
        more = dict(list(extra.items())[start : start + 40]) if start >= 0 else {}
        answer = await http.post("/oauth/token", data={**more, **form}, auth=(clinic.client_id, clinic.client_secret))
        token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        told.append((await http.get("/v1/me", headers=token)).json())
    assert len(told) > 2
    assert told == [told[0]] * len(told)
    assert (told[0]["kind"], told[0]["organization"]["id"]) == ("client", clinic.id)
