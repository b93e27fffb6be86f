"""The contract fuzzed: what its own description generates, sound and unsound, never gets a 5xx or an undocumented answer."""

from collections import Counter
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis.errors import Unsatisfiable
from schemathesis.errors import SchemathesisError
from schemathesis.generation import GenerationMode
from tests.access.world import figure
from tests.factories import Region, Vendor, agree, register, report, submit
from tests.http.drawn import drawn

EXAMPLES = 4
"""For each operation, sound and unsound each."""
PARTS = 8
"""Several processes share it."""


ACCOUNTS = (
    "/v1/members",
    "/v1/clients",
    "/v1/delegations",
    "/v1/organizations",
    "/v1/permissions",
    "/v1/access-review",
    "/v1/me",
)
"""What administrators ask, whose requests come further than a physician's there."""

SEEN = "!-~\u00a1-\u00a8ぁ-おァ-オ一-丿\uf900-\uf90f\U00020000-\U0002000f🌀-🌏"
"""Characters that a text may have, some of every sort: what is rare, and what was there twice."""
TEXT = f"^[ {SEEN}\u0300-\u0308\u200b-\u200d\ufe00-\ufe0f\U000e0100-\U000e010f]*$"
"""With what combines, joins, and varies.

The contract names those it may not have, private use among them, and those that cannot be seen. Hypothesis takes two seconds to go
through those 140,000, for each of hundreds of texts; that they are refused, tests/catalogue/test_characters.py and test_bad_input.py
show.
"""
LIGHTER = {"\U000f0000-\U0010ffff": TEXT, "\U000e0000-\U000e0fff": f"[{SEEN}]"}


def lightened(described: Any) -> Any:
    """The same, where a pattern bars characters by the thousand, with one that takes no time."""
    if isinstance(described, list):
        return [lightened(one) for one in described]
    if not isinstance(described, dict):
        return described
    pattern = described.get("pattern")
    lighter = [ours for many, ours in LIGHTER.items() if isinstance(pattern, str) and many in pattern]
    return {name: lightened(value) for name, value in described.items()} | ({"pattern": lighter[0]} if lighter else {})


def thinned(document: dict[str, Any]) -> dict[str, Any]:
    """The description without its tokens, which are ours, and with the two documents' insides left open.

    To generate those here would take half a minute a document; tests/catalogue generates them, item by item.
    """
    document = lightened(document)
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
            # A sound wait is waited out.
            operation["parameters"] = [one for one in operation.get("parameters", []) if one["name"] != "wait"]
    inside = {"source": {"type": "object"}, "items": {"type": "object"}}
    for name in ("FaceSheet", "CareReport"):
        document["components"]["schemas"][name] = {
            "type": "object",
            "properties": inside,
            "required": list(inside),
        }
    return document


def generated(operation: Any, mode: GenerationMode) -> list[Any]:
    """Sound or unsound requests; none where nothing about this operation can be unsound."""
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except SchemathesisError:
        return []
    return drawn(strategy, EXAMPLES, until=(SchemathesisError, Unsatisfiable))


@pytest.mark.parametrize("part", range(PARTS))
async def test_nothing_generated_gets_a_5xx_or_an_undocumented_answer(
    region: Region, http: httpx.AsyncClient, part: int
) -> None:
    document = thinned((await http.get("/openapi.json")).json())
    clinic = await region.found()
    patient = await register(clinic)
    kept = await submit(clinic, patient, report())
    known = {
        "patient_id": patient,
        "record_id": kept["id"],
        "consent_id": await agree(clinic, patient),
        "organization_id": clinic.id,
    }
    office, statuses, by_admins = await region.found("visiting_nursing"), Counter[int](), Counter[int]()
    admins, named = (region.admin, await region.organization_admin(office)), await administered(region, office)
    for found in list(schemathesis.openapi.from_dict(document).get_all_operations())[part::PARTS]:
        operation = found.ok()
        documented = {int(status) for status in operation.definition.raw["responses"]} | {404, 405}
        for case in [case for mode in GenerationMode for case in generated(operation, mode)]:
            there = sum(statuses.values()) % 2  # every other one about what is there
            if there:
                about(case, known)
            answers = [await send(clinic, case)]
            statuses[answers[0].status_code] += 1
            if operation.path.startswith(ACCOUNTS):
                if there:
                    about(case, named)
                answers += [await send(admin, case, by=None) for admin in admins]
                by_admins.update(answer.status_code for answer in answers[1:])
            for answer in answers:
                said = f"{case.as_curl_command()}\n{answer.status_code} {answer.text[:500]}"
                assert answer.status_code < 500 and answer.status_code in documented, said
                if answer.status_code >= 400 and operation.path != "/oauth/token":
                    assert answer.headers["content-type"] == "application/problem+json", said
                    assert answer.json()["status"] == answer.status_code, said
    figure(
        f"the contract at random, part {part}: {sum(statuses.values())}; by administrators {sum(by_admins.values())}"
    )
    # Neither all refused nor all let through, or this would show nothing.
    assert min(statuses[200] + statuses[201], statuses[404], statuses[422]) >= 2, statuses
    reached = by_admins[200] + by_admins[201] + by_admins[204] + by_admins[404]
    assert min(reached, by_admins[422]) >= 2, by_admins


async def administered(region: Region, office: Vendor) -> dict[str, str]:
    """Ids of what administrators change: another office's than the one that asks beside them."""
    said = {
        "organization_id": office.id,
        "email": f"{office.id}@example.jp",
        "name": "検査 花子",
        "profession": "nurse",
    }
    member = (await region.admin.post("/v1/members", said)).json()
    (delegation,) = (await region.admin.get(f"/v1/delegations?organization={office.id}")).json()["items"]
    ids = {"organization_id": office.id, "client_id": office.client_id}
    return {**ids, "member_id": member["id"], "delegation_id": delegation["id"]}


def about(case: Any, known: dict[str, str]) -> None:
    case.path_parameters |= {name: known[name] for name in case.path_parameters.keys() & known.keys()}


async def send(vendor: Vendor, case: Any, by: str | None = "physician") -> httpx.Response:
    """The case as a physician's request, or a client's own, its own odd headers and all."""
    request = case.as_transport_kwargs(base_url="http://test")
    headers = {name: value for name, value in request.pop("headers").items() if name.lower() != "authorization"}
    request.pop("cookies")
    if isinstance(request.get("data"), bytes | str):
        request["content"] = request.pop("data")
    return await vendor.call(request.pop("method"), request.pop("url"), by=by, headers=headers, **request)
