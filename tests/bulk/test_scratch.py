"""What a worker has at hand on its machine does not outlive it."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from renkei.settings import Settings
from renkei.worker.labour import Labour
from renkei.worker.scratch import Scratch

KILLED = """
import os
from renkei.worker.scratch import Scratch
made = Scratch()
(made.path / "file").write_text("content")
print(made.path, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_worker_left_is_removed_and_what_a_living_one_has_is_not(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = killed(tmp_path)
    assert ended.returncode == -signal.SIGKILL
    left = Path(ended.stdout.strip())
    assert (left / "file").read_text() == "content"
    living = Scratch()
    (living.path / "file").write_text("content")
    try:
        asyncio.run(sweep(settings))
        assert list(tmp_path.iterdir()) == [living.path] and (living.path / "file").exists()
    finally:
        living.cleanup()
    assert list(tmp_path.iterdir()) == []


async def sweep(settings: Settings) -> None:
    """As a worker does when it begins, and then again and again."""
    labour = Labour.of(settings)
    assert labour is not None
    await labour.sweep()
    await labour.close()


def killed(folder: Path) -> subprocess.CompletedProcess[str]:
    """A process that held one and was killed."""
    return subprocess.run(  # noqa: S603 — this Python, and a text of this file
        [sys.executable, "-c", KILLED],
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
