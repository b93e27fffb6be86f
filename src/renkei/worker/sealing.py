"""Sealing the ledger (監査記録の封印): a signed statement about each batch of committed events, noted outside the database."""

import logging
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access import seals
from renkei.access.tokens import Keys, sign_seal
from renkei.database import transaction
from renkei.ids import new_id
from renkei.schemas.answers import rfc3339
from renkei.schemas.ledger import seal_json
from renkei.settings import Settings
from renkei.store.seals import insert_seal, load_after, next_batch
from renkei.worker.journal import Journal

AT_ONCE = 10_000
"""Events of one seal at most: hashed in a quarter of a second, kept in a short statement."""

log = logging.getLogger("renkei.worker")


class Sealer:
    """Seals what is committed. Its keys are not the tokens': seals are verified for years."""

    def __init__(self, keys: Keys, journal: Journal, seconds: float) -> None:
        self.keys, self.journal, self.seconds = keys, journal, seconds
        self._behind = True  # until the journal has been compared with the database once

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """With the keys and the journal of the data folder; the first key is made at the first start."""
        return cls(Keys.load(settings.seal_keys_dir), Journal(settings.seal_journal), settings.seal_seconds)

    async def work(self, engine: AsyncEngine) -> bool:
        """One seal, if events wait; whether more of them may. Noted after its commit, so that the journal knows no other."""
        sealed = await self.seal(engine)
        if sealed or self._behind:
            self._behind = True
            await self._note(engine)
            self._behind = False
        return sealed == AT_ONCE

    async def seal(self, engine: AsyncEngine, largest: int = AT_ONCE) -> int:
        """Seal the oldest events that wait; how many. Nothing while another worker seals."""
        async with transaction(engine) as tx:
            batch = await next_batch(tx, largest)
            if batch is None or not batch.events:
                return 0
            digests = [seals.leaf(event[: len(seals.EVENT)]) for event in batch.events]
            stated = {
                "id": str(new_id()),
                "position": batch.last.position + 1 if batch.last else 1,
                "count": len(digests),
                "merkle_root": seals.merkle_root(digests).hex(),
                "previous": seals.digest(seals.statement(seal_json(batch.last))).hex() if batch.last else None,
                "sealed_at": rfc3339(batch.sealed_at),
            }
            insert_seal(tx, {**stated, "signature": sign_seal(self.keys, stated)}, batch.events, digests)
        log.debug("sealed %d events", len(digests))
        return len(digests)

    async def _note(self, engine: AsyncEngine) -> None:
        """Append what the journal does not have yet, also what another worker has sealed meanwhile."""
        while True:
            noted = self.journal.last_position()
            async with transaction(engine) as tx:
                rows = await load_after(tx, noted, 1000)
            if not rows:
                return
            self.journal.append([seal_json(row) for row in rows])
