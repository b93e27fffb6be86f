"""What a hospital's login has opened ends: told by the provider, on the way out, and with the login itself."""

import asyncio
import json
import secrets
import time
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.access.forged_id_tokens import STRANGER, by_the_provider, compact, signing_key
from tests.access.oidc_provider import SECRET, Provider
from tests.access.world import figure, owner
from tests.factories import Region, Vendor
from tests.people.hospital import admin_of, came_back, connected, left, linked, on_staff, place, signed_in, sits_there
from tests.people.staff import Browser
from tests.people.ways import ORIGIN, browser, hired

from renkei.access.logout_tokens import LOGOUT_EVENT
from renkei.settings import Settings

DERIVED = {"organization_id", "redirect_uri", "set_at"}
"""What the answer tells of a provider that nobody has said."""


async def test_signed_out_here_the_way_out_there_is_shown(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, person, seat = await on_staff(provider, at_home, region, settings)
    await seat.open("/")
    page = await seat.send("/logout")
    assert page.status_code == 200 and f"{provider.issuer}/session?client_id=renkei-{clinic.id}" in page.text
    assert (await seat.http.get("/v1/me")).status_code == 401
    provider.down = True
    await person.sign_in(seat)
    assert (await seat.send("/logout")).url.path == "/login"


def logout_token(provider: Provider, clinic: Vendor, person: str, **changes: Any) -> dict[str, Any]:
    moment = int(time.time())
    claims = {
        "iss": provider.issuer,
        "aud": f"renkei-{clinic.id}",
        "iat": moment,
        "exp": moment + 120,
        "jti": secrets.token_hex(8),
        "sub": person,
        "events": {LOGOUT_EVENT: {}},
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


async def test_the_provider_ends_what_it_has_opened_and_nothing_else_does(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic = await connected(provider, at_home, region)
    person, colleague = [await hired(at_home, settings, (clinic, "nurse")) for _ in range(2)]
    seats = []
    for one in (person, colleague):
        sits_there(provider, one, amr=["otp"])
        seats.append(browser(at_home))
        await linked(seats[-1], clinic, one)
    own = await person.sign_in(browser(at_home))
    with owner(settings) as database:
        rows = database.execute(
            "SELECT a.email, l.subject FROM login_subjects l JOIN accounts a ON a.id = l.account_id WHERE organization_id = %s",
            [clinic.id],
        ).fetchall()
    subject = dict(rows)[person.email]
    where = f"/login/organizations/{clinic.id}/logout"

    async def told(token: str) -> int:
        answer = await httpx.AsyncClient(transport=at_home._transport, base_url="http://localhost:8000").post(
            where, data={"logout_token": token}
        )
        return answer.status_code

    right = logout_token(provider, clinic, subject)
    key, kid = signing_key(provider)
    assert isinstance(key, rsa.RSAPrivateKey)
    wrong = {
        "a stranger's": compact({"alg": "RS256", "kid": kid, "typ": "logout+jwt"}, right, STRANGER),
        "unsigned": ".".join(by_the_provider(right, provider).split(".")[:2]) + ".",
        "no token": "x",
        "an access token": by_the_provider(right, provider, typ="at+jwt"),
        **{
            f"{name}: {value}": by_the_provider(logout_token(provider, clinic, subject, **{name: value}), provider)
            for name, value in (
                ("iss", "https://evil.example"),
                ("aud", "another"),
                ("nonce", "n"),
                ("events", ...),
                ("events", {"another": {}}),
                ("events", {LOGOUT_EVENT: "yes"}),
                ("exp", 1_700_000_000),
                ("iat", 1_700_000_000),
                ("sub", ...),
                ("jti", ...),
                ("jti", ""),
                ("jti", 1),
            )
        },
    }
    statuses = {how: await told(token) for how, token in wrong.items()}
    figure(f"forged logout tokens: tried {len(statuses)}, accepted {list(statuses.values()).count(200)}")
    assert set(statuses.values()) == {400}, json.dumps(statuses)
    assert await standing(*seats, own) == [200, 200, 200]
    token = by_the_provider(right, provider, typ="logout+jwt")
    assert await told(token) == 200
    assert await standing(*seats, own) == [401, 200, 200]
    # Signed in again: what told of the first time ends nothing of the second, however it is signed anew.
    sits_there(provider, person, amr=["otp"])
    assert (await signed_in(seats[0], clinic)).url.path == "/"
    again = [await told(token), await told(by_the_provider(right, provider)), await told(token)]
    assert await standing(*seats, own) == [200, 200, 200]
    assert again == [400, 400, 400]
    figure(f"logout tokens told again: tried {len(again)}, accepted {again.count(200)}")
    assert await told(by_the_provider({**right, "jti": "another"}, provider)) == 200
    assert await standing(*seats, own) == [401, 200, 200]


async def standing(*seats: Browser) -> list[int]:
    """What each is answered now, not as of a second ago."""
    for seat in seats:
        transport: Any = seat.http._transport
        transport.app.state.service.sessions.forget(seat.http.cookies["renkei"])
    return [(await seat.http.get("/v1/me")).status_code for seat in seats]


async def test_with_a_login_ends_what_it_has_opened_and_nothing_else(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, person, seat = await on_staff(provider, at_home, region, settings)
    _, _, elsewhere = await on_staff(provider, at_home, region, settings)
    own, admin = await person.sign_in(browser(at_home)), admin_of(at_home, region)
    where = f"/v1/organizations/{clinic.id}/login-provider"
    said = {k: v for k, v in (await admin.get(where)).json().items() if v and k not in DERIVED}

    async def in_again() -> None:
        sits_there(provider, person, amr=["otp"])
        assert (await signed_in(seat, clinic)).url.path == "/"
        assert await standing(seat, elsewhere, own) == [200, 200, 200]

    await in_again()
    assert (await admin.put(where, {**said, "client_secret": SECRET})).status_code == 200
    assert await standing(seat, elsewhere, own) == [200, 200, 200]
    narrower = {**said, "second_factor": {"acr": [], "amr": ["otp"]}}
    assert (await admin.put(where, narrower)).status_code == 200
    assert await standing(seat, elsewhere, own) == [401, 200, 200]
    await in_again()
    began = time.monotonic()
    assert (await admin.call("DELETE", where)).status_code == 204
    while (await seat.http.get("/v1/me")).status_code == 200:
        assert time.monotonic() < began + 5
        await asyncio.sleep(0.05)
    figure(f"a login removed: what it has opened is over after {time.monotonic() - began:.1f} s")
    assert await standing(seat, elsewhere, own) == [401, 200, 200]
    assert (await admin.put(where, {**said, "client_secret": SECRET})).status_code == 201
    assert await standing(seat, elsewhere, own) == [401, 200, 200]
    await in_again()
    assert (await admin.post(f"/v1/organizations/{clinic.id}/suspension", {"reason": "休止"})).status_code == 201
    assert (await admin.call("DELETE", f"/v1/organizations/{clinic.id}/suspension")).status_code == 204
    assert await standing(seat, elsewhere, own) == [401, 200, 200]


TURNED = "UPDATE login_providers SET set_at = now() WHERE organization_id = %s"
"""Another in its place: what ends its sessions is done already when it is looked up."""


async def test_a_login_changed_while_somebody_comes_back_lets_nobody_in(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, _, inside = await on_staff(provider, at_home, region, settings)

    def removed(body: dict[str, Any]) -> dict[str, Any]:
        with owner(settings) as database:
            database.execute(TURNED, [clinic.id])
        return body

    provider.alter["/token"] = removed  # when we have looked up the provider, and wait for its answer
    seat = browser(at_home)
    assert (await signed_in(seat, clinic)).status_code == 422
    assert (await seat.http.get("/v1/me")).status_code == 401
    await inside.open("/login/again")
    assert (await place(inside, await inside.send("/login/again/organization"))).status_code == 403
    provider.alter.clear()
    await inside.open("/login/again")
    assert (await place(inside, await inside.send("/login/again/organization"))).status_code == 200
    other, back = browser(at_home), await came_back(await left(seat := browser(at_home), clinic))
    assert (await signed_in(other, clinic)).url.path == "/"
    with owner(settings) as database:
        database.execute(
            "UPDATE login_providers SET issuer = 'https://x.example' WHERE organization_id = %s", [clinic.id]
        )
    assert (await seat.open(back.removeprefix(ORIGIN))).status_code == 422
