"""What main.py made at start, found by every request in ``request.app.state.service``."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.identity import Identity
from renkei.access.passwords import Passwords
from renkei.access.providers import Providers
from renkei.access.sessions import Sessions
from renkei.blobs import Blobs
from renkei.secret_box import SecretBox
from renkei.settings import Settings
from renkei.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Service:
    """Settings, the database, the store of files, and what proves who asks: tokens, sessions, passwords, organizations' own logins, sealed secrets;
    and how often one may ask."""

    settings: Settings
    engine: AsyncEngine
    identity: Identity
    blobs: Blobs
    sessions: Sessions
    passwords: Passwords
    box: SecretBox
    throttle: Throttle
    providers: Providers
