"""Removing files that no row names: their transaction failed after they were put, or a crash came between."""

import logging
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.blobs import Area, Blobs
from renkei.database import transaction
from renkei.ids import now
from renkei.store import attachments

SWEEP_SECONDS = 6 * 3600.0
AGE = timedelta(hours=1)
"""No transaction is so long between putting a file and committing its row."""
FEW, SHARE = 100, 0.1
"""So many may be unused, or so large a share of all. More is no crash: it is another database than the files belong to."""

log = logging.getLogger("renkei.worker")


class Sweeper:
    """Looks through the attachments' files, page by page."""

    def __init__(self, blobs: Blobs, age: timedelta = AGE) -> None:
        self._blobs, self._age = blobs, age

    async def work(self, engine: AsyncEngine) -> bool:
        """One look through all of them; there is never more at once."""
        before = now() - self._age
        await self._blobs.sweep_spool(before)
        seen, unused = 0, list[str]()
        async for keys in self._blobs.kept(Area.attachments, before):
            async with transaction(engine) as tx:
                used = await attachments.used(tx, keys)
            seen += len(keys)
            unused += [key for key in keys if key not in used]
        if len(unused) > max(FEW, SHARE * seen):
            log.error("%d of %d files are named by no row: none removed; is this their database?", len(unused), seen)
            return False
        for key in unused:
            await self._blobs.delete(key)
        if unused:
            log.info("removed %d files that no row names", len(unused))
        return False
