"""Verifying the ledger against its seals (監査記録の検証): line by line, holding one seal's leaves at a time. Pure, no SQL.

The lines are those of an export; the database is verified by the same lines, read without a file in between:

- ``{"export", "exported_at", "from", "to", "first", "last"}`` once, first;
- for each seal ``{"seal": {…}}``, with ``"time_stamp": {"time", "token"}`` where it has one, then its events ``{"leaf": n, "digest": hex, "event": [columns]}`` in order, or
  ``{"leaf", "digest", "missing": [patient_id, id]}`` where the event is gone;
- ``{"event": [columns]}`` for each event without a seal; ``{"end": {"seals", "leaves", "unsealed"}}`` last.
"""

import binascii
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from renkei.access import seals
from renkei.access.tokens import verify_seal
from renkei.errors import Unauthorized
from renkei.schemas.answers import rfc3339

LATE = timedelta(minutes=10)
"""How long after the newest sealed event an older one may still come in: as ``store.seals.LATE``."""
FORMAT = 1
AT = seals.EVENT.index("at")


class Violation(NamedTuple):
    """Something that is not as it was sealed. id: of the event or seal, or the number of a line."""

    kind: str
    id: str


KINDS: Mapping[str, str] = {
    "altered": "記録が書き換えられた / an event is not what was sealed",
    "missing": "封印された記録がない / a sealed event is gone",
    "inserted": "封印の後から書き加えられた / an event was put in behind the seals",
    "late": "封印より古い記録が封印された / an event older than the seals before was sealed",
    "order": "封印の中の順序が違う / the leaves of a seal are not in their order",
    "root": "封印と記録が合わない / the leaves are not those that were sealed",
    "signature": "封印の署名が正しくない、または鍵が知られていない / a seal's signature does not hold, or its key is not known",
    "chain": "封印のつながりが切れている / a seal does not follow the one before",
    "journal": "控えにある封印がない、または違う / a seal of the journal is gone or another one",
    "stamp": "タイムスタンプが封印のものでない、または正しくない / a time stamp is not of its seal, or does not hold",
    "unreadable": "行が読めない / a line cannot be read",
    "truncated": "終わりが欠けている / the end is missing",
    "nothing": "検証するものがない / there is nothing to verify",
}
"""Every kind of violation, in words."""


Stamped = Callable[[bytes, str], datetime]
"""The moment a time stamp says, of its token and the seal's signature; ValueError where it does not hold."""


class Verifier:
    """Takes the lines one after the other; ``found`` grows by what is wrong, the counters tell what was seen.

    stamped: how time stamps are checked; without it they are counted only. longest: from a seal to its time stamp.
    """

    def __init__(
        self,
        public_pem: Mapping[str, str],
        journal: Iterable[Mapping[str, Any]] | None = None,
        stamped: Stamped | None = None,
    ) -> None:
        self.public_pem, self.stamped = public_pem, stamped
        self.longest = timedelta()
        self.found: list[Violation] = []
        self.counts = Counter[str]()
        self.header: Mapping[str, Any] = {}
        self._journal = _Journal(journal or ())
        self._seal: Mapping[str, Any] | None = None
        self._leaves: list[bytes] = []
        self._previous: str | None = None
        self._position = 0
        self._newest: datetime | None = None
        self._newest_here: datetime | None = None
        self._ended = False

    def take(self, line: Mapping[str, Any]) -> None:
        """One line."""
        self.counts["lines"] += 1
        try:
            if "leaf" in line:
                self._take_leaf(line)
            elif "event" in line:
                self._take_unsealed(line["event"])
            elif "seal" in line:
                self._take_seal(line["seal"])
                self._take_stamp(line["seal"], line.get("time_stamp"))
            elif "end" in line:
                self._take_end(line["end"])
            else:
                self._take_header(line)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            self._wrong("unreadable", self.counts["lines"])

    def finish(self) -> list[Violation]:
        """What is wrong, after the last line."""
        if not self._ended:
            self._wrong("truncated", self.counts["lines"])
        if not self.counts["seals"] and (self.counts["unsealed"] or not self._part):
            self._wrong("nothing", self.counts["unsealed"])
        if self.header.get("to") is None:
            for gone in self._journal.rest(str(self.header.get("exported_at", ""))):
                self._not_as_noted(gone)
        return self.found

    def _not_as_noted(self, gone: "_Noted") -> None:
        # The journal reaches further back than a part of the ledger does.
        if not (self._part and 0 < gone.position < int(self.header["first"])):
            self._wrong("journal", gone.id)

    @property
    def _part(self) -> bool:
        return self.header.get("from") is not None or self.header.get("to") is not None

    def _wrong(self, kind: str, id_: object) -> None:
        self.found.append(Violation(kind, str(id_)))

    def _take_header(self, line: Mapping[str, Any]) -> None:
        if line["export"] != FORMAT or self.header:
            raise ValueError
        self.header = line
        self._position = int(line["first"]) - 1 if line["from"] is not None else 0

    def _take_seal(self, seal: Mapping[str, Any]) -> None:
        self._close()
        self.counts["seals"] += 1
        self._seal, self._leaves, self._newest_here = seal, [], self._newest
        stated = seals.statement(seal)
        try:
            signed = verify_seal(self.public_pem, str(seal["signature"]))
        except Unauthorized:
            signed = None
        if signed != stated:
            self._wrong("signature", seal["id"])
        # Of a part, the seal before the first is not at hand: the chain is taken up where the part begins.
        taken_up = self.counts["seals"] == 1 and self.header.get("from") is not None
        if seal["position"] != self._position + 1 or not (taken_up or seal["previous"] == self._previous):
            self._wrong("chain", seal["id"])
        for gone in self._journal.until(int(seal["position"]), seals.canonical(seal)):
            self._not_as_noted(gone)
        self._position, self._previous = int(seal["position"]), seals.digest(stated).hex()

    def _take_stamp(self, seal: Mapping[str, Any], stamp: Mapping[str, Any] | None) -> None:
        """A stamp is also that of all seals before: each is named by the next."""
        self.counts["uncovered"] += 1
        if self._journal.stamp not in (None, stamp):
            self._wrong("stamp", seal["id"])
        if stamp is None:
            return
        self.counts["stamps"] += 1
        self.counts["uncovered"] = 0
        if self.stamped is None:
            return
        sealed = datetime.fromisoformat(seal["sealed_at"])
        try:
            at = self.stamped(binascii.a2b_base64(stamp["token"], strict_mode=True), seal["signature"])
        except ValueError:
            at = None
        if at is None or rfc3339(at) != stamp["time"] or at < sealed - seals.SKEW:
            self._wrong("stamp", seal["id"])
        else:
            self.longest = max(self.longest, at - sealed)

    def _take_leaf(self, line: Mapping[str, Any]) -> None:
        if self._seal is None:
            raise ValueError
        stored, event = bytes.fromhex(line["digest"]), line.get("event")
        if line["leaf"] != len(self._leaves):
            self._wrong("order", self._seal["id"])
        self._leaves.append(stored)
        self.counts["leaves"] += 1
        if event is None:
            self._wrong("missing", line["missing"][1])
            return
        if seals.leaf(event) != stored:
            self._wrong("altered", event[1])
            return
        at = datetime.fromisoformat(event[AT])
        if self._newest is not None and at < self._newest - LATE:
            self._wrong("late", event[1])
        if self._newest_here is None or at > self._newest_here:
            self._newest_here = at

    def _take_unsealed(self, event: list[Any]) -> None:
        self._close()
        self.counts["unsealed"] += 1
        if self._newest is not None and datetime.fromisoformat(event[AT]) < self._newest - LATE:
            self._wrong("inserted", event[1])
        else:
            self.counts["awaiting"] += 1

    def _take_end(self, end: Mapping[str, int]) -> None:
        self._close()
        self._ended = True
        if any(self.counts[name] != end[name] for name in ("seals", "leaves", "unsealed")):
            self._wrong("truncated", self.counts["lines"])

    def _close(self) -> None:
        """The seal whose leaves have all come: they must be those that were signed."""
        seal, self._seal = self._seal, None
        if seal is None:
            return
        root = seals.merkle_root(self._leaves).hex()
        if (seal["count"], seal["merkle_root"]) != (len(self._leaves), root):
            self._wrong("root", seal["id"])
        self._newest = self._newest_here


class _Noted(NamedTuple):
    position: int
    id: str
    sealed_at: str
    text: bytes
    stamp: object


class _Journal:
    """The journal beside the seals, both in order of position: read along, never as a whole."""

    def __init__(self, lines: Iterable[Mapping[str, Any]]) -> None:
        self.stamp: object = None  # of the seal last looked for, where whoever keeps the journal has one
        self._lines = self._noted(lines)
        self._next = next(self._lines, None)

    @staticmethod
    def _noted(lines: Iterable[Mapping[str, Any]]) -> Iterator[_Noted]:
        for number, line in enumerate(lines, 1):
            try:
                # What an auditor has kept of GET /v1/audit-seals carries the time stamp, too, if there was one by then.
                seal = {name: value for name, value in line.items() if name != "time_stamp"}
                told = (int(line["position"]), str(line["id"]), str(line["sealed_at"]), seals.canonical(seal))
                yield _Noted(*told, line.get("time_stamp"))
            except (KeyError, TypeError, ValueError):
                yield _Noted(0, f"line {number} of the journal", "", b"", None)

    def until(self, position: int, text: bytes) -> Iterator[_Noted]:
        """What the journal has up to this position and the seals have not, or have otherwise."""
        self.stamp = None
        while self._next is not None and self._next.position <= position:
            if self._next.position < position or self._next.text != text:
                yield self._next
            if self._next.position == position:
                self.stamp = self._next.stamp
            self._next = next(self._lines, None)

    def rest(self, until: str) -> Iterator[_Noted]:
        """What the journal has beyond the last seal; seals made after the export began are none of its business."""
        while self._next is not None:
            if self._next.sealed_at <= until:
                yield self._next
            self._next = next(self._lines, None)
