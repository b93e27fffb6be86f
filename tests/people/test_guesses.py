"""Whoever guesses gets slow, and nobody is shut out of their own device by a colleague."""

import asyncio
import math
import time

import httpx
import pytest
from tests.access.world import figure
from tests.factories import Region
from tests.http.inside import as_owner
from tests.people.staff import PASSWORD, Browser, email, hired
from tests.people.ways import browser, served
from tests.people.ways import hired as seated

from renkei.schemas.people import login_digest
from renkei.settings import Settings
from renkei.store.attempts import CEILING, FREE, LONGEST_DELAY, delay

WRONG = "wrong-tulip-kiosk"


async def guess(browser: Browser, who: str, password: str = WRONG) -> int:
    await browser.open("/login")
    return (await browser.send("/login", email=who, password=password)).status_code


def strangers(settings: Settings, who: str, number: int, step: str) -> None:
    """So many wrong ones, each from another address, a minute ago."""
    as_owner(
        settings,
        "INSERT INTO sign_in_attempts (id, login, source, known_device, step, at, succeeded) "
        "SELECT gen_random_uuid(), %s, sha256(n::text::bytea), false, %s, now() - interval '1 minute', false "
        "FROM generate_series(1, %s) n",
        login_digest(who),
        step,
        number,
    )


def test_each_wrong_one_beyond_the_free_ones_doubles_the_wait() -> None:
    waits = [delay(n) for n in range(FREE + 14)]
    assert waits[: FREE + 1] == [0, 0, 0, 0, 0, 1]
    assert all(
        later in (2 * earlier, LONGEST_DELAY) for earlier, later in zip(waits[FREE:], waits[FREE + 1 :], strict=False)
    )
    assert waits[-1] == LONGEST_DELAY


def more(settings: Settings, who: str) -> None:
    """What failed, eight times over: from here on the waits are long, however slow this machine is."""
    as_owner(
        settings,
        "INSERT INTO sign_in_attempts SELECT gen_random_uuid(), login, source, known_device, step, now(), false "
        "FROM sign_in_attempts, generate_series(1, 7) WHERE login = %s AND NOT succeeded",
        login_digest(who),
    )


async def test_a_colleague_who_guesses_shuts_out_themselves_only(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    """Both sit behind one address; the victim's browser has been signed in before, the colleague's has not."""
    station = await region.found("visiting_nursing")
    victim, (first, colleague) = await hired(http, region.admin, station), (Browser.new(http), Browser.new(http))
    usual = await victim.sign_in(first)
    await usual.send("/logout")
    statuses = [await guess(colleague, victim.email) for _ in range(FREE)]
    more(settings, victim.email)
    statuses += [await guess(colleague, victim.email) for _ in range(3)]
    assert statuses == [422] * FREE + [429] * 3
    # Not even with the right password, from where the guesses came; but from the usual device at once.
    assert await guess(colleague, victim.email, PASSWORD) == 429
    await usual.open("/login")
    assert (await usual.send("/login", email=victim.email, password=PASSWORD)).url.path == "/login/second-step"
    figure(f"lock-out: a colleague at the same address gets {statuses.count(429)} x 429, the victim's device signs in")


@pytest.mark.parametrize("step", ["password", "second_factor"])
async def test_many_addresses_together_reach_a_ceiling_that_no_known_device_feels(
    http: httpx.AsyncClient, region: Region, settings: Settings, step: str
) -> None:
    station = await region.found("visiting_nursing")
    victim = await hired(http, region.admin, station)
    usual = await victim.sign_in()
    await usual.send("/logout")
    strangers(settings, victim.email, CEILING[step][0] - 1, step)
    new = Browser.new(http)
    await new.open("/login")
    path = "/login"
    if step == "second_factor":
        path = "/login/second-step"
        await new.send("/login", email=victim.email, password=PASSWORD)
    wrong = {"email": victim.email, "password": "wrong-tulip", "code": "000000"}
    assert (await new.send(path, **wrong)).status_code == 422
    refused = await new.send(path, **wrong)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 60
    await victim.sign_in(usual)


async def test_what_an_address_is_refused_for_keeps_no_known_device_out(region: Region, settings: Settings) -> None:
    """A whole office has one address: neither a guessing colleague nor a system with old tokens shuts the others out."""
    station = await region.found("visiting_nursing")
    async with served(settings, refused_tokens_per_minute_address=4) as http:
        victim, colleague = await seated(http, settings, (station, "nurse")), browser(http)
        usual = await victim.sign_in(browser(http))
        await usual.send("/logout")
        # Each another's address, so that it is the network address that is counted; more than fit into one minute's turn.
        refused = [await guess(colleague, email()) for _ in range(10)]
        assert refused[0] == 422 and 429 in refused
        await usual.open("/login")
        page = await usual.send("/login", email=victim.email, password=PASSWORD)
        assert page.url.path == "/login/second-step"


async def test_half_way_in_nobody_uses_up_what_the_member_may_ask(region: Region, settings: Settings) -> None:
    station = await region.found("visiting_nursing")
    async with served(settings, requests_per_minute_member=3) as http:
        victim, thief = await seated(http, settings, (station, "nurse")), browser(http)
        await thief.open("/login")
        await thief.send("/login", email=victim.email, password=PASSWORD)
        assert {(await thief.open("/login/second-step")).status_code for _ in range(8)} == {200}


async def test_many_at_once_are_many(http: httpx.AsyncClient, region: Region) -> None:
    """Counted before anything is compared: a hundred parallel guesses are not a hundred free ones."""
    station = await region.found("visiting_nursing")
    victim = await hired(http, region.admin, station)
    browsers, began = [Browser.new(http) for _ in range(20)], time.monotonic()
    statuses = await asyncio.gather(*(guess(browser, victim.email) for browser in browsers))
    # On a slow machine the first waits may be over meanwhile; each doubles.
    over = math.log2(time.monotonic() - began + 1)
    assert FREE <= statuses.count(422) <= FREE + over and statuses.count(422) + statuses.count(429) == 20


async def test_an_address_without_an_account_is_slowed_alike(http: httpx.AsyncClient, settings: Settings) -> None:
    nobody, browser = email(), Browser.new(http)
    assert [await guess(browser, nobody) for _ in range(FREE)] == [422] * FREE
    more(settings, nobody)
    assert await guess(browser, nobody) == 429


async def test_the_device_of_one_account_is_a_stranger_to_another(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    """Whoever can sign in as themselves has a cookie of theirs; sent under another's name it makes no device known."""
    station = await region.found("visiting_nursing")
    thief, victim = await hired(http, region.admin, station), await hired(http, region.admin, station)
    browser = await thief.sign_in()
    (name, value), *_ = [(n, v) for n, v in browser.http.cookies.items() if "device" in n]
    forged = f"renkei-device-{login_digest(victim.email).hex()[:16]}"
    assert name != forged
    browser.http.cookies[forged] = value
    await browser.send("/logout")
    assert [await guess(browser, victim.email) for _ in range(FREE)] == [422] * FREE
    more(settings, victim.email)
    # Counted by address as any stranger's, and so together with another browser there.
    assert await guess(browser, victim.email) == await guess(Browser.new(http), victim.email, PASSWORD) == 429
