"""The ``renkei`` command, as whoever types it meets it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from renkei.cli import found
from renkei.embedded import EmbeddedPostgres
from renkei.settings import Settings
from tests.http.inside import as_owner


def renkei(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with these settings only."""
    return subprocess.run(  # noqa: S603 — this Python, and arguments of this file
        [sys.executable, "-c", "from renkei.cli import main; main()", *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RENKEI_")}
    return kept | {f"RENKEI_{name.upper()}": value for name, value in settings.items()}


def urls(settings: Settings) -> dict[str, str]:
    names = ("database_url", "worker_database_url", "owner_database_url")
    return {name: value.get_secret_value() for name in names if (value := getattr(settings, name))}


def test_help_names_every_command_in_two_languages() -> None:
    told = renkei("--help")
    assert told.returncode == 0 and told.stderr == ""
    for name in ("demo", "serve", "work", "migrate", "admin", "audit", "keys"):
        assert name in told.stdout
    assert "架空の地域" in told.stdout and "fictional region" in told.stdout


@pytest.mark.parametrize("command", [["serve"], ["migrate", "--check"]])
def test_without_a_database_it_says_so_in_one_line(tmp_path: Path, command: list[str]) -> None:
    told = renkei(*command, data_dir=str(tmp_path))
    assert told.returncode == 1 and "RENKEI_DATABASE_URL" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1 and list(tmp_path.iterdir()) == []


def test_a_database_that_does_not_answer_is_told_in_one_line(tmp_path: Path) -> None:
    told = renkei("admin", "甲", data_dir=str(tmp_path), database_url=f"postgresql://x@/y?host={tmp_path}")
    assert told.returncode == 1 and told.stderr.startswith("renkei admin:") and "Traceback" not in told.stderr


def test_it_finds_a_running_demo_and_prefers_what_is_given(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    running = Settings(data_dir=postgres.data_dir)
    seen = found(running)
    assert seen.owner_database_url is not None and seen.database_url is not None
    assert seen.owner_database_url.get_secret_value() == postgres.url("postgres", "renkei")
    assert seen.database_url.get_secret_value() == postgres.url("renkei_app", "renkei")
    assert postgres.running()  # and is left as it was
    given = Settings(data_dir=postgres.data_dir, worker_database_url=SecretStr("postgresql://w@/d"))
    assert found(given) is given
    with pytest.raises(SystemExit, match="no demo is running"):
        found(Settings(data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_migrate_and_check(settings: Settings, postgres: EmbeddedPostgres) -> None:
    assert renkei("migrate", **urls(settings)).returncode == 0
    assert renkei("migrate", "--check", **urls(settings)).returncode == 0
    by_demo = renkei("migrate", "--check", data_dir=str(postgres.data_dir))
    assert by_demo.returncode == 0, by_demo.stderr
    empty = renkei("migrate", "--check", owner_database_url=postgres.url("postgres", "postgres"))
    assert empty.returncode == 1 and "Traceback" not in empty.stderr


async def test_an_administrator_is_made_and_works(settings: Settings, http: httpx.AsyncClient) -> None:
    told = renkei("admin", "基盤の管理者", **urls(settings))
    assert told.returncode == 0, told.stderr
    made = json.loads(told.stdout)
    proof = (made["client_id"], made["client_secret"])
    token = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=proof)
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    assert (await http.get("/v1/me", headers=bearer)).json()["kind"] == "admin"


def test_the_worker_works_and_seals_until_told_to_stop(settings: Settings) -> None:
    assert renkei("admin", "封印される出来事", **urls(settings)).returncode == 0
    # Connected since then, so that it is this one and not the one before: it listens to signals by now.
    working = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'renkei_work' AND backend_start > %s"
    for number in (signal.SIGTERM, signal.SIGINT):
        ((began,),) = as_owner(settings, "SELECT clock_timestamp()")
        process = subprocess.Popen(
            [sys.executable, "-c", "from renkei.cli import main; main()", "work"],
            env=environment(**urls(settings), data_dir=str(settings.data_dir), seal_seconds="1"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(300):
            if as_owner(settings, working, began) != [(0,)] and settings.seal_journal.exists():
                break
            time.sleep(0.1)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0 and "Traceback" not in errors, errors
    assert settings.seal_journal.stat().st_mode & 0o777 == 0o600


def test_serving_with_several_workers(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", "from renkei.cli import main; main()", "serve"],
        env=environment(**urls(settings), data_dir=str(tmp_path), port=str(port), workers="2"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            assert _ready(client)
            keys = {client.get("/.well-known/jwks.json", headers={"Connection": "close"}).text for _ in range(12)}
            assert len(keys) == 1  # every worker signs with the same key
            counted = client.get("/metrics").text
            assert 'renkei_requests_total{action="keys.read",status="200"} 12.0' in counted
            assert "server" not in client.get("/healthz").headers
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM) and "Traceback" not in errors, errors
    assert (tmp_path / "keys" / "0001.pem").stat().st_mode & 0o777 == 0o600


def _ready(client: httpx.Client) -> bool:
    for _ in range(600):
        try:
            if client.get("/readyz").status_code == 200:
                return True
        except httpx.TransportError:
            time.sleep(0.1)
    return False
