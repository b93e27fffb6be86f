"""Token requests at random: whatever is sent, the answer is one that RFC 6749 knows."""

import base64
from typing import Any

import httpx
from hypothesis import strategies as st
from tests.access.world import figure
from tests.http.drawn import drawn

EXAMPLES = 120
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAMES = [
    "client_id",
    "client_secret",
    "organization",
    "user_id",
    "user_name",
    "profession",
    "scope",
    "client_assertion",
    "client_assertion_type",
    "x",
]
VALUES = [
    "",
    "client_credentials",
    "password",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "eyJhbGciOiJFUzI1NiIsImtpZCI6IngifQ.eyJpc3MiOiJhIiwic3ViIjoiYSJ9.c2ln",
    "eyJhbGciOiJub25lIn0..",
    "nurse",
    "patients records.read",
    "0" * 5_000,
    "髙橋",
    "\0",
]
SAID = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.sampled_from(VALUES), st.text(max_size=30)), max_size=6)
GRANTS = st.sampled_from([{"grant_type": "client_credentials"}] * 4 + [{"grant_type": "password"}, {}])
BODIES: st.SearchStrategy[bytes | dict[str, str]] = st.one_of(
    st.tuples(SAID, GRANTS).map(lambda parts: parts[0] | parts[1]), st.binary(max_size=200)
)
BASIC = st.one_of(
    st.none(), st.binary(max_size=40).map(lambda raw: b"Basic " + base64.b64encode(raw)), st.just(b"Basic %")
)
MEDIA = st.sampled_from([{}, FORM, FORM, {"Content-Type": "application/json"}])


async def test_no_token_request_gets_a_5xx_or_an_undocumented_answer(http: httpx.AsyncClient) -> None:
    said = drawn(st.tuples(BODIES, BASIC, MEDIA), EXAMPLES)
    answers = [await http.send(request(*one)) for one in said]
    for answer in answers:
        assert answer.status_code in (400, 401), answer.text
        assert answer.headers["cache-control"] == "no-store" and set(answer.json()) == {"error", "error_description"}
        assert answer.json()["error_description"].isascii()
    kinds = {answer.json()["error"] for answer in answers}
    assert {"invalid_request", "unsupported_grant_type", "invalid_client"} <= kinds
    figure(f"token requests at random: {len(answers)}, 5xx 0, undocumented 0")


def request(body: bytes | dict[str, str], basic: bytes | None, media: dict[str, str]) -> httpx.Request:
    headers = {**media, **({"Authorization": basic.decode()} if basic else {})}
    said: dict[str, Any] = {"data": body} if isinstance(body, dict) else {"content": body}
    return httpx.Request("POST", "http://test/oauth/token", headers=headers, **said)
