"""A vendor's receiver, word for word the one of docs/vendors.md, and a sender: both stay in step while all that runs is killed."""

import asyncio
import contextlib
import json
import random
import re
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.factories import Vendor, agree, join, register, report

from bench.place import scratch_folder
from bench.torture.rows import Row, row
from bench.torture.victim import Victim, until
from renkei_client import Renkei, Secret

PAGE = Path(__file__).parents[2] / "docs" / "vendors.md"
SCRIPT = re.compile(r"^cat > receiver\.py <<'PY'\n(.*?)^PY$", re.MULTILINE | re.DOTALL)
BETWEEN_REPORTS = (5, 15)
"""How many are sent between two kills."""


async def receiver(on: Victim, restarts: int) -> Row:
    """So often each of the receiver, the server and the worker is killed while reports are sent."""
    began, stop, written = time.monotonic(), threading.Event(), dict[str, str]()
    with scratch_folder("renkei-torture-") as place:
        async with on.serving("serve", "work"):
            clinic, nurses = await on.region.found(), await on.region.found("visiting_nursing")
            patient = await register(clinic)
            await join(clinic, nurses, patient)
            await agree(clinic, patient)
            running = Receiver(place, on.place.port, nurses)
            running.start()
            sending = asyncio.create_task(asyncio.to_thread(_send, on.place.port, clinic, patient, stop, written))
            for _ in range(restarts):
                for kill in (_kill_server, _kill_worker, _kill_receiver):
                    await _more(written, random.randint(*BETWEEN_REPORTS))
                    await kill(on, running)
            stop.set()
            await sending
            with contextlib.suppress(TimeoutError):  # then some are lost, and that is told
                await until(lambda: len(set(running.held())) >= len(written), 60)
            running.kill()
            held = running.held()
            with _client(on.place.port, nurses) as client:
                in_feed = [change.record_id for change in client.follow(_Nowhere(), kinds=_KINDS, until_end=True)]
    figures = {
        "acknowledged, not held": (len(set(written) - set(held)), 0),
        "held twice": (len(held) - len(set(held)), 0),
        "in the feed, not held": (len(set(in_feed) - set(held)), 0),
        "kept twice under one document id": (len(in_feed) - len(set(written.values())), 0),
    }
    told = f"{len(written)} reports, receiver, server and worker killed {restarts} times each"
    return row("receiver", f"{told}, in {time.monotonic() - began:.0f} s", figures)


_KINDS = ("care_report.submit",)


class _Nowhere:
    """A cursor from the beginning, kept nowhere."""

    def load(self) -> str | None:
        return None

    def save(self, cursor: str) -> None: ...


class Receiver:
    """The page's program in a process of its own, with the file that it keeps."""

    def __init__(self, place: Path, port: int, office: Vendor) -> None:
        (script,) = SCRIPT.findall(PAGE.read_text(encoding="utf-8"))
        self.place, self.server = place, f"http://127.0.0.1:{port}"
        (place / "receiver.py").write_text(script, encoding="utf-8")
        proof = {"client_id": office.client_id, "client_secret": office.client_secret}
        known = [{"label": "nurse-station", "organization": office.organization, **proof}]
        (place / "credentials.json").write_text(json.dumps(known), encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, or go on from where it got to."""
        arguments = [self.server, "credentials.json", "nurse-station", "receiver.db", "25"]
        self.process = subprocess.Popen([sys.executable, "receiver.py", *arguments], cwd=self.place)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def held(self) -> list[str]:
        """The ids of all reports it holds, as often as it holds them."""
        with contextlib.closing(sqlite3.connect(self.place / "receiver.db")) as kept:
            return [record for (record,) in kept.execute("SELECT record_id FROM reports")]


def _client(port: int, office: Vendor) -> Renkei:
    assert office.organization is not None
    proof = Secret(office.client_id, office.client_secret)
    return Renkei(f"http://127.0.0.1:{port}", proof, office.organization["code"], patience=float("inf"))


def _send(port: int, clinic: Vendor, patient: str, stop: threading.Event, written: dict[str, str]) -> None:
    """Report after report; what was acknowledged, by record and document id."""
    with _client(port, clinic) as client:
        while not stop.is_set():
            said = report()
            kept = client.submit_care_report(patient, said)
            written[kept.id] = said["source"]["document_id"]
            time.sleep(0.02)


async def _more(written: dict[str, str], reports: int) -> None:
    enough = len(written) + reports
    await until(lambda: len(written) >= enough)


async def _kill_server(on: Victim, running: Receiver) -> None:
    await on.kill("serve")
    await asyncio.sleep(random.uniform(0, 0.5))
    await on.start("serve")


async def _kill_worker(on: Victim, running: Receiver) -> None:
    await on.kill("work")
    await on.start("work")


async def _kill_receiver(on: Victim, running: Receiver) -> None:
    running.kill()
    running.start()
