"""How soon what is taken away is gone, by the clock: told to one process of the service, asked of another."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
from tests.access.signing import Signer, System
from tests.access.world import figure
from tests.factories import Region, Vendor
from tests.people.posts import Staff
from tests.people.ways import served

from renkei.settings import Settings

EC, WIDE = Signer.make("ec"), Signer.make("wide", "P-384")
LONGEST = 1.5
"""Seconds after which the test gives up: a second, and what a slow machine takes to answer."""

Taken = Callable[[], Awaitable[httpx.Response]]


async def over_after(there: httpx.AsyncClient, headers: dict[str, str], taken: Taken) -> float:
    """Seconds from the answer that it is taken away until the other process refuses it, which has just let it in."""
    assert (await there.get("/v1/me", headers=headers)).status_code == 200
    done = await taken()
    assert done.status_code in (200, 201), done.text
    began = time.perf_counter()
    while (await there.get("/v1/me", headers=headers)).status_code == 200:
        assert time.perf_counter() - began < LONGEST
        await asyncio.sleep(0.02)
    return time.perf_counter() - began


async def bearer(vendor: Vendor) -> dict[str, str]:
    return {"Authorization": f"Bearer {await vendor.token('nurse')}"}


async def test_what_is_taken_away_is_over_within_a_second_in_every_process(region: Region, settings: Settings) -> None:
    admin, because = region.admin, {"reason": "終了"}
    delegated, disabled, suspended, renewed, staffed = [await region.found() for _ in range(5)]
    keyed, staff = await System.found(region, EC), Staff.of(staffed, settings)
    (delegation,) = (await admin.get(f"/v1/delegations?organization={delegated.id}")).json()["items"]
    signed = (await keyed.ask()).json()["access_token"]
    post, cookie = staff.member("nurse")
    keys = {"jwks": {"keys": [WIDE.jwk]}}
    ways: dict[str, tuple[dict[str, str], Taken]] = {
        "delegation ended": (
            await bearer(delegated),
            lambda: admin.post(f"/v1/delegations/{delegation['id']}/end", because),
        ),
        "client suspended": (
            await bearer(disabled),
            lambda: admin.post(f"/v1/clients/{disabled.client_id}/suspension", because),
        ),
        "organization suspended": (
            await bearer(suspended),
            lambda: admin.post(f"/v1/organizations/{suspended.id}/suspension", because),
        ),
        "secret renewed": (
            await bearer(renewed),
            lambda: admin.post(f"/v1/clients/{renewed.client_id}/secret", because),
        ),
        "key revoked": (
            {"Authorization": f"Bearer {signed}"},
            lambda: admin.put(f"/v1/clients/{keyed.client_id}/keys", keys),
        ),
        "member's post ended": (
            {"Cookie": f"renkei={cookie}"},
            lambda: admin.post(f"/v1/members/{post}/end", because),
        ),
    }
    async with served(settings, issuer=settings.issuer) as there:
        times = await asyncio.gather(*(over_after(there, *way) for way in ways.values()))
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in zip(ways, times, strict=True))
    figure(f"revocation by the clock: {told}; the longest {max(times):.2f} s")
