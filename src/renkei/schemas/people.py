"""職員: what an address, a code and a browser look like to whoever signs in. Pure."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from uuid import UUID

EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?$"
"""ASCII only: no two logins look alike and differ."""
LONGEST_EMAIL = 254
TOTP_DIGITS, RECOVERY_LETTERS, ONE_TIME_LETTERS = 6, 16, 10
"""Codes are told apart by their length."""
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 letters and digits, none of which is read as another: five bits each."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What signs in. device: what it keeps since somebody signed in with it before; session: what it has open, whosever it is."""

    agent: str
    address: str
    device: str | None = None
    session: UUID | None = None

    @property
    def named(self) -> tuple[str, str]:
        """As the list of sessions shows it."""
        return self.agent, self.address


def login_of(email: str) -> str:
    """An address as it is kept and compared: full width and capitals are a matter of typing."""
    return unicodedata.normalize("NFKC", email).strip().lower()


def login_digest(email: str) -> bytes:
    """By which attempts are counted, whether or not there is such an account; what was typed may be a password."""
    return hashlib.sha256(b"login:" + login_of(email).encode("utf-8", "replace")).digest()


def is_email(email: str) -> bool:
    """Whether an account may have it."""
    return len(email) <= LONGEST_EMAIL and re.fullmatch(EMAIL, email) is not None


def code_of(text: str) -> str:
    """A code as it is compared, however it was typed: full width, small letters, with spaces and hyphens."""
    return re.sub(r"[\s‐-―ー−-]", "", unicodedata.normalize("NFKC", text[:64])).upper()


def grouped(code: str) -> str:
    """A code as it is shown: ``ABCD-EFGH``."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
