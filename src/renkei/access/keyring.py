"""The service's own signing keys while it runs: noticed when they change, rotated and pruned by the operator.

A new key is published first and signs once everybody can know it; an old one verifies until its last token has ended.
No process is restarted, no token is refused.
"""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

from renkei.access.tokens import LONGEST_SECONDS, PUBLISHED_SECONDS, Keys, in_order, write_new_key
from renkei.ids import now

RELOAD_SECONDS = 2.0
MARGIN_SECONDS = 60
"""Beyond the life of the last token: what clocks of several machines may differ, and when each noticed."""

log = logging.getLogger("renkei.keys")


class KeyRing:
    """The keys of a folder, read again at most every RELOAD_SECONDS, when a file or who signs has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keys = Keys.load(folder)
        self._seen, self._next = self._stamp(), time.monotonic() + RELOAD_SECONDS

    @property
    def keys(self) -> Keys:
        """The keys that hold now. A folder that cannot be read, or a file that is no key, leaves those of before."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + RELOAD_SECONDS
            try:
                stamp = self._stamp()
                if stamp != self._seen:
                    self._keys, self._seen = Keys.load(self.folder), stamp
                    log.info("keys read again: %s signs", self._keys.signing_kid)
            except (OSError, ValueError) as error:
                log.error("keys cannot be read: %s", error)
        return self._keys

    def _stamp(self) -> list[tuple[str, int, bool]]:
        signs_from = now().timestamp() - PUBLISHED_SECONDS
        found = ((path.name, path.stat()) for path in in_order(self.folder))
        return [(name, stat.st_mtime_ns, stat.st_mtime <= signs_from) for name, stat in found]


def listed(folder: Path, moment: float) -> Iterator[dict[str, str]]:
    """The keys, oldest first: ``{"file", "kid", "state"}``; state: ``verifies``, ``signs`` or ``waits``."""
    keys, state = Keys.load(folder, moment), "verifies"
    for path, kid in zip(in_order(folder), keys.public_pem, strict=True):
        state = "signs" if kid == keys.signing_kid else "waits" if state in ("signs", "waits") else "verifies"
        yield {"file": path.name, "kid": kid, "state": state}


def rotate(folder: Path, moment: float) -> dict[str, str]:
    """Make the next key, which signs in PUBLISHED_SECONDS; where one waits already, that one."""
    last = list(listed(folder, moment))[-1]
    if last["state"] != "waits":
        taken = [int(path.stem) for path in in_order(folder) if path.stem.isdecimal()]
        write_new_key(folder, f"{max(taken, default=0) + 1:04d}.pem")
        last = list(listed(folder, moment))[-1]
    return last


def prune(folder: Path, moment: float) -> list[dict[str, str]]:
    """Remove what no token can name any more: the keys before one that has signed for the life of a token."""
    keys = list(listed(folder, moment))
    signing = next(key for key in keys if key["state"] == "signs")
    signs_since = (folder / signing["file"]).stat().st_mtime + PUBLISHED_SECONDS
    if signs_since + LONGEST_SECONDS + MARGIN_SECONDS > moment:
        return []
    old = [key for key in keys if key["state"] == "verifies"]
    for key in old:
        (folder / key["file"]).unlink()
    return old
