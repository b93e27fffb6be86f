"""Processor time of a process and all it started."""

from dataclasses import dataclass

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
