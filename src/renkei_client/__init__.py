"""A vendor's side of renkei: tokens, retries, pages, the feed and webhooks, so that a program only says what it wants.

    from renkei_client import FileCursor, Key, Renkei, User

    with Renkei("https://renkei.example.jp", Key("rk-…", "private.pem", "2026-11"), "komorebi-nursing") as renkei:
        nurse = renkei.acting(User("sakuma", "佐久間 恵", "nurse"))
        patient = nurse.register(person)
        kept = nurse.submit_care_report(patient.id, report)
        for change in renkei.follow(FileCursor("cursor")):
            ...

What is sent and answered is JSON as docs/http.md has it, as plain dictionaries. Synchronous, and safe to use from several
threads; an asyncio program calls it by ``asyncio.to_thread`` (docs/decisions/0059). It imports nothing of the service.
"""

from renkei_client.client import Kept, Registered, Renkei
from renkei_client.credentials import Key, Secret, User
from renkei_client.errors import (
    Conflict,
    CursorAhead,
    Fault,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    RenkeiError,
    ServerFault,
    TokenRefused,
    TooMany,
    Unauthorized,
    Unreachable,
    WebhookRefused,
)
from renkei_client.feed import Change, ChangesPage, Cursor, FileCursor
from renkei_client.webhooks import Event, verify

__all__ = [
    "Change",
    "ChangesPage",
    "Conflict",
    "Cursor",
    "CursorAhead",
    "Event",
    "Fault",
    "FileCursor",
    "Forbidden",
    "Invalid",
    "Kept",
    "Key",
    "NotFound",
    "PreconditionFailed",
    "Problem",
    "Registered",
    "Renkei",
    "RenkeiError",
    "Secret",
    "ServerFault",
    "TokenRefused",
    "TooMany",
    "Unauthorized",
    "Unreachable",
    "User",
    "WebhookRefused",
    "verify",
]
