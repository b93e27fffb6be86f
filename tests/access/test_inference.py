"""What cannot be read cannot be concluded either: from a total, a tag, a date, a list, or another answer's silence."""

from typing import Any

import pytest
from tests.access.oracle import Consent, Ties
from tests.access.test_hidden_patients import openapi, told
from tests.access.world import EVERYTHING, VALUES, World, care_report, face_sheet, figure, tokyo
from tests.factories import Region, person, register, submit
from tests.http.feed import publish_all, worker_engine

from renkei.ids import new_id
from renkei.settings import Settings

LISTS = [
    "/v1/patients",
    "/v1/patients?kana=タカハシ",
    "/v1/patients?name=髙橋",
    "/v1/patients?birth_date=1938-04-02",
    "/v1/emergency-access?review=awaiting",
    "/v1/access-requests",
]


async def test_lists_do_not_change_with_what_one_does_not_know_of(region: Region) -> None:
    """Body and headers, byte for byte: there are no totals that would count others, and no page that would be shorter."""
    world = await World.found(region)
    await register(world.reader)
    before = [told(await world.reader.get(path, by="physician")) for path in LISTS]
    made = await world.make(Ties())
    await world.author.post(
        f"{made.path}/access-requests", {"wants": "permission", "reason": "引継ぎのため"}, by="nurse"
    )
    after = [told(await world.reader.get(path, by="physician")) for path in LISTS]
    assert [(status, body) for status, body, _ in before] == [(status, body) for status, body, _ in after]
    assert all(status == 200 for status, *_ in after)
    figure(f"inference: lists compared {len(LISTS)}, differing 0")


async def test_a_page_of_the_feed_tells_nothing_of_others(region: Region, settings: Settings) -> None:
    world = await World.found(region)
    await world.make(Ties(consents=(Consent(EVERYTHING),)))
    async with worker_engine(settings) as engine:
        await publish_all(engine)
    page = (await world.reader.get("/v1/changes")).json()
    assert page["changes"] == []


async def test_what_is_withheld_moves_neither_tag_nor_date(region: Region) -> None:
    """Others write what this reader may not see: its summary stays the same, its copy stays good."""
    world = await World.found(region)
    made = await world.make(Ties("now", consents=(Consent(frozenset({"living"})),)))
    first = await world.reader.get(f"{made.path}/summary", by="nurse")
    secret = {
        "medical.present_illness": "悪性腫瘍",
        "medical.infection": [{"presence": "none"}],
        "person.wish": "入院したい",
    }
    await submit(world.author, made.id, face_sheet(secret, secret, as_of="2026-06-02T10:00:00+09:00"), by="physician")
    await submit(world.author, made.id, care_report(VALUES), by="physician")
    again = await world.reader.get(f"{made.path}/summary", by="nurse")
    assert told(first) == told(again)
    same = await world.reader.get(f"{made.path}/summary", by="nurse", headers={"If-None-Match": first.headers["etag"]})
    assert same.status_code == 304


async def test_a_tag_of_a_richer_reader_opens_nothing(region: Region) -> None:
    """An ETag covers who reads: another one's is not taken for one's own."""
    world = await World.found(region)
    made = await world.make(Ties("now", consents=(Consent(EVERYTHING),)))
    rich = await world.reader.get(f"{made.path}/summary", by="physician")
    poor = await world.reader.get(
        f"{made.path}/summary", by="home_helper", headers={"If-None-Match": rich.headers["etag"]}
    )
    assert poor.status_code == 200
    assert poor.headers["etag"] != rich.headers["etag"]


# Parameters in paths that name no patient: what they may be, and what asking with another's means.
ELSEWHERE: dict[tuple[str, str], str] = {
    ("GET /v1/organizations/{organization_id}", "organization_id"): "listed to every client",
    ("POST /v1/organizations/{organization_id}/suspension", "organization_id"): "office",
    ("DELETE /v1/organizations/{organization_id}/suspension", "organization_id"): "office",
    ("POST /v1/organizations/{organization_id}/handover", "organization_id"): "office",
    **{
        (f"{method} /v1/organizations/{{organization_id}}/login-provider", "organization_id"): "office of its own"
        for method in ("GET", "PUT", "DELETE")
    },
    **{
        (f"POST /v1/members/{{member_id}}/{act}", "member_id"): "office of its own"
        for act in ("invitation", "change", "end", "one-time-code")
    },
    ("PUT /v1/clients/{client_id}/keys", "client_id"): "office",
    ("POST /v1/clients/{client_id}/secret", "client_id"): "office",
    ("POST /v1/clients/{client_id}/suspension", "client_id"): "office",
    ("DELETE /v1/clients/{client_id}/suspension", "client_id"): "office",
    ("POST /v1/delegations/{delegation_id}/end", "delegation_id"): "office of its own",
    **{
        (f"{method} /v1/subscriptions/{{subscription_id}}{below}", "subscription_id"): "one's own"
        for method, below in (
            ("GET", ""),
            ("PUT", ""),
            ("DELETE", ""),
            ("POST", "/secret"),
            ("POST", "/resumption"),
            ("GET", "/deliveries"),
            ("POST", "/redelivery"),
            ("POST", "/deliveries/{delivery_id}/redelivery"),
        )
    },
    ("POST /v1/subscriptions/{subscription_id}/deliveries/{delivery_id}/redelivery", "delivery_id"): "one's own",
    **{
        (f"{act}", "import_id"): "an organization's own"
        for act in (
            "GET /v1/imports/{import_id}",
            "DELETE /v1/imports/{import_id}",
            "GET /v1/imports/{import_id}/errors",
            "GET /v1/imports/{import_id}/rejected",
            "POST /v1/imports/{import_id}/confirmation",
            "POST /v1/imports/{import_id}/undo",
        )
    },
    ("PUT /v1/import-mappings/{name}", "name"): "one's own",
    **{
        (f"{method} /v1/exports/{{export_id}}{below}", "export_id"): "one's own"
        for method, below in (("GET", ""), ("DELETE", ""), ("GET", "/file"))
    },
    ("GET /v1/permissions/versions/{version}", "version"): "the same for all",
    ("GET /v1/catalogue/items/{code}", "code"): "the same for all",
    ("GET /v1/catalogue/schemas/{kind}", "kind"): "the same for all",
}
BECAUSE = {"reason": "廃止"}
OFFICE_BODIES: dict[str, Any] = {
    "suspension": BECAUSE,
    "handover": {**BECAUSE, "to": ""},
    "keys": {"jwks_uri": "https://keys.example.jp/k"},
    "secret": BECAUSE,
    "end": BECAUSE,
    "invitation": BECAUSE,
    "change": {"profession": "pt"},
    "one-time-code": BECAUSE,
    "confirmation": {},
    "undo": BECAUSE,
    "login-provider": {"issuer": "https://login.example.jp", "client_id": "renkei", "auth_method": "private_key_jwt"},
}


async def test_path_parameters_that_name_no_patient(region: Region) -> None:
    """Each is the same for everybody, the caller's own (tests/http/test_subscriptions.py and tests/bulk ask with others'), or an office's:
    a vendor, and another organization's administrator, get 403;
    of what an organization has an office for, another one's administrator sees nothing (404)."""
    world, document = await World.found(region), None
    document = await openapi(world)
    found = {
        (f"{method.upper()} {path}", parameter["name"])
        for path, methods in document["paths"].items()
        if "{patient_id}" not in path
        for method, route in methods.items()
        for parameter in route.get("parameters", [])
        if parameter["in"] == "path"
    }
    assert found == set(ELSEWHERE)
    office, opened = await region.organization_admin(world.reader), []
    (own,) = (await region.admin.get(f"/v1/delegations?organization={world.author.id}")).json()["items"]
    post = {
        "organization_id": world.author.id,
        "email": "hanako@example.jp",
        "name": "検査 花子",
        "profession": "nurse",
    }
    member = (await region.admin.post("/v1/members", post)).json()
    ids = {"organization_id": world.author.id, "client_id": world.author.client_id}
    lines = {"content": b"{}\n", "headers": {"Content-Type": "application/x-ndjson"}}
    sent = await world.author.call("POST", "/v1/imports", by="physician", **lines)
    ids |= {"delegation_id": own["id"], "member_id": member["id"], "import_id": sent.json()["id"]}
    for (name, _), why in ELSEWHERE.items():
        if "office" not in why and why != "an organization's own":
            continue
        method, path = name.split(" ")
        body = OFFICE_BODIES.get(path.rsplit("/", 1)[1], {})
        body = {**body, **({"to": world.reader.id} if "to" in body else {})}
        sent = {"json": body} if method in ("POST", "PUT") else {}
        for who, by in ((world.reader, "physician"), (world.reader, None), (office, None)):
            answer = await who.call(method, path.format(**ids), by=by, **sent)
            hidden = (
                who is not office if why == "an organization's own" else who is office and why == "office of its own"
            )
            if answer.status_code != (404 if hidden else 403):
                opened.append((name, answer.status_code))
    figure(f"path parameters that name no patient: {len(found)}, opened to others {len(opened)}")
    assert not opened


async def theirs(region: Region) -> tuple[World, str]:
    """Another team, its patient, and traces in the ledger."""
    world = await World.found(region)
    made = await world.make(Ties("now", emergency=frozenset({"medical"}), consents=(Consent(EVERYTHING),)))
    await world.author.get(f"{made.path}/summary", by="physician")
    return world, made.id


@pytest.mark.parametrize("whose", ["organization", "patient", "client"])
async def test_ids_in_a_query_widen_nothing(region: Region, settings: Settings, whose: str) -> None:
    """An organization's administrator that names another one's ids reads nothing of them; nor does a vendor in the feed."""
    other, patient = await theirs(region)
    clinic = await region.found()
    await register(clinic, **person())
    office = await region.organization_admin(clinic)
    value = {"organization": other.author.id, "patient": patient, "client": other.author.client_id}[whose]
    paths = [f"/v1/audit-events?{whose}={value}"]
    paths += [f"/v1/breach-report?{whose}={value}&from={tokyo()}"] if whose != "patient" else []
    for path in paths:
        answer = await office.get(path)
        assert answer.status_code in (200, 403), answer.text
        if answer.status_code == 200:
            body = answer.json()
            assert body.get("items", []) == [] and body.get("patients", []) == [], path
    for kind in ("delegation", "place", "consent", "permission"):
        answer = await office.get(f"/v1/access-review?kind={kind}&since={tokyo(-30)}&limit=200")
        assert patient not in answer.text and other.author.id not in answer.text
    async with worker_engine(settings) as engine:
        await publish_all(engine)
    assert (await clinic.get(f"/v1/changes?patient={patient}")).json()["changes"] == []
    known, absent = [told(await clinic.get(f"/v1/changes?patient={id_}")) for id_ in (patient, new_id())]
    assert known == absent
