"""The demo region is told in order, in the contract's shapes, by those who may tell it."""

import httpx
import pytest
from fake_server import ADMIN, FakeServer

from renkei.demo import ClientCredentials, SeedError, seed
from renkei.demo.region import ORGANIZATIONS

ADMINISTRATOR = ClientCredentials(*ADMIN)


@pytest.fixture(scope="module")
async def seeded():
    server = FakeServer()
    async with server.client() as client:
        return server, await seed(client, ADMINISTRATOR)


def test_every_label_gets_its_credentials(seeded):
    server, credentials = seeded
    labels = {
        "platform-admin": "admin",
        "auditor": "admin",
        "clinic": "client",
        "deputy-clinic": "client",
        "nurse-station": "client",
        "care-office": "client",
        "helper-station": "client",
        "pharmacy": "client",
        "day-service": "client",
        "stranger-clinic": "client",
        "hospital": "client",
        "support-centre": "client",
    }
    assert {entry["label"]: entry["kind"] for entry in credentials} == labels
    members = {"label", "kind", "organization", "profession", "client_id", "client_secret"}
    for entry in credentials:
        assert entry.keys() == members
        assert (entry["organization"] is None) == (entry["kind"] == "admin")
    assert credentials[0] == {**credentials[0], "client_id": ADMIN[0], "client_secret": ADMIN[1]}
    codes = {entry["organization"]["code"] for entry in credentials if entry["organization"]}
    assert codes == server.organizations.keys()


def test_what_is_told_is_what_was_promised(seeded):
    server, _ = seeded
    assert server.calls["POST", "/v1/patients"] == 24 + 1 + 2
    assert len(server.teams) == 24 + 2  # two of them are registered twice, of whom one pair is linked
    assert len(server.linked) == 1
    assert server.calls["POST", "/v1/patients/{}/access-requests"] == 1
    assert server.calls["POST", "/v1/organizations"] == len(ORGANIZATIONS) == 10
    assert server.calls["POST", "/v1/patients/{}/emergency-access"] == 1
    assert sorted(path.split("/")[4] for path in server.withdrawn) == ["care-reports", "consents", "consents"]
    assert [[fault.item for fault in draft.faults] for draft in server.drafts] == [["care_report.urgency"]]
    assert [said["item"] for said in server.attached] == ["care_report.pressure_ulcer_assessment"]
    assert len({kind.value for kind in (o.kind for o in ORGANIZATIONS)}) >= 7
    forms = {consent["form"] for consent in server.consents}
    assert forms == {"written", "oral", "notice", "joint_use", "entrusted", "law"}
    assert {consent["given_by"]["relation"] for consent in server.consents} == {"self", "proxy"}
    assert any(consent.get("about") == "family" for consent in server.consents)
    assert any(consent["recipients"]["organizations"] for consent in server.consents)
    assert any(consent["recipients"]["professions"] for consent in server.consents)


def test_the_stranger_stays_a_stranger(seeded):
    server, credentials = seeded
    stranger = next(entry for entry in credentials if entry["label"] == "stranger-clinic")["organization"]["id"]
    assert all(stranger not in team for team in server.teams.values())
    sizes = sorted(len(team) for team in server.teams.values())
    assert sizes[:2] == [2, 2] and all(4 <= size <= 7 for size in sizes[2:])


def test_few_requests_and_never_many_at_once(seeded):
    server, _ = seeded
    assert server.calls.total() < 700
    assert server.most_at_once <= 4


async def test_a_refusal_is_told_with_its_request_and_problem():
    problem = {"type": "urn:renkei:problem:conflict", "detail": "code is taken"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t"})
        return httpx.Response(409, json=problem)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://renkei.test") as client:
        with pytest.raises(SeedError, match=r"POST /v1/clients was answered 409: .*code is taken"):
            await seed(client, ADMINISTRATOR)


async def test_a_refusal_in_one_patients_story_ends_it_all_with_one_plain_error():
    server = FakeServer()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/care-reports"):
            return httpx.Response(403, json={"reason_code": "not_in_care_team"})
        return await server.transport.handle_async_request(request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://renkei.test") as client:
        with pytest.raises(SeedError, match=r"care-reports was answered 403: .*not_in_care_team"):
            await seed(client, ADMINISTRATOR)
