"""A hospital whose staff sign in by its own provider, and their browsers on the way there and back."""

import re
from html import unescape
from typing import Any

import httpx
from tests.access.oidc_provider import SECRET, TWO_FACTORS, Provider
from tests.factories import Region, Vendor
from tests.people.staff import Browser, Person
from tests.people.ways import ORIGIN, browser, hired

from renkei.settings import Settings


async def connected(provider: Provider, at_home: httpx.AsyncClient, region: Region, **said: Any) -> Vendor:
    """An organization whose staff sign in by this provider."""
    clinic = await region.found("hospital")
    body = {
        "issuer": provider.issuer,
        "client_id": f"renkei-{clinic.id}",
        "auth_method": "client_secret_basic",
        "client_secret": SECRET,
        "second_factor": {"acr": [TWO_FACTORS], "amr": ["otp"]},
        **said,
    }
    made = await admin_of(at_home, region).put(f"/v1/organizations/{clinic.id}/login-provider", body)
    assert made.status_code == 201, made.text
    provider.register(body["client_id"], made.json()["redirect_uri"])
    return clinic


def admin_of(at_home: httpx.AsyncClient, region: Region) -> Vendor:
    """The platform's administrator, at the service whose providers may lie on this machine."""
    return Vendor(at_home, region.admin.client_id, region.admin.client_secret)


async def left(seat: Browser, clinic: Vendor, next_page: str = "/") -> str:
    """Sent to the provider: where."""
    assert clinic.organization is not None
    page = await seat.open(f"/login/organizations/{clinic.organization['code']}?next={next_page}")
    assert page.status_code == 200, page.text
    return leads_to(await seat.send("/login/organizations", organization=clinic.organization["code"], next=next_page))


def leads_to(page: httpx.Response) -> str:
    """Where the page leads by itself."""
    assert page.status_code == 200, page.text
    return unescape(re.findall(r'content="0; url=([^"]+)"', page.text)[0])


async def place(seat: Browser, page: httpx.Response) -> httpx.Response:
    """Where a browser is after it went to the provider, as the page leads, and back."""
    return await seat.open((await came_back(leads_to(page))).removeprefix(ORIGIN))


async def came_back(url: str) -> str:
    """What the provider sends the browser back to."""
    async with httpx.AsyncClient() as elsewhere:
        answer = await elsewhere.get(url)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


async def signed_in(seat: Browser, clinic: Vendor, next_page: str = "/") -> httpx.Response:
    """To the provider and back."""
    return await seat.open((await came_back(await left(seat, clinic, next_page))).removeprefix(ORIGIN))


async def linked(seat: Browser, clinic: Vendor, person: Person) -> None:
    """The first sign-in, with one's own second factor."""
    page = await signed_in(seat, clinic)
    assert page.url.path == "/login/second-step", page.text
    assert (await seat.send("/login/second-step", code=person.code())).url.path == "/"


async def on_staff(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings, **claims: Any
) -> tuple[Vendor, Person, Browser]:
    """A hospital with a login of its own, a nurse there who has linked it, and the browser in which they did."""
    clinic = await connected(provider, at_home, region)
    person, seat = await hired(at_home, settings, (clinic, "nurse")), browser(at_home)
    sits_there(provider, person, **{"amr": ["otp"], **claims})
    await linked(seat, clinic, person)
    return clinic, person, seat


def sits_there(provider: Provider, person: Person, **claims: Any) -> None:
    provider.sits_there(person.email, email=person.email, email_verified=True, **claims)
