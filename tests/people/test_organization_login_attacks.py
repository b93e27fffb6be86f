"""A hospital's own login attacked between browser, provider and us: everything tried is counted, nothing of it may sign in."""

import secrets
from urllib.parse import parse_qs, parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from tests.access.oidc_provider import Provider
from tests.access.world import figure
from tests.factories import Region
from tests.people.hospital import came_back, connected, left, linked, on_staff, signed_in, sits_there
from tests.people.staff import Browser
from tests.people.ways import ORIGIN, browser, hired, stale

from renkei.settings import Settings


async def tried(seat: Browser, url: str) -> tuple[int, bool]:
    """Open what a provider, or an attacker, sends the browser to: the status, and whether anybody is signed in then."""
    answer = await seat.http.get(url.removeprefix(ORIGIN))
    return answer.status_code, (await seat.http.get("/v1/me")).status_code == 200


def changed(url: str, **parameters: str | None) -> str:
    parts = urlsplit(url)
    kept = {name: value for name, value in {**dict(parse_qsl(parts.query)), **parameters}.items() if value is not None}
    return parts._replace(query=urlencode(kept)).geturl()


async def test_no_answer_but_the_browsers_own_signs_in(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, other = [await connected(provider, at_home, region) for _ in range(2)]
    victim, attacker = [await hired(at_home, settings, (clinic, "nurse"), (other, "nurse")) for _ in range(2)]
    for one in (victim, attacker):
        sits_there(provider, one, amr=["otp"])
        for where in (clinic, other):
            await linked(browser(at_home), where, one)
    results: dict[str, bool] = {}

    async def fresh() -> tuple[Browser, str]:
        seat = browser(at_home)
        return seat, await came_back(await left(seat, clinic))

    sits_there(provider, victim, amr=["otp"])
    for how, wrong in {
        "state missing": {"state": None},
        "state empty": {"state": ""},
        "state another": {"state": secrets.token_urlsafe(32)},
        "state of no text": {"state": "\ud7ff\0"},
        "issuer another (mix-up)": {"iss": "https://evil.example"},
        "issuer empty": {"iss": ""},
        "code missing": {"code": None},
        "code another": {"code": secrets.token_urlsafe(64)},
        "an error": {"code": None, "error": "access_denied"},
        "an error beside the code": {"error": "server_error"},
    }.items():
        seat, back = await fresh()
        results[how] = (await tried(seat, changed(back, **wrong)))[1]
        results[f"{how}, then as it was"] = (await tried(seat, back))[1] and wrong.keys() != {"state"}
    seat, back = await fresh()
    results["state twice"] = (await tried(seat, back + "&state=" + parse_qs(urlsplit(back).query)["state"][0]))[1]
    seat, back = await fresh()
    results["another organization's callback"] = (await tried(seat, back.replace(clinic.id, other.id)))[1]
    seat, back = await fresh()
    results["no organization's callback"] = (await tried(seat, back.replace(clinic.id, "x")))[1]
    # The attacker's own answer in the victim's browser: who would write under whose name.
    sits_there(provider, attacker, amr=["otp"])
    _, foreign = await fresh()
    seat, own = await fresh()
    results["another browser's answer"] = (await tried(seat, foreign))[1]
    results["another browser's code under one's own state"] = (
        await tried(seat, changed(own, code=parse_qs(urlsplit(foreign).query)["code"][0]))
    )[1]
    results["a browser that was asked nothing"] = (await tried(browser(at_home), foreign))[1]
    # Once is once.
    seat, back = await fresh()
    same = browser(at_home)
    same.http.cookies = httpx.Cookies(seat.http.cookies)
    assert (await tried(seat, back)) == (303, True)
    results["replayed in the same browser"] = (await tried(same, back))[1]
    figure(f"attacks on the answer of an organization's login: tried {len(results)}, signed in {sum(results.values())}")
    assert [how for how, signed in results.items() if signed] == []


async def test_a_downgrade_of_pkce_or_a_code_of_another_question_is_refused_by_the_provider(
    provider: Provider, at_home: httpx.AsyncClient, region: Region
) -> None:
    clinic = await connected(provider, at_home, region)
    url = await left(browser(at_home), clinic)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43 == len(asked["state"]) == len(asked["nonce"])
    assert asked["redirect_uri"].endswith(f"/login/organizations/{clinic.id}/callback")
    again = dict(parse_qsl(urlsplit(await left(browser(at_home), clinic)).query))
    assert {name for name in asked if asked[name] == again[name]} == {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "code_challenge_method",
    }


@pytest.mark.parametrize(
    "next_page",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/%2f%2fevil.example", "javascript:x", "/a?b=/c"],
)
async def test_nobody_is_sent_on_to_another_host(
    next_page: str, provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, _, _ = await on_staff(provider, at_home, region, settings)
    seat = browser(at_home)
    back = await came_back(await left(seat, clinic, quote(next_page, safe="")))
    assert (await seat.http.get(back.removeprefix(ORIGIN))).headers["Location"] == "/"


async def test_a_provider_that_is_away_stops_its_own_sign_ins_alone(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, person, _ = await on_staff(provider, at_home, region, settings)
    seat = browser(at_home)
    back = await came_back(await left(seat, clinic))
    provider.down = True
    page = await seat.open(back.removeprefix(ORIGIN))
    assert page.status_code == 503 and "応答しません" in page.text
    await person.sign_in(browser(at_home))
    provider.down = False
    assert (await signed_in(browser(at_home), clinic)).url.path == "/"


async def test_another_subject_of_the_same_address_is_not_linked_beside_the_first(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, person, _ = await on_staff(provider, at_home, region, settings)
    provider.sits_there("another", email=person.email, email_verified=True, amr=["otp"])
    assert (await signed_in(browser(at_home), clinic)).status_code == 403


async def test_who_is_signed_in_otherwise_is_not_proved_again_by_a_provider(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic = await connected(provider, at_home, region)
    person = await hired(at_home, settings, (clinic, "nurse"))
    seat = await person.sign_in(browser(at_home))
    await stale(seat, settings)
    await seat.open("/login/again")
    assert "事業所のログインで確認する" not in (seat.last.text if seat.last else "")
    assert (await seat.send("/login/again/organization")).status_code == 404
