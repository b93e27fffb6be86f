"""How long what a provider has published is used, and what of its answers means that it is away. Its clock and network are the test's."""

import json
from types import SimpleNamespace

import pytest

from renkei.access import providers, vendor_keys
from renkei.access.oidc import NotProven, Question, RelyingClient
from renkei.access.providers import ProviderAway, Providers
from renkei.access.vendor_keys import AGAIN_SECONDS, FRESH_SECONDS, LAST_GOOD_SECONDS, VendorKeys
from renkei.targets import Unreachable

ISSUER = "https://192.0.2.1"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/a",
    "token_endpoint": f"{ISSUER}/t",
    "jwks_uri": f"{ISSUER}/k",
}
CLIENT = RelyingClient("renkei", "secret", "https://renkei.example/callback", [])


class Network:
    """What there is at every address: answers, until it is down; and how often it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer, self.asked, self.down = answer, 0, False

    async def fetch(self, url: str, *, allow_private: bool) -> bytes:
        self.asked += 1
        if self.down:
            raise Unreachable("down")
        return json.dumps(self.answer).encode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    turned = SimpleNamespace(seconds=1_000_000.0)
    for module in (providers, vendor_keys):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: turned.seconds))
    return turned


async def test_what_a_provider_publishes_is_asked_for_anew_and_serves_for_a_day(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(DOCUMENT)
    monkeypatch.setattr(providers, "fetch_json_bytes", network.fetch)
    known = Providers(True, None)  # type: ignore[arg-type]  # signs nothing here
    first, began = await known.metadata(ISSUER), clock.seconds
    clock.seconds = began + FRESH_SECONDS - 1
    assert (await known.metadata(ISSUER), network.asked) == (first, 1)
    clock.seconds = began = began + FRESH_SECONDS
    assert (await known.metadata(ISSUER), network.asked) == (first, 2)
    network.down = True
    clock.seconds = began + FRESH_SECONDS
    for later, asked in ((0, 3), (AGAIN_SECONDS - 1, 3), (AGAIN_SECONDS, 4)):
        clock.seconds = began + FRESH_SECONDS + later
        assert (await known.metadata(ISSUER), network.asked) == (first, asked)
    clock.seconds = began + LAST_GOOD_SECONDS - 1
    assert await known.metadata(ISSUER) == first
    clock.seconds = began + LAST_GOOD_SECONDS
    with pytest.raises(ProviderAway):
        await known.metadata(ISSUER)


async def test_keys_are_asked_for_anew_and_serve_for_a_day(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    jwk = {"kty": "EC", "crv": "P-256", "kid": "k", "alg": "ES256", "use": "sig"}
    point = {"x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"}
    # Another key of theirs, of a kind that is not read here, spoils nothing.
    network = Network({"keys": [jwk | point, {"kty": "OKP", "crv": "Ed25519", "kid": "o", "x": "AA"}]})
    monkeypatch.setattr(vendor_keys, "fetch_json_bytes", network.fetch)
    known, began = VendorKeys(True), clock.seconds

    async def found(seconds: float, kid: str = "k") -> tuple[bool, int]:
        clock.seconds = began + seconds
        return await known.key(ISSUER, kid) is not None, network.asked

    assert await found(0) == (True, 1)
    assert await found(AGAIN_SECONDS - 1, "another") == (False, 1)
    assert await found(AGAIN_SECONDS, "another") == (False, 2)
    began += AGAIN_SECONDS
    assert await found(FRESH_SECONDS - 1) == (True, 2)
    network.down = True
    assert await found(FRESH_SECONDS) == (True, 3)
    assert await found(FRESH_SECONDS + AGAIN_SECONDS - 1) == (True, 3)
    assert await found(FRESH_SECONDS + AGAIN_SECONDS) == (True, 4)
    assert await found(LAST_GOOD_SECONDS - 1) == (True, 5)
    assert await found(LAST_GOOD_SECONDS) == (False, 5)


@pytest.mark.parametrize(
    ("status", "said", "error"), [(500, b"{}", ProviderAway), (200, b"<", ProviderAway), (499, b"{}", NotProven)]
)
async def test_a_provider_that_fails_is_away_and_one_that_refuses_is_not(
    clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, status: int, said: bytes, error: type[Exception]
) -> None:
    async def answered(*_: object, allow_private: bool) -> tuple[int, bytes]:
        return status, said

    network = Network(DOCUMENT)
    monkeypatch.setattr(providers, "fetch_json_bytes", network.fetch)
    monkeypatch.setattr(providers, "post_form", answered)
    known = Providers(True, SimpleNamespace(keys=None))  # type: ignore[arg-type]  # its client has a secret
    with pytest.raises(error):
        await known.signed_in(CLIENT, await known.metadata(ISSUER), Question.new(), "code")
