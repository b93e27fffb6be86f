"""Every id_token that must not be believed, in place of the one a real provider has answered with; and honest ones in their forms."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from authlib.oidc.core import CodeIDToken
from tests.access import oidc_provider
from tests.access.forged_id_tokens import FORGED, Forging, by_the_provider, with_claims, with_header
from tests.access.oidc_provider import SECRET, Provider
from tests.access.world import figure

from renkei.access import oidc
from renkei.access.jws import Signed
from renkei.access.oidc import Metadata, NotProven, Proven, Question, RelyingClient
from renkei.ids import now
from renkei.schemas.key_sets import PublicKey, read_key_set

CLIENT = RelyingClient("renkei", SECRET, "http://127.0.0.1:8000/callback", [])


@dataclass
class SignIn:
    """One that the provider has answered: the question it was asked, its keys, and what it said."""

    provider: Provider
    metadata: Metadata
    keys: dict[str, PublicKey]
    question: Question
    answer: dict[str, Any]

    def judge(self, forging: Forging, max_age: int | None = None) -> tuple[Proven, str]:
        """What we make of another id_token in its place."""
        header, claims = (
            json.loads(base64.urlsafe_b64decode(p + "==")) for p in self.answer["id_token"].split(".")[:2]
        )
        digest = hashlib.sha256(self.answer["access_token"].encode()).digest()[:16]
        claims["at_hash"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        text = forging(claims, header, self.provider)
        signed, access_token = oidc.read_tokens(200, {**self.answer, "id_token": text})
        key = self.keys.get(signed.header["kid"])
        moment = now().timestamp()
        return oidc.prove(signed, key, self.metadata, CLIENT, self.question, access_token, moment, max_age), text


@pytest.fixture(scope="module")
async def sign_in() -> AsyncIterator[SignIn]:
    with oidc_provider.running() as provider:
        provider.register(CLIENT.client_id, CLIENT.redirect_uri)
        provider.sits_there("sato", amr=["pwd", "otp"])
        async with httpx.AsyncClient() as browser:
            document = (await browser.get(provider.issuer + "/.well-known/openid-configuration")).json()
            metadata, question = oidc.read_metadata(document, provider.issuer), Question.new()
            back = await browser.get(oidc.authorization_url(metadata, CLIENT, question))
            code = httpx.URL(back.headers["Location"]).params["code"]
            form = {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": CLIENT.redirect_uri,
                "code_verifier": question.verifier,
            }
            answer = (await browser.post(metadata.token_endpoint, data=form, auth=(CLIENT.client_id, SECRET))).json()
            keys = read_key_set((await browser.get(metadata.jwks_uri)).json(), strict=False, rsa_algorithm="RS256")
        yield SignIn(provider, metadata, keys, question, answer)


def test_no_forged_id_token_is_accepted(sign_in: SignIn) -> None:
    accepted = []
    for how, forging in FORGED.items():
        try:
            sign_in.judge(forging)
        except NotProven:
            continue
        accepted.append(how)
    figure(f"forged id_tokens: tried {len(FORGED)}, accepted {len(accepted)}")
    assert accepted == []


HONEST: dict[str, Forging] = {
    "signed by RSA": with_claims(),
    "by the elliptic key": lambda claims, header, provider: by_the_provider(claims, provider, "EC"),
    "aud a text, azp ours": with_claims(aud="renkei", azp="renkei"),
    "typed": with_header(typ="JWT"),
    "without at_hash": with_claims(at_hash=...),
    "without acr, amr and auth_time": with_claims(acr=..., amr=..., auth_time=...),
    "a clock some seconds ahead": lambda claims, header, provider: by_the_provider(
        {**claims, "iat": claims["iat"] + 20}, provider
    ),
}


@pytest.mark.parametrize("how", HONEST)
def test_an_honest_id_token_in_its_forms_is_accepted(how: str, sign_in: SignIn) -> None:
    """Authlib, which knows nothing of us, says the same of each."""
    proven, text = sign_in.judge(HONEST[how])
    signed = Signed.parse(text)
    options = {"iss": {"value": sign_in.provider.issuer}, "aud": {"value": "renkei"}}
    told = {"client_id": "renkei", "nonce": sign_in.question.nonce, "access_token": sign_in.answer["access_token"]}
    judged = CodeIDToken(signed.claims, signed.header, options, told)
    judged.validate(leeway=30)
    assert proven.subject == judged["sub"]


@pytest.mark.parametrize("forging", [with_claims(auth_time=...), with_claims(auth_time=int(now().timestamp()) - 400)])
def test_an_old_authentication_is_not_a_new_one(forging: Forging, sign_in: SignIn) -> None:
    sign_in.judge(forging)
    with pytest.raises(NotProven, match="anew"):
        sign_in.judge(forging, max_age=300)
