"""Having seals stamped (タイムスタンプ) by an authority outside: after their commit, so that sealing never waits for it.

An authority that is away, slow or lies leaves nothing behind but a line in the log: the newest seal is asked for again later.
"""

import asyncio
import logging
import random
import time
from base64 import b64encode
from collections.abc import Mapping
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.time_stamps import Moments, NoStamp, Stamp, Trust, question
from renkei.database import Row, transaction
from renkei.ids import now
from renkei.settings import Settings
from renkei.store.time_stamps import insert_stamp, next_to_stamp
from renkei.targets import RefusedTarget, Unreachable, ask_of_ours, require_target

LOOK_SECONDS = 2.0
ANSWER_SECONDS = 8.0
"""For everything: name, connection, answer. A worker that is told to end waits no longer."""
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 900.0
HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}

log = logging.getLogger("renkei.worker")


class Stamper:
    """Asks for the newest seal's stamp, at most every so many seconds. Several workers may: the first answer is kept."""

    def __init__(self, url: str, trust: Trust, seconds: int, headers: Mapping[str, str]) -> None:
        self.url, self.trust, self.seconds, self.headers = url, trust, seconds, headers
        self.failures = 0
        self._not_before = 0.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With the roots of the file. SystemExit where the settings cannot work: no stamp would ever be kept."""
        url, headers = settings.tsa_url or "", {**HEADERS, **_account(settings)}
        try:
            # A password does not cross a network without TLS; a digest may.
            require_target(url, allow_private=True, plain=headers == HEADERS)
        except RefusedTarget as error:
            raise SystemExit(f"RENKEI_TSA_URL: {error}") from error
        if settings.tsa_roots is None:
            raise SystemExit("RENKEI_TSA_ROOTS is not set: whom a time stamp is to be trusted from")
        try:
            trust = Trust.load(settings.tsa_roots, settings.tsa_policy)
        except (OSError, ValueError) as error:
            raise SystemExit(f"RENKEI_TSA_ROOTS, RENKEI_TSA_POLICY: {error}") from error
        return cls(url, trust, settings.tsa_seconds, headers)

    async def work(self, engine: AsyncEngine) -> bool:
        """One stamp, if one is due. Raises Unavailable. No transaction is held while the authority is waited for."""
        if time.monotonic() < self._not_before:
            return False
        async with transaction(engine) as tx:
            seal = await next_to_stamp(tx, self.seconds)
        if seal is None:
            return False
        try:
            stamp = await self._stamp(seal)
        except (RefusedTarget, Unreachable, NoStamp) as error:
            self._pause(seal.position, f"{error}")
        except Exception:  # a defect of ours with one answer must not end the worker
            log.exception("time stamp of seal %d", seal.position)
            self._pause(seal.position, "a defect")
        else:
            self.failures, self._not_before = 0, 0.0
            async with transaction(engine) as tx:
                insert_stamp(tx, seal.position, stamp.token, stamp.at)
            log.debug("seal %d was stamped", seal.position)
        return False

    async def _stamp(self, seal: Row) -> Stamp:
        asked, moment = question(seal.signature), now()
        answer = await ask_of_ours(self.url, asked.as_bytes(), self.headers, seconds=ANSWER_SECONDS)
        moments = Moments(seal.sealed_at, moment, now())
        return await asyncio.to_thread(self.trust.take, answer, seal.signature, asked, moments)

    def _pause(self, position: int, why: str) -> None:
        """Twice as long each time, up to a bound; not all workers at the same moment."""
        longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self.failures, 20), LONGEST_PAUSE_SECONDS)
        pause = longest * (0.5 + random.SystemRandom().random() / 2)
        self.failures, self._not_before = self.failures + 1, time.monotonic() + pause
        # What a stranger has written, cut and without line ends.
        log.warning("seal %d has no time stamp: %.300r; asked again in %d s", position, why, pause)


def _account(settings: Settings) -> dict[str, str]:
    """The account at an authority that has them (RFC 7617)."""
    if settings.tsa_user is None:
        return {}
    password = settings.tsa_secret.get_secret_value() if settings.tsa_secret else ""
    return {"Authorization": f"Basic {b64encode(f'{settings.tsa_user}:{password}'.encode()).decode()}"}
