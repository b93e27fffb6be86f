"""Cookies, forms and pages of one's own, and what a session's row says of who is signed in. No browser, no database."""

from types import SimpleNamespace
from typing import Any

import pytest

from renkei.access.actor import Actor, Organization, SignedIn
from renkei.access.sessions import Session, Sessions, _session, form_token, is_form_token, own_page
from renkei.ids import new_id, now
from renkei.settings import Settings
from renkei.vocabulary import ActorKind, OrganizationKind, Profession


@pytest.mark.parametrize(
    ("issuer", "names", "origin"),
    [
        ("https://renkei.example:8443/a", ("__Host-renkei", "__Host-renkei-login"), "https://renkei.example:8443"),
        ("https://localhost", ("__Host-renkei", "__Host-renkei-login"), "https://localhost"),
        ("http://renkei.example", ("__Host-renkei", "__Host-renkei-login"), "http://renkei.example"),
        ("http://localhost:8000", ("renkei", "renkei-login"), "http://localhost:8000"),
        ("http://127.0.0.1:8000", ("renkei", "renkei-login"), "http://127.0.0.1:8000"),
        ("http://[::1]:8000", ("renkei", "renkei-login"), "http://[::1]:8000"),
    ],
)
def test_a_cookie_is_this_hosts_alone_but_on_ones_own_machine(issuer: str, names: tuple[str, str], origin: str) -> None:
    sessions = Sessions(None, Settings.model_construct(issuer=issuer))  # type: ignore[arg-type]  # asks no database here
    assert (sessions.cookie_name(), sessions.cookie_name("login"), sessions.origin) == (*names, origin)


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://renkei.example"}, True),
        ({"sec-fetch-site": "same-site", "origin": "https://renkei.example"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "https://renkei.example"}, True),
        ({"origin": "https://other.example", "host": "other.example"}, True),
        ({"origin": "https://evil.example", "host": "renkei.example"}, False),
        ({"origin": "null", "host": "renkei.example"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example", "host": "renkei.example"}, False),
    ],
)
def test_what_a_browser_says_of_who_asks(headers: dict[str, str], ours: bool) -> None:
    assert own_page(headers, "https://renkei.example") is ours


def test_a_form_is_its_cookies_alone() -> None:
    token = form_token("cookie")
    assert is_form_token("cookie", token)
    assert not any(is_form_token(*pair) for pair in (("other", token), ("cookie", ""), ("cookie", token + "\ud800")))


ID, ACCOUNT, POST, CLINIC, WHEN = new_id(), new_id(), new_id(), new_id(), now()
ROW: dict[str, Any] = {
    "id": ID,
    "account_id": ACCOUNT,
    "email": "h@example.jp",
    "name": "花子",
    "stage": "open",
    "methods": ["pwd", "otp"],
    "authenticated_at": WHEN,
    "vouched_by": None,
    "professions": None,
    "by_second": True,
    "fresh": True,
    "member_id": POST,
    "office": "ordinary",
    "profession": "nurse",
    "organization_id": CLINIC,
    "code": "c",
    "organization_name": "n",
    "kind": "clinic",
}
NO_POST = dict.fromkeys(("member_id", "office", "profession", "organization_id", "code", "organization_name", "kind"))
HERE = Organization(CLINIC, "c", "n", OrganizationKind.clinic)


def read(**changes: Any) -> Session:
    return _session(SimpleNamespace(**{**ROW, **changes}))  # type: ignore[arg-type]  # a row in all that is asked of it


def test_who_acts_by_a_session() -> None:
    signed = SignedIn(ID, ACCOUNT, POST, ("pwd", "otp"), WHEN, True)
    nurse = Actor(ActorKind.member, None, HERE, (Profession.nurse,), str(ACCOUNT), "花子", signed_in=signed)
    assert read() == Session(ID, ACCOUNT, "h@example.jp", "花子", "open", nurse, None, None, True)
    office = read(office="organization_admin", profession=None).actor
    assert (office.kind, office.organization, office.professions) == (ActorKind.organization_admin, HERE, ())
    nobody = read(**NO_POST)
    assert (nobody.actor.kind, nobody.actor.organization, nobody.actor.professions) == (ActorKind.member, None, ())
    assert (nobody.is_open, nobody.has_hat, read().has_hat) == (True, False, True)
    vouched = read(vouched_by=CLINIC, professions=["nurse"], stage="otp")
    assert (vouched.vouched_by, vouched.professions) == (CLINIC, ("nurse",))
    assert (vouched.is_open, vouched.has_hat) == (False, False)


@pytest.mark.parametrize(("by_second", "fresh"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_second_factor_counts_while_it_is_fresh(by_second: bool, fresh: bool) -> None:
    found = read(by_second=by_second, fresh=fresh)
    assert found.actor.signed_in is not None and found.actor.signed_in.recently is (by_second and fresh)
    assert found.fresh is fresh
