"""A hospital's own login, against a real OpenID provider on this machine, and every answer that must not be believed."""

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from tests.access import oidc_provider
from tests.access.oidc_provider import PASSWORD, SECRET, Provider

from renkei.access import oidc, providers
from renkei.access.keyring import KeyRing
from renkei.access.oidc import NotProven, Proven, Question, RelyingClient
from renkei.access.providers import ProviderAway, Providers
from renkei.ids import now

CALLBACK = "http://127.0.0.1:8000/login/oidc/callback"
CLIENT = RelyingClient("renkei", SECRET, CALLBACK, ["profile"])
OTHER = RelyingClient("another", SECRET, "http://127.0.0.1:8000/another", ["profile"])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with oidc_provider.running() as provider:
        provider.register(CLIENT.client_id, CALLBACK)
        provider.register(OTHER.client_id, OTHER.redirect_uri)
        yield provider


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def known(provider: Provider, keyring: KeyRing) -> Iterator[Providers]:
    provider.sits_there("sato", job="RN", amr=["pwd", "otp"])
    yield Providers(True, keyring)
    provider.alter.clear()
    provider.down = False


async def sent(provider: Provider, known: Providers, question: Question, client: RelyingClient = CLIENT) -> str:
    """A browser sent to the provider; with what it comes back."""
    url = oidc.authorization_url(await known.metadata(provider.issuer), client, question)
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(url)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(client.redirect_uri)
    return str(answer.headers["Location"])


async def signed_in(
    provider: Provider, known: Providers, question: Question | None = None, client: RelyingClient = CLIENT, **more: Any
) -> Proven:
    question = question or Question.new()
    metadata = await known.metadata(provider.issuer)
    back = parse_qsl(urlsplit(await sent(provider, known, question, client)).query)
    assert dict(back)["state"] == question.state
    return await known.signed_in(client, metadata, question, oidc.read_answer(metadata, back), **more)


async def test_signed_in_by_a_real_provider(provider: Provider, known: Providers) -> None:
    proven = await signed_in(provider, known, max_age=300)
    assert (proven.acr, proven.amr, proven.claims["job"]) == (PASSWORD, ("pwd", "otp"), "RN")
    assert proven.authenticated_at is not None
    assert abs(proven.authenticated_at - now().timestamp()) < 60
    again = await signed_in(provider, known)
    assert again.subject == proven.subject
    provider.sits_there("suzuki")
    assert (await signed_in(provider, known)).subject != proven.subject


async def test_signed_in_where_we_prove_ourselves_by_our_key(
    provider: Provider, known: Providers, keyring: KeyRing
) -> None:
    client = RelyingClient("by-key", None, CALLBACK, [])
    provider.register(client.client_id, CALLBACK, token_endpoint_auth_method="private_key_jwt")
    provider.op.keyjar.import_jwks(dict(keyring.keys.jwks), client.client_id)
    assert (await signed_in(provider, known, client=client)).subject
    asked = [said for path, said in provider.asked if path == "/token"][-1]
    assert (asked["client_id"], "client_secret" in asked) == ("by-key", False)
    assert asked["client_assertion_type"] == oidc.ASSERTION_TYPE


async def test_a_code_counts_once_and_with_its_own_verifier_and_client(provider: Provider, known: Providers) -> None:
    metadata = await known.metadata(provider.issuer)
    accepted = 0
    for how in ("again", "another verifier", "no verifier", "another client", "another redirect"):
        question = Question.new()
        code = oidc.read_answer(metadata, parse_qsl(urlsplit(await sent(provider, known, question)).query))
        client = CLIENT
        if how == "again":
            await known.signed_in(client, metadata, question, code)
        elif how == "another verifier":
            question = Question(question.state, question.nonce, Question.new().verifier)
        elif how == "no verifier":
            question = Question(question.state, question.nonce, "")
        elif how == "another client":
            client = OTHER
        else:
            client = RelyingClient("renkei", SECRET, CALLBACK + "/evil", [])
        with suppress(NotProven):
            await known.signed_in(client, metadata, question, code)
            accepted += 1
    assert accepted == 0


ANSWERS: dict[str, list[tuple[str, str]]] = {
    "another issuer (mix-up)": [("code", "c"), ("iss", "https://evil.example")],
    "no issuer, where it always names itself": [("code", "c")],
    "the issuer with a slash": [("code", "c"), ("iss", "https://op.example/")],
    "two codes": [("code", "c"), ("code", "d"), ("iss", "https://op.example")],
    "two issuers": [("code", "c"), ("iss", "https://op.example"), ("iss", "https://evil.example")],
    "no code": [("iss", "https://op.example")],
    "an empty code": [("code", ""), ("iss", "https://op.example")],
    "a code without end": [("code", "c" * 4001), ("iss", "https://op.example")],
    "an error": [("error", "access_denied"), ("iss", "https://op.example")],
    "an error beside a code": [("error", "access_denied"), ("code", "c"), ("iss", "https://op.example")],
}
METADATA = oidc.Metadata(
    "https://op.example", "https://op.example/a", "https://op.example/t", "https://op.example/k", None, True
)


@pytest.mark.parametrize("how", ANSWERS)
def test_an_answer_that_does_not_hold_is_refused(how: str) -> None:
    with pytest.raises(NotProven):
        oidc.read_answer(METADATA, ANSWERS[how])


def test_an_answer_that_holds() -> None:
    assert oidc.read_answer(METADATA, [("code", "c"), ("iss", "https://op.example"), ("scope", "openid")]) == "c"


DOCUMENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another issuer's": lambda document: {**document, "issuer": "https://evil.example"},
    "the issuer with a slash": lambda document: {**document, "issuer": document["issuer"] + "/"},
    "no issuer": lambda document: {**document, "issuer": None},
    "no token endpoint": lambda document: {k: v for k, v in document.items() if k != "token_endpoint"},
    "keys that are no address": lambda document: {**document, "jwks_uri": ["https://op.example"]},
    "a downgrade of PKCE": lambda document: {**document, "code_challenge_methods_supported": ["plain"]},
    "no PKCE": lambda document: {**document, "code_challenge_methods_supported": []},
    "a token endpoint in the clear": lambda document: {**document, "token_endpoint": "http://op.example/token"},
    "keys over another scheme": lambda document: {**document, "jwks_uri": "file:///etc/passwd"},
    "a script to be sent to": lambda document: {**document, "authorization_endpoint": "javascript:alert(1)"},
    "a script to sign out by": lambda document: {**document, "end_session_endpoint": "javascript:alert(1)"},
    "a list": lambda document: [document],
}


@pytest.mark.parametrize("how", DOCUMENTS)
async def test_a_document_that_cannot_be_used_is_as_none(how: str, provider: Provider, known: Providers) -> None:
    provider.alter["/.well-known/openid-configuration"] = DOCUMENTS[how]
    with pytest.raises(ProviderAway):
        await known.metadata(provider.issuer)


async def test_a_private_address_is_not_asked_unless_the_network_is_closed(
    provider: Provider, keyring: KeyRing
) -> None:
    before = len(provider.asked)
    with pytest.raises(ProviderAway):
        await Providers(False, keyring).metadata(provider.issuer)
    assert len(provider.asked) == before


async def test_a_provider_that_is_away_is_asked_seldom_and_its_document_serves_on(
    provider: Provider, known: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 1_000.0
    monkeypatch.setattr(providers.time, "monotonic", lambda: seconds)
    provider.down = True
    for _ in range(3):
        with pytest.raises(ProviderAway):
            await known.metadata(provider.issuer)
    assert [path for path, _ in provider.asked].count("/.well-known/openid-configuration") >= 1
    asked = len(provider.asked)
    provider.down, seconds = False, seconds + providers.AGAIN_SECONDS
    metadata = await known.metadata(provider.issuer)
    assert len(provider.asked) == asked + 1
    provider.down, seconds = True, seconds + providers.FRESH_SECONDS
    assert await known.metadata(provider.issuer) == metadata
    with pytest.raises(ProviderAway):
        await known.signed_in(CLIENT, metadata, Question.new(), "code")
    seconds += providers.LAST_GOOD_SECONDS
    with pytest.raises(ProviderAway):
        await known.metadata(provider.issuer)


TOKEN_ANSWERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no id_token": lambda answer: {k: v for k, v in answer.items() if k != "id_token"},
    "no access token": lambda answer: {k: v for k, v in answer.items() if k != "access_token"},
    "a token of another kind": lambda answer: {**answer, "token_type": "DPoP"},
    "a list": lambda answer: [answer],
    "a text": lambda answer: "signed in",
    "an id_token that is no text": lambda answer: {**answer, "id_token": {"sub": "admin"}},
}


@pytest.mark.parametrize("how", TOKEN_ANSWERS)
async def test_a_token_answer_that_is_none_is_refused(how: str, provider: Provider, known: Providers) -> None:
    provider.alter["/token"] = TOKEN_ANSWERS[how]
    with pytest.raises(NotProven):
        await signed_in(provider, known)


def test_where_the_browser_is_sent_to_sign_out() -> None:
    assert oidc.logout_url(METADATA, "renkei", "https://renkei.example.jp/login") is None
    ends = oidc.Metadata("i", "a", "t", "k", "https://op.example/end?tenant=1", False)
    url = oidc.logout_url(ends, "renkei", "https://renkei.example.jp/login")
    assert url == (
        "https://op.example/end?tenant=1&client_id=renkei&post_logout_redirect_uri=https%3A%2F%2Frenkei.example.jp%2Flogin"
    )


def test_the_secret_is_encoded_before_it_is_joined(keyring: KeyRing) -> None:
    client = RelyingClient("a:b", "p/%ä", CALLBACK, [])
    _, headers = oidc.token_request(METADATA, client, Question.new(), "c", keyring.keys, 0.0)
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"a%3Ab:p%2F%25%C3%A4"
