"""Sessions: no fixation, no other site's request, and an end within a second."""

import asyncio
import re
import time

import httpx
import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor
from tests.http.inside import as_owner
from tests.people.staff import PASSWORD, Browser, Person, email, enrol, hired, invited, path_of
from tests.people.ways import hired as seated
from tests.people.ways import served

from renkei.access.sessions import cookie_hash
from renkei.main import PAGES
from renkei.settings import Settings

FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://test.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)
TOKENS = ("", "0" * 64, "é" * 64)
FORMS = sorted(
    {
        (method, route.path)
        for page in PAGES
        for route in page.router.routes
        for method in route.methods - {"GET", "HEAD"}
    }
)


def cookie(browser: Browser) -> str:
    return str(browser.http.cookies["renkei"])


async def alive(http: httpx.AsyncClient, value: str) -> bool:
    other = Browser.new(http)
    other.http.cookies["renkei"] = value
    return "/logout" in (await other.open("/")).text


async def test_every_step_gives_another_cookie_and_ends_the_one_before(
    http: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station, "nurse", None)
    browser = Browser.new(http)
    planted = "planted-by-somebody-who-waits"
    browser.http.cookies.set("renkei", planted, domain="test.local")
    await browser.open("/login")
    await browser.send("/login", email=person.email, password=PASSWORD)
    pending = cookie(browser)
    assert (await browser.http.get("/v1/me")).status_code == 401
    assert (await browser.open("/account")).url.path == "/login"
    await browser.open("/login/second-step")
    await browser.send("/login/second-step", code=person.code())
    hatless = cookie(browser)
    posts = re.findall(r'name="member" value="([^"]+)"', (await browser.open("/account")).text)
    await browser.send("/account/post", member=posts[1])
    seen = [planted, pending, hatless, cookie(browser)]
    assert len(set(seen)) == 4 and all(len(value) == 43 for value in seen[1:])
    assert [await alive(http, value) for value in seen] == [False, False, False, True]
    kept = as_owner(settings, "SELECT secret_hash FROM sessions WHERE secret_hash = %s", cookie_hash(seen[3]))
    assert len(kept) == 1 and b"".join(bytes(row[0]) for row in kept) != seen[3].encode()
    figure("session fixation: cookies planted or of an earlier step that still open 0 of 3")


async def test_what_changes_how_one_signs_in_changes_the_cookie(http: httpx.AsyncClient, region: Region) -> None:
    person = await hired(http, region.admin, await region.found("visiting_nursing"))
    browser, new = await person.sign_in(), "another-trombone-kiosk"
    seen = [cookie(browser)]
    await browser.open("/account")
    done = await browser.send("/account/password", current=PASSWORD, new=new, again=new)
    assert "パスワードを変えました" in done.text
    seen.append(cookie(browser))
    assert (
        len(re.findall(r"<li>[A-Z2-9-]{19}<", (await browser.send("/account/recovery-codes", current=new)).text)) == 10
    )
    seen.append(cookie(browser))
    english = await browser.http.get("/account", headers={"Accept-Language": "en"})
    assert "Authenticator app: set up. Recovery codes left: 10" in english.text
    await browser.send("/account/second-factor", current=new)
    await enrol(person, browser, "/account/second-factor/confirmation")
    seen.append(cookie(browser))
    assert [await alive(http, value) for value in seen] == [False, False, False, True]
    assert (await browser.open("/account")).url.path == "/account"


async def test_signing_in_over_an_open_session_ends_it(http: httpx.AsyncClient, region: Region) -> None:
    """At the station's tablet, say: whose session it was is as over as if they had signed out."""
    station = await region.found("visiting_nursing")
    one, other = await hired(http, region.admin, station), await hired(http, region.admin, station)
    browser = await one.sign_in()
    first = cookie(browser)
    await browser.open("/login")
    await browser.send("/login", email=other.email, password=PASSWORD)
    half_way = cookie(browser)
    assert not await alive(http, first)
    await other.sign_in(browser)
    assert [await alive(http, value) for value in (half_way, cookie(browser))] == [False, True]
    assert (await browser.http.get("/v1/me")).status_code == 200


async def test_cookies_say_who_may_read_and_send_them(http: httpx.AsyncClient, region: Region) -> None:
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station)
    browser = Browser.new(http)
    await browser.open("/login")
    answer = await browser.send("/login", follow=False, email=person.email, password=PASSWORD)
    (said,) = [value for name, value in answer.headers.multi_items() if name == "set-cookie"]
    assert re.fullmatch(r"renkei=[\w-]{43}; HttpOnly; Path=/; SameSite=lax", said)


async def test_where_there_is_tls_cookies_are_this_hosts_alone(region: Region, settings: Settings) -> None:
    origin = "https://renkei.example.jp"
    async with served(settings, issuer=origin) as http:
        person = await seated(http, settings, (await region.found(), "nurse"))
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
        browser = Browser(httpx.AsyncClient(transport=http._transport, base_url=origin, headers=headers))
        said = (await browser.open("/login")).headers.get_list("set-cookie")
        answer = await browser.send("/login", follow=False, email=person.email, password=PASSWORD)
        said += answer.headers.get_list("set-cookie")
        await browser.open("/login/second-step")
        answer = await browser.send("/login/second-step", follow=False, code=person.code())
        said += answer.headers.get_list("set-cookie")
        assert (await browser.http.get("/v1/me")).status_code == 200
    names = [
        re.fullmatch(r"(__Host-renkei[a-z0-9-]*)=\S+; HttpOnly;( Max-Age=\d+;)? Path=/; SameSite=lax; Secure", one)
        for one in said
    ]
    assert all(names), said
    assert [one[1] for one in names if one][:3] == ["__Host-renkei-form", "__Host-renkei", "__Host-renkei"]
    assert len(said) == 4  # and the device


async def test_no_other_sites_page_changes_anything(http: httpx.AsyncClient, region: Region) -> None:
    """Every unsafe route: the API's by the cookie, the pages' forms; without the token, with another's, from elsewhere."""
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station, "nurse")
    browser = await person.sign_in()
    token, other = browser.form_token, (await (await person_of(http, region, station)).sign_in()).form_token
    sent = accepted = 0
    document = (await http.get("/openapi.json")).json()
    api = [
        (method.upper(), re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000000", path))
        for path, methods in document["paths"].items()
        for method in methods
        if method != "get" and path.startswith("/v1/")
    ]
    assert len(api) > 40 and len(FORMS) > 12
    for method, path in api:
        for headers in [*({"X-CSRF-Token": one} for one in TOKENS[:2]), {"X-CSRF-Token": other}, {}] + [
            {"X-CSRF-Token": token, **foreign} for foreign in FOREIGN[::2]
        ]:
            answer = await browser.http.request(method, path, headers=headers, json={})
            sent, accepted = sent + 1, accepted + (answer.status_code != 401)
    for method, path in FORMS:
        filled = {"email": person.email, "password": PASSWORD, "code": "000000"}
        for form, headers in (
            [({"form_token": one}, {}) for one in (*TOKENS, other)]
            + [({}, {})]
            + [({"form_token": token}, foreign) for foreign in FOREIGN]
        ):
            answer = await browser.http.request(
                method, path.replace("{token}", "x" * 43), data=filled | form, headers=headers
            )
            sent, accepted = sent + 1, accepted + (answer.status_code != 403)
    figure(f"forged requests: unsafe routes {len(api) + len(FORMS)}, sent {sent}, accepted {accepted}")
    assert accepted == 0
    assert (await browser.http.get("/v1/me")).status_code == 200


async def person_of(http: httpx.AsyncClient, region: Region, office: Vendor) -> Person:
    return await hired(http, region.admin, office)


@pytest.mark.parametrize("what", ["post", "organization", "session", "password"])
async def test_what_ends_is_over_within_a_second(
    http: httpx.AsyncClient, region: Region, settings: Settings, what: str
) -> None:
    station = await region.found("visiting_nursing")
    person = await hired(http, region.admin, station)
    browser, second = await person.sign_in(), await person.sign_in()
    assert (await browser.http.get("/v1/me")).status_code == 200
    if what == "post":
        (member,) = (await region.admin.get(f"/v1/members?organization={station.id}")).json()["items"]
        ended = await region.admin.post(f"/v1/members/{member['id']}/end", {"reason": "退職"})
        assert ended.status_code == 201 and ended.json()["state"] == "ended"
    elif what == "organization":
        path = f"/v1/organizations/{station.id}/suspension"
        assert (await region.admin.post(path, {"reason": "休止"})).status_code == 201
    elif what == "session":
        page = await second.open("/account")
        others = re.findall(r'name="session" value="([^"]+)"', page.text)
        assert len(others) == 2  # the one in which the app was set up, too
        for one in others:
            await second.send("/account/sessions/end", session=one)
    else:
        await second.open("/account")
        new = "another-trombone-kiosk"
        done = await second.send("/account/password", current=PASSWORD, new=new, again=new)
        assert done.status_code == 200
    began = time.perf_counter()
    while (await browser.http.get("/v1/me")).status_code == 200:
        await asyncio.sleep(0.02)
        assert time.perf_counter() - began < 1.5
    figure(f"revocation of a member by {what}: over after {time.perf_counter() - began:.2f} s")
    await asyncio.sleep(1)
    # And nothing else has ended.
    assert (await second.http.get("/v1/me")).status_code == (401 if what in ("post", "organization") else 200)


async def test_leaving_one_organization_leaves_the_others(http: httpx.AsyncClient, region: Region) -> None:
    one, two = await region.found("visiting_nursing"), await region.found()
    person = await hired(http, region.admin, one)
    member = await invited(region.admin, two.id, person.email, "physician")
    browser = await person.sign_in()
    await browser.open(path_of(member))
    await browser.send(path_of(member))
    (first,) = (await region.admin.get(f"/v1/members?organization={one.id}")).json()["items"]
    await region.admin.post(f"/v1/members/{first['id']}/end", {"reason": "退職"})
    again = await person.sign_in()
    assert (await again.http.get("/v1/me")).json()["organization"]["id"] == two.id


@pytest.mark.parametrize(
    ("column", "ago"), [("last_seen_at", "31 minutes"), ("expires_at", "1 second")], ids=["idle", "absolute"]
)
async def test_a_session_ends_by_itself(
    http: httpx.AsyncClient, region: Region, settings: Settings, column: str, ago: str
) -> None:
    station = await region.found("visiting_nursing")
    browser = await (await hired(http, region.admin, station)).sign_in()
    assert await alive(http, cookie(browser))
    await asyncio.sleep(1.1)
    as_owner(
        settings,
        f"UPDATE sessions SET {column} = now() - interval '{ago}' WHERE secret_hash = %s",  # noqa: S608 - two columns named above
        cookie_hash(cookie(browser)),
    )
    assert not await alive(http, cookie(browser))


async def test_no_path_of_another_host_is_gone_to(http: httpx.AsyncClient) -> None:
    for path in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/a//evil.example",
        "/x?y",
        "javascript:x",
    ):
        page = (await Browser.new(http).http.get("/login", params={"next": path})).text
        assert 'name="next" value="/"' in page
    assert email()
