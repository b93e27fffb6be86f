"""A hospital's own login by the pages, against a real OpenID provider: whom it opens, what it may do, and how it is attacked."""

import re
from html import unescape

import httpx
from tests.access.oidc_provider import TWO_FACTORS, Provider
from tests.access.world import figure, owner
from tests.factories import Region, register
from tests.http.problems import problem
from tests.people.hospital import came_back, connected, linked, on_staff, signed_in, sits_there
from tests.people.ways import ORIGIN, browser, hired, stale

from renkei.access.sessions import cookie_hash
from renkei.settings import Settings


async def test_the_first_time_takes_ones_own_second_factor_and_then_no_more(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic = await connected(provider, at_home, region)
    nurse = await hired(at_home, settings, (clinic, "nurse"))
    sits_there(provider, nurse, amr=["pwd", "otp"])
    seat = browser(at_home)
    await linked(seat, clinic, nurse)
    assert (await seat.http.get("/v1/me")).json()["organization"]["id"] == clinic.id
    again = browser(at_home)
    page = await signed_in(again, clinic, "/account")
    assert page.url.path == "/account"
    assert (await again.http.get("/v1/me")).json()["profession"] == "nurse"


async def test_an_address_alone_opens_nothing_and_links_nothing(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, elsewhere = await connected(provider, at_home, region), await region.found()
    here = await hired(at_home, settings, (clinic, "nurse"))
    there = await hired(at_home, settings, (elsewhere, "nurse"))
    no_factor = await hired(at_home, settings, (clinic, "nurse"), with_totp=False)
    opened = []
    for person, claims in (
        (there, {"email_verified": True}),
        (here, {"email_verified": False}),
        (here, {"email_verified": "true"}),
        (no_factor, {"email_verified": True, "amr": ["otp"]}),
    ):
        provider.sits_there(f"evil-{person.email}", email=person.email, **claims)
        seat = browser(at_home)
        page = await signed_in(seat, clinic)
        assert page.status_code == 403, page.text
        opened.append((await seat.http.get("/v1/me")).status_code)
    sits_there(provider, here, amr=["otp"])
    seat = browser(at_home)
    for _ in range(2):
        page = await signed_in(seat, clinic)
        assert page.url.path == "/login/second-step"
        opened.append((await seat.http.get("/v1/me")).status_code)
        await seat.send("/login/second-step", code="000000")
    with owner(settings) as database:
        (count,) = database.execute(
            "SELECT count(*) FROM login_subjects WHERE organization_id = %s AND confirmed_at IS NOT NULL", [clinic.id]
        ).fetchone() or (None,)
    figure(
        f"sign-ins by an address that a provider asserts: tried {len(opened)}, opened {opened.count(200)}, linked {count}"
    )
    assert set(opened) == {401}
    assert count == 0


async def test_an_administrators_code_links_nothing(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    """Who sets the provider and gives the code would otherwise be any colleague."""
    clinic = await connected(provider, at_home, region)
    nurse, seat = await hired(at_home, settings, (clinic, "nurse")), browser(at_home)
    (member,) = (await region.admin.get(f"/v1/members?organization={clinic.id}")).json()["items"]
    given = await region.admin.post(f"/v1/members/{member['id']}/one-time-code", {"reason": "電話を紛失"})
    sits_there(provider, nurse)
    assert (await signed_in(seat, clinic)).url.path == "/login/second-step"
    assert (await seat.send("/login/second-step", code=given.json()["code"])).status_code == 422
    assert (await seat.send("/login/second-step", code=nurse.code())).url.path == "/"
    # Linked by its owner, the code stands in for the lost phone.
    again = browser(at_home)
    assert (await signed_in(again, clinic)).url.path == "/login/second-step"
    assert (await again.send("/login/second-step", code=given.json()["code"])).url.path == "/"


async def test_a_subject_opens_the_account_that_was_first_to_prove_itself(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    """One subject that asserts the addresses of two: whose second step comes later signs in, and is not linked."""
    clinic = await connected(provider, at_home, region)
    late, first = [await hired(at_home, settings, (clinic, "nurse")) for _ in range(2)]
    seats = []
    for person in (late, first):
        provider.sits_there("one-for-both", email=person.email, email_verified=True, amr=["otp"])
        seats.append(browser(at_home))
        assert (await signed_in(seats[-1], clinic)).url.path == "/login/second-step"
    for seat, person in zip(seats[::-1], (first, late), strict=True):
        assert (await seat.send("/login/second-step", code=person.code())).url.path == "/"
    again = browser(at_home)
    assert (await signed_in(again, clinic)).url.path == "/"
    assert f"({first.email})" in (await again.open("/account")).text


async def test_it_opens_the_posts_of_its_organization_and_no_other(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, other = await connected(provider, at_home, region), await region.found()
    patient = await register(other)
    person = await hired(at_home, settings, (clinic, "nurse"), (other, "physician"))
    sits_there(provider, person, acr=TWO_FACTORS, amr=["otp"])
    seat = browser(at_home)
    await linked(seat, clinic, person)
    with owner(settings) as database:
        posts = database.execute(
            "SELECT id, organization_id::text FROM members WHERE email = %s", [person.email]
        ).fetchall()
    elsewhere = next(str(post) for post, organization in posts if organization == other.id)
    assert (await seat.send("/account/post", member=elsewhere)).status_code == 404
    assert (await seat.http.get(f"/v1/patients/{patient}/summary")).status_code == 404
    with owner(settings) as database:
        database.execute(
            "UPDATE sessions SET member_id = %s WHERE member_id IS NOT NULL AND organization_id = %s",
            [elsewhere, clinic.id],
        )
    await stale(seat, settings)
    assert (await seat.http.get("/v1/me")).status_code == 401
    own = await person.sign_in(browser(at_home))
    await own.send("/account/post", member=elsewhere)
    assert (await own.http.get(f"/v1/patients/{patient}/summary")).status_code == 200


async def test_who_is_in_by_one_organizations_login_may_go_over_to_anothers(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    one, other = [await connected(provider, at_home, region) for _ in range(2)]
    person = await hired(at_home, settings, (one, "nurse"), (other, "nurse"))
    sits_there(provider, person, amr=["otp"])
    await linked(browser(at_home), other, person)
    seat = browser(at_home)
    await linked(seat, one, person)
    assert (await signed_in(seat, other)).url.path == "/"
    assert (await seat.http.get("/v1/me")).json()["organization"]["id"] == other.id


async def test_it_may_not_touch_what_opens_other_posts(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    _, person, seat = await on_staff(provider, at_home, region, settings)
    assert (await seat.open("/account/passkeys")).status_code == 403
    for path in ("/account/passkeys/question", "/account/passkeys"):
        assert (await seat.http.post(path, data={"form_token": seat.form_token, "answer": "{}"})).status_code == 403
    await seat.open("/account")
    for path in ("password", "second-factor", "second-factor/confirmation", "recovery-codes", "sessions/end"):
        said = {"form_token": seat.form_token, "current": person.password, "new": "kiosk-trombone-tulip"}
        assert (await seat.http.post(f"/account/{path}", data=said)).status_code == 403, path


async def test_claims_choose_among_posts_and_add_none(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    jobs = {"claim": "job", "values": {"RN": "nurse", "MD": "physician"}}
    where = {"claim": "facility", "values": ["hiiragi"]}
    clinic = await connected(provider, at_home, region, profession=jobs, organization=where)
    person = await hired(at_home, settings, (clinic, "nurse"), (clinic, "care_manager"), (clinic, None))
    sits_there(provider, person, amr=["otp"], job="RN", facility="hiiragi")
    await linked(browser(at_home), clinic, person)
    seat = browser(at_home)
    assert (await signed_in(seat, clinic)).url.path == "/"
    assert (await seat.http.get("/v1/me")).json()["profession"] == "nurse"
    with owner(settings) as database:
        posts = database.execute("SELECT id, profession FROM members WHERE email = %s", [person.email]).fetchall()
    for post, profession in posts:
        status = (await seat.send("/account/post", follow=False, member=str(post))).status_code
        assert status == (303 if profession == "nurse" else 404), profession
        await seat.open("/")
    other = next(post for post, profession in posts if profession == "care_manager")
    wear = "UPDATE sessions SET member_id = %s WHERE secret_hash = %s"
    with owner(settings) as database:
        database.execute(wear, [other, cookie_hash(seat.http.cookies["renkei"])])
    await stale(seat, settings)
    assert (await seat.http.get("/v1/me")).status_code == 401
    for claims in (
        {"job": "MD", "facility": "hiiragi"},
        {"job": "cleaner", "facility": "hiiragi"},
        {"facility": "hiiragi"},
        {"job": ["MD", "CEO"], "facility": "hiiragi"},
        {"job": {"RN": True}, "facility": "hiiragi"},
        {"job": "RN", "facility": "another"},
        {"job": "RN"},
    ):
        sits_there(provider, person, amr=["otp"], **claims)
        assert (await signed_in(browser(at_home), clinic)).status_code == 403, claims
    sits_there(provider, person, amr=["otp"], job=["CEO", "RN"], facility=["x", "hiiragi"])
    assert (await signed_in(browser(at_home), clinic)).url.path == "/"


async def test_who_has_left_is_not_let_in(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, person, _ = await on_staff(provider, at_home, region, settings)
    with owner(settings) as database:
        database.execute("UPDATE members SET ended_at = now() WHERE email = %s", [person.email])
    assert (await signed_in(browser(at_home), clinic)).status_code == 403
    with owner(settings) as database:
        database.execute("UPDATE members SET ended_at = NULL WHERE email = %s", [person.email])
    await region.admin.post(f"/v1/organizations/{clinic.id}/suspension", {"reason": "休止"})
    assert clinic.organization is not None
    assert (await browser(at_home).open(f"/login/organizations/{clinic.organization['code']}")).status_code == 404


async def test_without_two_factors_at_the_provider_ours_is_asked(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic, _, _ = await on_staff(provider, at_home, region, settings, amr=["pwd"])
    seat = browser(at_home)
    assert (await signed_in(seat, clinic)).url.path == "/login/second-step"
    assert (await seat.http.get("/v1/me")).status_code == 401


async def test_the_provider_proves_it_again_only_for_the_same_person_and_anew(
    provider: Provider, at_home: httpx.AsyncClient, region: Region, settings: Settings
) -> None:
    clinic = await connected(provider, at_home, region)
    person, colleague = [await hired(at_home, settings, (clinic, "physician")) for _ in range(2)]
    for one in (colleague, person):
        sits_there(provider, one, amr=["otp"])
        seat = browser(at_home)
        await linked(seat, clinic, one)
    await stale(seat, settings)
    patient = await register(await region.found())
    body = {"reason": "意識なし", "life_at_risk": True, "consent_unobtainable": True}

    async def opens() -> httpx.Response:
        return await seat.call("POST", f"/v1/patients/{patient}/emergency-access", json=body)

    async def again() -> httpx.Response:
        await seat.open("/login/again")
        page = await seat.send("/login/again/organization", next="/account")
        (url,) = re.findall(r'content="0; url=([^"]+)"', page.text)
        assert "max_age=0" in url
        return await seat.open((await came_back(unescape(url))).removeprefix(ORIGIN))

    assert problem(await opens(), 403, "forbidden")["reason_code"] == "not_proved_recently"
    sits_there(provider, colleague, amr=["otp"])
    assert (await again()).status_code == 403
    sits_there(provider, person, amr=["pwd"])
    assert (await again()).status_code == 403
    await seat.open("/")
    assert (await opens()).status_code == 403
    sits_there(provider, person, amr=["otp"])
    assert (await again()).url.path == "/account"
    await seat.open("/")
    assert (await opens()).status_code == 201
