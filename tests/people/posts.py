"""Members of staff in place of an organization's system: a post and an open session for each profession, put straight into the
database, so that a proof made for systems can be made for members too. How one signs in is tests/people/test_sign_in.py's."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
from tests.access.world import owner
from tests.factories import Vendor

from renkei.access.sessions import cookie_hash, form_token
from renkei.ids import new_id
from renkei.settings import Settings

COOKIE = "renkei"
ACCOUNT = "INSERT INTO accounts (id, email, name, audit_event_id) VALUES (%s, %s, '検査 花子', %s)"
POST = """
INSERT INTO members (id, organization_id, account_id, email, name, office, profession, valid_from, audit_event_id)
VALUES (%s, %s, %s, %s, '検査 花子', %s, %s, '2020-01-01', %s)
"""
SESSION = """
INSERT INTO sessions (id, account_id, member_id, secret_hash, stage, methods, agent, address, expires_at, audit_event_id)
VALUES (%s, %s, %s, %s, 'open', '{pwd,otp}', '', '', now() + interval '1 day', %s)
"""


@dataclass
class Staff(Vendor):
    """One member of each profession; called as a system is, ``by`` a profession. None: the organization's administrator."""

    settings: Settings | None = None
    members: dict[str | None, tuple[str, str]] = field(default_factory=dict)
    accounts: dict[str | None, str] = field(default_factory=dict)

    @classmethod
    def of(cls, vendor: Vendor, settings: Settings) -> "Staff":
        """Of the organization that this system acts for."""
        return cls(vendor.http, vendor.client_id, vendor.client_secret, vendor.organization, settings=settings)

    def hire(self, profession: str | None, accepted: bool = True) -> tuple[str, str]:
        """A new post; its id and the account's."""
        assert self.settings is not None
        with owner(self.settings) as connection:
            return _hired(connection, self.id, profession, accepted)

    def member(self, profession: str | None) -> tuple[str, str]:
        """The post with this profession and a cookie of its session, both made when first asked for."""
        if profession not in self.members:
            post, account = self.hire(profession)
            cookie = secrets.token_urlsafe(32)
            assert self.settings is not None
            with owner(self.settings) as connection:
                connection.execute(SESSION, [new_id(), account, post, cookie_hash(cookie), new_id()])
            self.members[profession], self.accounts[profession] = (post, cookie), account
        return self.members[profession]

    def account(self, profession: str | None) -> str:
        """Whose post it is."""
        self.member(profession)
        return self.accounts[profession]

    async def call(self, method: str, path: str, *, by: str | None = None, **options: Any) -> httpx.Response:
        """One request, as a script of a page of ours would send it."""
        _, cookie = self.member(by)
        said = {"Cookie": f"{COOKIE}={cookie}", "X-CSRF-Token": form_token(cookie), **options.pop("headers", {})}
        return await self.http.request(method, path, headers=said, **options)


def _hired(
    connection: psycopg.Connection, organization: str, profession: str | None, accepted: bool
) -> tuple[str, str]:
    account, post, email, event = str(new_id()), str(new_id()), f"m{secrets.token_hex(6)}@example.jp", new_id()
    office = "ordinary" if profession else "organization_admin"
    connection.execute(ACCOUNT, [account, email, event])
    connection.execute(POST, [post, organization, account if accepted else None, email, office, profession, event])
    return post, account
