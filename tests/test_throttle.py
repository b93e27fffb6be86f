"""Counting on one machine: together over processes, in memory of one size, whoever dies meanwhile."""

import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from renkei import throttle
from renkei.errors import TooManyRequests
from renkei.throttle import WINDOW_SECONDS, Limit, MachineStorage, Throttle, address_of, make_file

COUNTING = """
import sys, pathlib
from renkei.throttle import MachineStorage
storage = MachineStorage(pathlib.Path(sys.argv[1]), 3)
for line in sys.stdin:
    for _ in range(int(line)):
        counted = storage.incr("somebody", 60)
    print(counted, flush=True)
"""


class Process:
    """Another process that counts, when told to."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-c", COUNTING, str(file)]
        self.running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program

    def begin(self, times: int) -> None:
        assert self.running.stdin
        self.running.stdin.write(f"{times}\n")
        self.running.stdin.flush()

    def counted(self) -> int:
        assert self.running.stdout
        return int(self.running.stdout.readline())

    def count(self) -> int:
        self.begin(1)
        return self.counted()

    def kill(self) -> None:
        self.running.kill()
        self.running.communicate()


def test_processes_that_count_at_once_lose_nothing(tmp_path: Path) -> None:
    file, times = tmp_path / "counts", 8_000
    make_file(file, 3)
    processes = [Process(file) for _ in range(3)]
    try:
        while time.monotonic() % WINDOW_SECONDS > 50:
            time.sleep(0.5)  # all within one minute
        for process in processes:
            process.begin(times)
        assert max(process.counted() for process in processes) == 3 * times
    finally:
        for process in processes:
            process.kill()


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, in seconds."""
    at = [30.0]
    monkeypatch.setattr(throttle.time, "monotonic", lambda: at[0])
    return at


def test_processes_count_together_and_their_counts_outlive_them(tmp_path: Path) -> None:
    file = tmp_path / "counts"
    make_file(file, 3)
    assert file.stat().st_mode & 0o777 == 0o600
    first, second = Process(file), Process(file)
    try:
        counted = [process.count() for process in (first, second, first, second, second)]
        first.kill()
        third = Process(file)
        try:
            counted += [third.count(), second.count()]
        finally:
            third.kill()
    finally:
        first.kill()
        second.kill()
    # A minute may turn while the test runs; then counting begins anew, once.
    assert counted in [[*range(1, 8)], *([*range(1, n), *range(1, 9 - n)] for n in range(2, 8))]
    assert MachineStorage(file, 3).get("somebody") <= 7


def test_a_minute_begins_anew(minute: list[float]) -> None:
    counted = Throttle({Limit.client: 2}, MachineStorage())
    for second in (61, 119.9):
        minute[0] = second
        counted.count(Limit.client, "a")
    with pytest.raises(TooManyRequests) as refused:
        counted.count(Limit.client, "a")
    assert refused.value.headers["Retry-After"] == "1"
    minute[0] = 120
    counted.count(Limit.client, "a")


def test_looking_counts_nothing(minute: list[float]) -> None:
    counted = Throttle({Limit.client: 1}, MachineStorage())
    for _ in range(5):
        counted.require(Limit.client, "a")
    counted.count(Limit.client, "a")
    with pytest.raises(TooManyRequests):
        counted.require(Limit.client, "a")
    counted.require(Limit.client, "b")
    counted.require(Limit.address, "a")  # has no limit


def test_a_flood_of_addresses_takes_no_memory_and_stops_nobody(minute: list[float]) -> None:
    counted = Throttle({Limit.address: 300}, MachineStorage())
    for number in range(throttle.REMEMBERED):
        counted.count(Limit.address, f"warm {number}")
    tracemalloc.start()
    for number in range(10_000):
        counted.count(Limit.address, f"198.51.{number % 256}.{number // 256}")
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sys.stdout.write(f"limits: 10,000 addresses counted, memory grown by {grown / 1e6:.2f} MB\n")
    assert grown < 1_500_000  # what is remembered of the last few thousand
    for _ in range(290):
        counted.count(Limit.address, "192.0.2.1")


@pytest.mark.parametrize(
    ("client", "who"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:0db8:0001:0002"),
        (("fe80::1%eth0", 5), "fe80:0000:0000:0000"),
        (("::ffff:192.0.2.1", 5), "192.0.2.1"),
        (("not:an:address", 5), "not:an:address"),
        (("", 0), ""),
        (None, ""),
    ],
)
def test_whom_an_address_is_counted_as(client: tuple[str, int] | None, who: str) -> None:
    assert address_of(client) == who
