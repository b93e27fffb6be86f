"""The vendors' client alone: when it asks again, how long it waits, what it raises. Against a service made of answers."""

import ast
import json
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from tests.client.answers import ABOUT, CUT, DOWN, EMPTY, NURSE, Answer, Service, kept, problem

import renkei_client
from renkei_client import (
    Conflict,
    CursorAhead,
    Forbidden,
    Invalid,
    Key,
    NotFound,
    Renkei,
    Secret,
    ServerFault,
    TokenRefused,
    TooMany,
    Unauthorized,
    Unreachable,
    User,
)


def test_a_token_is_kept_for_each_user_and_renewed_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [1000.0]
    monkeypatch.setattr("renkei_client.session.time.monotonic", lambda: at[0])
    service = Service()
    renkei = service.client()
    nurse = renkei.acting(NURSE)
    for caller in (renkei, nurse, renkei, nurse, renkei.acting(User("sakuma", "佐久間 恵", "nurse"))):
        caller.changes()
    assert len(service.tokens) == 2
    assert service.tokens[1] == {"grant_type": "client_credentials", "organization": "office", **NURSE.claims()}
    at[0] += 869
    renkei.changes()
    assert len(service.tokens) == 2
    at[0] += 2
    renkei.changes()
    assert len(service.tokens) == 3
    assert service.asked[-1].headers["authorization"] == "Bearer t3"


def test_a_token_that_ended_early_is_renewed_once() -> None:
    service = Service(problem(401), httpx.Response(200, json=EMPTY), problem(401), problem(401))
    renkei = service.client()
    renkei.changes()
    assert [one.headers["authorization"] for one in service.asked] == ["Bearer t1", "Bearer t2"]
    with pytest.raises(Unauthorized):
        renkei.changes()
    assert len(service.asked) == 4 and service.rested == []


@pytest.mark.parametrize("failure", [DOWN, CUT, httpx.ReadTimeout("slow"), *map(problem, (429, 500, 502, 503, 504))])
def test_what_may_be_repeated_is(failure: Answer) -> None:
    service = Service(failure, failure, kept())
    assert service.client().submit_care_report("P", {}).created
    assert len(service.asked) == 3 and len(service.rested) == 2
    first, second = service.rested
    assert 0 <= first <= 0.5 and 0 <= second <= 1.0


def test_pauses_grow_and_differ() -> None:
    service = Service(*[DOWN] * 40)
    with pytest.raises(Unreachable, match="no answer after"):
        service.client(patience=25.0).changes()
    assert max(service.rested) > 1.0 and len(set(service.rested)) == len(service.rested)
    assert all(pause <= 0.5 * 2**number for number, pause in enumerate(service.rested))


def test_retry_after_is_waited_for_and_not_longer_than_patience() -> None:
    service = Service(problem(429, headers={"Retry-After": "7"}), kept(), problem(429, headers={"Retry-After": "90"}))
    renkei = service.client()
    renkei.submit_face_sheet("P", {})
    assert 7 <= service.rested[0] <= 7.5
    with pytest.raises(TooMany):
        renkei.changes()
    assert len(service.rested) == 1
    dated = Service(problem(503, headers={"Retry-After": "Fri, 27 Nov 2999 00:00:00 GMT"}))
    with pytest.raises(ServerFault):
        dated.client().changes()
    assert dated.rested == []


@pytest.mark.parametrize("answer", [problem(400), problem(403), problem(404), problem(409), problem(422), problem(501)])
def test_what_would_not_change_is_not_repeated(answer: httpx.Response) -> None:
    service = Service(answer)
    with pytest.raises(renkei_client.Problem):
        service.client().submit_face_sheet("P", {})
    assert len(service.asked) == 1


def test_what_must_not_be_done_twice_is_repeated_only_where_it_was_not_done() -> None:
    body = {"url": "https://example.jp", "kinds": [], "description": "x"}
    service = Service(DOWN, problem(429), kept())
    service.client().request("POST", "/v1/subscriptions", json=body)
    assert len(service.asked) == 3
    for failure, raised in ((CUT, Unreachable), (problem(503), ServerFault)):
        service = Service(failure, kept())
        with pytest.raises(raised):
            service.client().request("POST", "/v1/subscriptions", json=body)
        assert len(service.asked) == 1


ONCE: dict[str, Callable[[Renkei], object]] = {
    "a person": lambda renkei: renkei.register({}),
    "a consent": lambda renkei: renkei.record_consent("P", {}),
    "an emergency access": lambda renkei: renkei.open_emergency_access("P", {}),
}


@pytest.mark.parametrize("act", ONCE.values(), ids=ONCE.keys())
def test_what_has_no_key_of_its_own_gets_one_that_stays(act: Callable[[Renkei], object]) -> None:
    service = Service(CUT, problem(503), kept(), kept())
    renkei = service.client()
    act(renkei)
    act(renkei)
    keys = [request.headers["idempotency-key"] for request in service.asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_the_name_of_an_act_may_be_the_callers() -> None:
    service = Service(kept())
    service.client().register({}, act="mine")
    assert service.asked[0].headers["idempotency-key"] == "mine"


def test_refusals_are_raised_with_all_they_say() -> None:
    faults = [{"pointer": "/items/a", "item": "medical.weight", "code": "type", "message": "型"}, {"pointer": "?x"}]
    service = Service(
        problem(422, "invalid-items", errors=faults),
        problem(403, reason_code="profession", rule="r", grantable_by="platform_admin", request_access="/ask"),
        kept(),
        problem(409, reason_code="content_differs"),
        problem(404),
        problem(422, errors=[{"pointer": "?after", "code": "future"}]),
        httpx.Response(413, text="<html>too large</html>"),
    )
    renkei = service.client()
    with pytest.raises(Invalid) as invalid:
        renkei.submit_face_sheet("P", {})
    assert [fault.pointer for fault in invalid.value.faults] == ["/items/a", "?x"]
    assert (invalid.value.request_id, invalid.value.detail) == ("r", "だめ") and "invalid-items" in str(invalid.value)
    with pytest.raises(Forbidden) as forbidden:
        renkei.summary("P")
    refused = forbidden.value
    assert (refused.reason_code, refused.rule, refused.grantable_by) == ("profession", "r", "platform_admin")
    renkei.request_access(refused, "permission", "担当のため")
    assert service.asked[-1].url.path == refused.request_access == "/ask"
    with pytest.raises(Conflict, match="409") as conflict:
        renkei.submit_face_sheet("P", {})
    assert conflict.value.reason_code == "content_differs"
    with pytest.raises(NotFound) as absent:
        renkei.patient("P")
    assert renkei.request_access(absent.value, "consent", "x") is None
    with pytest.raises(CursorAhead):
        renkei.changes("old")
    with pytest.raises(renkei_client.Problem) as other:
        renkei.submit_face_sheet("P", {})
    assert other.value.status == 413 and other.value.faults == ()


def test_a_refused_token_says_why() -> None:
    def answers(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return httpx.Response(401, json={"error": "invalid_client", "error_description": "unknown client"})
        return httpx.Response(200, json=ABOUT)

    transport = httpx.MockTransport(answers)
    with (
        Renkei("https://renkei.example.jp", Secret("a", "b"), transport=transport) as renkei,
        pytest.raises(TokenRefused, match="invalid_client: unknown client") as refused,
    ):
        renkei.me()
    assert refused.value.status == 401


def test_a_redirect_is_not_followed_with_a_token() -> None:
    service = Service(httpx.Response(302, headers={"Location": "https://elsewhere.example/v1/me"}))
    with pytest.raises(renkei_client.Problem):
        service.client().me()
    assert [request.url.host for request in service.asked] == ["renkei.example.jp"]


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (rsa.generate_private_key(65537, 2048), "RS384"),
    ],
)
def test_with_a_key_all_is_signed_and_anew_each_time(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, algorithm: str, tmp_path: Path
) -> None:
    (tmp_path / "private.pem").write_bytes(pem(key))
    service = Service(problem(401))
    service.client(Key("rk-1", tmp_path / "private.pem", "k1"), user=NURSE, scope=["patients"]).changes()
    public = (RSAKey if algorithm == "RS384" else ECKey).import_key(pem(key))
    tokens = [jwt.decode(form["client_assertion"], public, algorithms=[algorithm]) for form in service.tokens]
    assert len({token.claims["jti"] for token in tokens}) == 2
    assert tokens[0].header == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    claims = tokens[0].claims
    assert claims["aud"] == ABOUT["token_endpoint"] and 0 < claims["exp"] - claims["iat"] <= 300
    said = {"iss": "rk-1", "sub": "rk-1", "organization": "office", "scope": "patients", **NURSE.claims()}
    assert said.items() <= claims.items()
    assert service.tokens[0].keys() == {"grant_type", "client_assertion_type", "client_assertion"}


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    assert "hidden" not in repr(Secret("rk-1", "hidden")) and "PRIVATE" not in repr(Key("rk-1", key, "k"))


def test_the_client_imports_nothing_of_the_service() -> None:
    allowed = set(sys.stdlib_module_names) | {"httpx", "joserfc", "renkei_client"}
    for file in Path(renkei_client.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert {name.split(".")[0] for name in names} <= allowed, file
    assert json.dumps(sorted(renkei_client.__all__)) == json.dumps(renkei_client.__all__)
