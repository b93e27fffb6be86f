"""Processor time: of a process and all it started, and of the whole machine."""

import os
import time
from dataclasses import dataclass, field

import psutil


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Seconds of processor time that a tree of processes had used at some moment."""

    root: psutil.Process
    seconds: float

    @classmethod
    def of(cls, pid: int) -> "CpuTimes":
        """The tree below ``pid``, now."""
        root = psutil.Process(pid)
        return cls(root, _used(root))

    def since(self) -> float:
        """Seconds used since then."""
        return _used(self.root) - self.seconds


@dataclass(frozen=True, slots=True)
class Others:
    """What other programs take of the processors meanwhile: a figure measured beside them is not one of this code."""

    database: CpuTimes
    mine: CpuTimes = field(default_factory=lambda: CpuTimes.of(os.getpid()))
    busy: float = field(default_factory=lambda: _busy())
    begun: float = field(default_factory=time.monotonic)

    def share(self) -> float:
        """Of all processors, since then: 0 to 1. The server and the load generator are children of this process."""
        taken = _busy() - self.busy - self.mine.since() - self.database.since()
        return max(0.0, taken / (time.monotonic() - self.begun) / (os.cpu_count() or 1))


def _busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + getattr(times, "irq", 0) + getattr(times, "softirq", 0))


def _used(root: psutil.Process) -> float:
    # What has ended is counted with the parent that waited for it.
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
