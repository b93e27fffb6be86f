"""Which passwords are refused, how they are kept, and that an address without an account is treated as one with."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest
from argon2 import Type, extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY
from hypothesis import given
from hypothesis import strategies as st
from tests.factories import Region
from tests.people.staff import Browser, email, hired
from tests.people.test_guesses import guess

from renkei.access import passwords
from renkei.access.passwords import WAITING, Passwords
from renkei.errors import TooManyRequests
from renkei.schemas.passwords import weaknesses
from renkei.store import accounts, attempts

SAKUMA = (("佐久間 恵", "サクマ メグミ"), "m.sakuma@komorebi.example.jp")


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Iterator[Passwords]:
    """As the service has it; the other tests use a cheaper one."""
    monkeypatch.setattr(passwords, "PROFILE", RFC_9106_LOW_MEMORY)
    made = Passwords()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("password", "alone", "beside"),
    [
        ("tulip-kiosk-74", [], []),
        ("tulipkio7#", ["short"], []),
        ("tulip7#", ["short"], ["short"]),
        ("sakuma-trombone-kiosk", ["own_name"], ["own_name"]),
        ("ＳＡＫＵＭＡ-trombone", ["own_name"], ["own_name"]),
        ("さくまのトロンボーンきいて", ["own_name"], ["own_name"]),
        ("佐久間のトロンボーン吹きたい", ["own_name"], ["own_name"]),
        ("komorebi-trombone-74", ["own_name"], ["own_name"]),
        ("kiosk19850402tulip", ["birthday"], ["birthday"]),
        ("kiosk-1985/4/2-tulip", ["birthday"], ["birthday"]),
        ("kiosk850402tulip", ["birthday"], ["birthday"]),
        ("02-04-1985-kiosk-x", ["birthday"], ["birthday"]),
        ("kiosk-739146-tulip", [], []),
        ("Password1234567", ["breached"], ["breached"]),
        ("qwertyuiopasdfgh", ["breached"], ["breached"]),
        ("aaaaaaaaaaaaaaaa", ["breached"], ["breached"]),
        ("p" * 201, ["long"], ["long"]),
    ],
)
def test_what_speaks_against_a_password(password: str, alone: list[str], beside: list[str]) -> None:
    assert [weakness.code for weakness in weaknesses(password, *SAKUMA, second_factor=False)] == alone
    assert [weakness.code for weakness in weaknesses(password, *SAKUMA, second_factor=True)] == beside


@pytest.mark.parametrize(
    ("kana", "written"),
    [
        ("サトウ", {"satou", "sato"}),
        ("イチロウ", {"ichirou", "ichiro", "itirou", "itiro"}),
        ("ショウジ", {"shouji", "shoji", "syouzi"}),
        ("ハットリ", {"hattori"}),
        ("シュンペイ", {"shunpei", "syunpei"}),
        ("フジ", {"fuji"}),
        ("オオタ", {"oota", "ota"}),
    ],
)
def test_a_name_in_kana_is_known_in_letters_too(kana: str, written: set[str]) -> None:
    for word in written:
        found = weaknesses(f"kiosk-{word}-tulip-74", (kana,), "x@example.jp", second_factor=True)
        assert [weakness.code for weakness in found] == ["own_name"], word


@given(st.text(max_size=300), st.text(max_size=40), st.booleans())
def test_no_text_is_too_odd_to_be_judged(password: str, name: str, second_factor: bool) -> None:
    for weakness in weaknesses(password, (name, None), "a@example.jp", second_factor):
        assert weakness.ja and weakness.en


async def test_a_password_is_kept_as_argon2id_of_rfc_9106(real: Passwords) -> None:
    kept = await real.hash("tulip-kiosk-74")
    found = extract_parameters(kept)
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 65536, 3, 4)
    assert kept != await real.hash("tulip-kiosk-74")
    assert await real.verify(kept, "ｔｕｌｉｐ-kiosk-74") and not await real.verify(kept, "tulip-kiosk-75")
    assert not await real.verify(None, "nobody's") and not real.outdated(kept)


async def test_no_more_wait_than_can_be_served(real: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    real._waiting = WAITING
    with pytest.raises(TooManyRequests):
        await real.hash("x")
    monkeypatch.setattr(real, "_waiting", 0)
    assert await asyncio.gather(*(real.verify(None, "x") for _ in range(3))) == [False] * 3


async def test_an_account_that_is_not_there_takes_the_same_steps(
    http: httpx.AsyncClient, region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same statements and the same hash; how equal the time is: ``python -m bench.passwords``."""
    person = await hired(http, region.admin, await region.found("visiting_nursing"))
    steps: list[str] = []

    def noted(owner: object, name: str) -> None:
        real = getattr(owner, name)

        async def step(*args: object, **options: object) -> object:
            steps.append(name)
            return await real(*args, **options)

        monkeypatch.setattr(owner, name, step)

    noted(accounts, "load_by_email")
    noted(attempts, "begin_attempt")
    noted(Passwords, "verify")
    told = []
    for who in (person.email, email()):
        steps.clear()
        browser = Browser.new(http)
        assert await guess(browser, who) == 422
        assert browser.last is not None
        told.append((tuple(steps), browser.last.text.replace(who, "").replace(browser.form_token, "")))
    assert told[0] == told[1] and told[0][0] == ("load_by_email", "begin_attempt", "verify")
