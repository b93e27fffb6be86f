"""private_key_jwt (RFC 7523): what opens a token, and everything that looks like it and does not."""

import asyncio
import secrets
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.access.forged_assertions import forged
from tests.access.signing import ENDPOINT, USER, Signer, System, changed, compact, ecdsa
from tests.access.world import figure, owner
from tests.factories import Region

from renkei.access import assertions
from renkei.access.jws import Malformed, Signed
from renkei.access.refusals import Refused
from renkei.database import WORKER_ROLE, make_engine
from renkei.schemas.key_sets import read_key_set
from renkei.settings import Settings
from renkei.vocabulary import Scope
from renkei.worker import forgetting_loops, work

KINDS = {"ec": "P-256", "wide": "P-384", "rsa": "RSA"}
SIGNERS = [Signer.make(kid, kind) for kid, kind in KINDS.items()]


@pytest.fixture
async def system(region: Region) -> System:
    return await System.found(region, *SIGNERS)


RIGHT: dict[str, dict[str, Any]] = {
    "ES256": {},
    "ES384": {"kid": "wide"},
    "RS384": {"kid": "rsa"},
    "aud the issuer": {"aud": "http://127.0.0.1:8000"},
    "aud a list of one": {"aud": [ENDPOINT]},
    "no typ": {"header": {"typ": None}},
    "the explicit typ": {"header": {"typ": "client-authentication+jwt"}},
    "no iat": {"iat": None},
    "nbf now": {"nbf": int(time.time())},
    "unknown claims": {"more": {"a": 1}},
    "the longest jti": {"jti": secrets.token_hex(100)},
}


@pytest.mark.parametrize("changes", RIGHT.values(), ids=RIGHT)
async def test_a_right_assertion_opens_a_token(system: System, changes: dict[str, Any]) -> None:
    answer = await system.ask(system.assertion(**changes))
    assert answer.status_code == 200, answer.text
    me = (await system.me(answer.json()["access_token"])).json()
    assert me["user"] == {"id": USER["user_id"], "name": USER["user_name"]}
    assert (me["profession"], me["organization"]["id"]) == ("nurse", system.organization["id"])


async def test_the_metadata_tell_all_that_a_client_needs(system: System) -> None:
    """RFC 8414: what a library reads before it asks; and both names of this server are good for ``aud``."""
    told = (await system.http.get("/.well-known/oauth-authorization-server")).json()
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt", "client_secret_basic"]
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["ES256", "ES384", "RS384"]
    assert told["scopes_supported"] == list(Scope)
    assert told["grant_types_supported"] == ["client_credentials"]
    for audience in (told["issuer"], told["token_endpoint"]):
        assert (await system.ask(system.assertion(aud=audience))).status_code == 200


async def test_the_organization_may_be_signed_too_and_the_system_be_itself(system: System) -> None:
    code = system.organization["code"]
    for form in ({"organization": None}, {"organization": code, "client_id": system.client_id}):
        assert (await system.ask(system.assertion(organization=code), **form)).status_code == 200
    nobody = dict.fromkeys(USER)
    token = (await system.ask(system.assertion(**nobody))).json()["access_token"]
    assert (await system.me(token)).json()["profession"] == "system"


async def test_no_forged_assertion_opens_a_token(system: System) -> None:
    tried = forged(system)
    answers = {name: await system.ask(assertion) for name, assertion in tried.items()}
    accepted = [name for name, answer in answers.items() if answer.status_code == 200]
    figure(f"forged client assertions: tried {len(tried)}, accepted {len(accepted)}")
    assert len(tried) >= 60
    assert accepted == []
    assert {
        name: a.text for name, a in answers.items() if (a.status_code, a.json()["error"]) != (401, "invalid_client")
    } == {}
    assert {a.headers["cache-control"] for a in answers.values()} == {"no-store"}


async def test_what_is_wrong_with_an_assertion_is_told_to_who_signed_it(system: System) -> None:
    """Whoever begins finds the fault by the answer, before and after the signature is checked."""
    for assertion, told in (
        ("x", "signed JWT"),
        (system.assertion(header={"jku": "https://example.jp"}), "nothing else"),
        (system.assertion(header={"alg": "RS256"}), "ES256, ES384, RS384"),
        (system.assertion(sub="x"), "client_id"),
        (system.assertion(aud="x"), "aud"),
        (system.assertion(exp=int(time.time()) + 3600), "300"),
        (system.assertion(jti=""), "jti"),
    ):
        answer = await system.ask(assertion)
        assert told in answer.json()["error_description"]


async def test_what_is_registered_here_is_told_to_nobody(system: System) -> None:
    """An unknown client, an unknown key, a wrong signature, a client with a secret: one answer."""
    unknown = system.assertion(iss="rk-0000000000000000", sub="rk-0000000000000000")
    head = {"alg": "ES256", "kid": "ec", "typ": "JWT"}
    wrong = compact(head, system.claims(), Signer.make("ec").sign)
    answers = [await system.ask(a) for a in (unknown, system.assertion(header={"kid": "none"}), wrong)]
    assert len({(a.status_code, a.content) for a in answers}) == 1


FORMS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "another user_id": ({}, {"user_id": "other"}, "invalid_request"),
    "another user_name": ({}, {"user_name": "別人"}, "invalid_request"),
    "another profession": ({}, {"profession": "pt"}, "invalid_request"),
    "a user who is not signed": (dict.fromkeys(USER), USER, "invalid_request"),
    "another organization": ({"organization": "x"}, {}, "invalid_request"),
    "another scope": ({"scope": "patients"}, {"scope": "consents"}, "invalid_request"),
    "a user signed in part": ({"user_name": None}, {}, "invalid_request"),
    "a profession not delegated": ({"profession": "physician"}, {}, "invalid_scope"),
    "no assertion": ({}, {"client_assertion": None}, "invalid_request"),
    "no type": ({}, {"client_assertion_type": None}, "invalid_request"),
    "another type": (
        {},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        "invalid_request",
    ),
}


@pytest.mark.parametrize(("said", "form", "error"), FORMS.values(), ids=FORMS)
async def test_the_form_cannot_say_another_thing(
    system: System, said: dict[str, Any], form: dict[str, Any], error: str
) -> None:
    answer = await system.ask(system.assertion(**said), **form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_the_form_may_say_the_same(system: System) -> None:
    assert (await system.ask(system.assertion(), **USER)).status_code == 200


async def test_one_proof_at_a_time(system: System, region: Region) -> None:
    form = {"grant_type": "client_credentials", "organization": system.organization["code"]}
    signed = {**form, "client_assertion_type": assertions.TYPE, "client_assertion": system.assertion()}
    both = await system.http.post("/oauth/token", data=signed, auth=(system.client_id, "x"))
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    basic = await system.http.post("/oauth/token", data=form, auth=(system.client_id, ""))
    assert (basic.status_code, basic.json()["error"]) == (401, "invalid_client")
    other = await system.ask(system.assertion(), client_id=region.admin.client_id)
    assert (other.status_code, other.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_is_used_once_however_many_ask(system: System) -> None:
    assertion = system.assertion()
    answers = await asyncio.gather(*(system.ask(assertion) for _ in range(64)))
    accepted = [answer for answer in answers if answer.status_code == 200]
    figure(f"assertion replayed by 64 at once: accepted {len(accepted)}")
    assert len(accepted) == 1
    assert {(a.status_code, a.json()["error"]) for a in answers if a not in accepted} == {(401, "invalid_client")}
    assert (await system.ask(assertion)).status_code == 401


async def test_the_id_of_an_assertion_is_its_clients_own(system: System, region: Region) -> None:
    """Another system may use the same; the same system may not, also with another key or other claims."""
    other = await System.found(region, *SIGNERS)
    assert (await system.ask(system.assertion(jti="1"))).status_code == 200
    assert (await other.ask(other.assertion(jti="1"))).status_code == 200
    assert (await system.ask(system.assertion("rsa", jti="1", **dict.fromkeys(USER)))).status_code == 401


async def test_an_assertion_that_opened_nothing_is_not_used(system: System) -> None:
    assertion = system.assertion()
    assert (await system.ask(assertion, organization="nobody")).status_code == 400
    assert (await system.ask(assertion)).status_code == 200


async def test_used_ones_are_kept_until_nobody_can_use_them_and_no_longer(system: System, settings: Settings) -> None:
    assert (await system.ask(system.assertion(jti="kept"))).status_code == 200
    assert (await system.ask(system.assertion(jti="over"))).status_code == 200
    assert settings.worker_database_url is not None
    worker = make_engine(settings.worker_database_url.get_secret_value(), WORKER_ROLE, 1)
    with owner(settings) as connection:
        kept = (
            "SELECT jti FROM used_assertions JOIN clients c ON c.id = used_assertions.client_id WHERE c.client_id = %s"
        )
        longer = "SELECT min(kept_until - now()) > interval '110 s' FROM used_assertions WHERE jti IN ('kept', 'over')"
        assert connection.execute(longer).fetchone() == (True,)
        connection.execute("UPDATE used_assertions SET kept_until = now() WHERE jti = 'over'")
        stop = asyncio.Event()
        working = asyncio.create_task(work(worker, stop, forgetting_loops(30)))
        left: list[tuple[str]] = []
        for _ in range(200):
            left = connection.execute(kept, [system.client_id]).fetchall()
            if len(left) == 1:
                break
            await asyncio.sleep(0.05)
        stop.set()
        await asyncio.wait_for(working, 10)
        assert left == [("kept",)]
    await worker.dispose()


async def test_the_ledger_names_user_and_key(system: System, settings: Settings) -> None:
    answer = await system.ask(system.assertion(jti="told"))
    with owner(settings) as connection:
        query = "SELECT action, user_id, user_name, profession, detail FROM service_events WHERE request_id = %s"
        (event,) = connection.execute(query, [answer.headers["x-request-id"]]).fetchall()
    told = {"client_id": system.client_id, "kid": "ec", "jti": "told"}
    assert event == ("token.issue", USER["user_id"], USER["user_name"], "nurse", told)


def test_a_signature_has_its_length_whatever_the_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renkei.access.jws.jws.verify", lambda *_, **__: None)
    for length in (0, 63, 65, 128):
        with pytest.raises(Malformed):
            Signed.parse(compact({}, {}, lambda _, n=length: bytes(n))).require_signature("", "ES256", 64)


def test_the_edges_of_time() -> None:
    """exp: after now, at most 300 seconds ahead; iat and nbf: at most 5 ahead."""
    signer = Signer.make("k")
    key = read_key_set({"keys": [signer.jwk]}, strict=True)["k"]
    base = {"iss": "rk-1", "sub": "rk-1", "aud": ENDPOINT, "jti": "1", "exp": 1060}

    def holds(**changes: Any) -> bool:
        text = compact({"alg": "ES256", "kid": "k"}, changed(base, changes), signer.sign)
        try:
            assertions.prove(assertions.read(text), key, (ENDPOINT,), 1000.0)
        except Refused:
            return False
        return True

    assert [e for e in (999, 1000, 1001, 1300, 1301) if holds(exp=e)] == [1001, 1300]
    for name in ("iat", "nbf"):
        assert [moment for moment in (0, 1000, 1005, 1006) if holds(**{name: moment})] == [0, 1000, 1005]
    assert not Signed.parse(compact({}, {}, signer.sign)).claims


async def test_tokens_verify_with_another_library(system: System) -> None:
    """joserfc as the oracle: our token by the published keys, and its own assertion with us."""
    token = (await system.ask()).json()["access_token"]
    published = (await system.http.get("/.well-known/jwks.json")).json()
    decoded = jwt.decode(token, KeySet.import_key_set(published), algorithms=["ES256"])
    assert (decoded.header["typ"], decoded.claims["profession"]) == ("at+jwt", "nurse")
    for kid, signer in system.signers.items():
        key = KeySet.import_key_set({"keys": [signer.jwk]}).keys[0].import_key(signer.private_pem, {"kid": kid})
        made = jwt.encode({"alg": signer.alg, "kid": kid}, system.claims(), key, algorithms=[signer.alg])
        answer: httpx.Response = await system.ask(made)
        assert answer.status_code == 200, answer.text


def test_ecdsa_by_hand_is_of_the_right_length() -> None:
    assert [len(ecdsa(s.key, "x", hashes.SHA256())) for s in SIGNERS[:2]] == [64, 96]
