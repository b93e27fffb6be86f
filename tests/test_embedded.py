"""The embedded PostgreSQL: started, found, crashed, stopped, by a normal user and by root, and no folder opened for it.

Where root matters (another user, private folders above) each test asserts what holds for whoever runs it: as root the
server is another user's, otherwise it is the caller's own.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from renkei import postgres_user
from renkei.embedded import DEFAULTS, EmbeddedPostgres, EmbeddedPostgresError

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB"}
ROOT = os.geteuid() == 0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data", settings=FAST)
    yield server
    server.remove()


def ask(server: EmbeddedPostgres, sql: str) -> object:
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        row = connection.execute(sql.encode()).fetchone()
    return row[0] if row else None


def write(server: EmbeddedPostgres, sql: str) -> None:
    with psycopg.connect(server.url("postgres", "postgres")) as connection:
        connection.execute(sql.encode())


def pid(server: EmbeddedPostgres) -> int:
    return int((server.data_dir / "postgres/data/postmaster.pid").read_text().split()[0])


def folders_above(path: Path) -> dict[Path, int]:
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (path, *path.parents) if folder.exists()}


def test_a_fresh_cluster_is_up_within_five_seconds(server: EmbeddedPostgres) -> None:
    begun = time.perf_counter()
    server.start()
    seconds = time.perf_counter() - begun
    assert server.running()
    assert seconds < 5, f"{seconds:.1f} s"
    assert str(ask(server, "SHOW server_version")).startswith("18.")


def test_text_is_utf8_sorted_by_code_point_with_unicode_case(server: EmbeddedPostgres) -> None:
    server.start()
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SELECT upper('aéβ') || lower('Ａ')") == "AÉΒａ"
    assert (
        ask(server, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(array['イ', 'b', 'ア', 'A', 'a']) x") == "Aabアイ"
    )


def test_settings_reach_the_server_and_the_network_does_not(tmp_path: Path) -> None:
    given = {**FAST, "work_mem": "5MB", "application_name": "it's", "listen_addresses": "*"}
    server = EmbeddedPostgres(tmp_path / "data", settings=given)
    try:
        server.start()
        assert ask(server, "SHOW work_mem") == "5MB"
        assert ask(server, "SELECT boot_val <> 'it' FROM pg_settings WHERE name = 'application_name'") is True
        assert "application_name = 'it''s'" in (server.data_dir / "postgres/postgresql.conf").read_text()
        assert ask(server, "SHOW jit") == DEFAULTS["jit"]
        assert ask(server, "SHOW listen_addresses") == ""
        assert ask(server, "SHOW fsync") == "off"
    finally:
        server.remove()


@pytest.mark.parametrize("name", ["work mem", "x = 1\ny", "Fsync"])
def test_a_setting_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a PostgreSQL setting"):
        EmbeddedPostgres(tmp_path, settings={name: "on"})


def test_a_version_that_the_wheel_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="holds no PostgreSQL 9"):
        _ = EmbeddedPostgres(tmp_path, version=9).bin_dir


def test_there_is_no_url_before_there_is_a_cluster(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedPostgresError, match="no cluster"):
        EmbeddedPostgres(tmp_path).url("postgres", "postgres")


def test_url_quotes_what_it_is_given(server: EmbeddedPostgres) -> None:
    server.start()
    assert server.url("a@b", "c/d").startswith("postgresql://a%40b@/c%2Fd?host=/")


def test_data_survives_a_stop_and_a_start(server: EmbeddedPostgres) -> None:
    server.start()
    write(server, "CREATE TABLE kept AS SELECT 7 AS n")
    begun = time.perf_counter()
    server.stop()
    assert time.perf_counter() - begun < 10
    assert not server.running()
    server.start()
    assert ask(server, "SELECT n FROM kept") == 7


def test_a_second_holder_finds_the_server_and_does_not_stop_it(server: EmbeddedPostgres) -> None:
    server.start()
    with EmbeddedPostgres(server.data_dir) as second:
        assert second.url("u", "d") == server.url("u", "d")
        assert pid(second) == pid(server)
    assert server.running()
    second.stop(found=True)
    assert not server.running()


def test_a_running_transaction_does_not_hold_up_the_stop(server: EmbeddedPostgres) -> None:
    server.start()
    idle = psycopg.connect(server.url("postgres", "postgres"))
    idle.execute("SELECT 1")
    begun = time.perf_counter()
    server.stop()
    assert time.perf_counter() - begun < 10
    idle.close()


def test_recovers_after_kill_9(server: EmbeddedPostgres) -> None:
    server.start()
    write(server, "SET LOCAL synchronous_commit = on; CREATE TABLE kept AS SELECT 7 AS n")
    os.kill(pid(server), signal.SIGKILL)
    while server.running():
        time.sleep(0.01)
    assert (server.data_dir / "postgres/data/postmaster.pid").exists()
    server.start()
    assert ask(server, "SELECT n FROM kept") == 7


def test_recovers_when_the_stale_process_number_is_borne_by_another(server: EmbeddedPostgres) -> None:
    server.start()
    pid_file = server.data_dir / "postgres/data/postmaster.pid"
    lines = pid_file.read_text().splitlines()
    old = int(lines[0])
    os.kill(old, signal.SIGKILL)
    while server.running():
        time.sleep(0.01)
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert not server.running()
    server.start()
    assert server.running()
    assert pid(server) not in (old, os.getpid())


def test_an_interrupted_initdb_is_begun_anew(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    half = (server.data_dir / "postgres/data").rename(server.data_dir / "postgres/data.new")
    (half / "global/pg_control").unlink()
    server.start()
    assert server.running()
    assert not half.exists()


def test_a_failing_start_says_why(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data", settings={**FAST, "work_mem": "lots"})
    try:
        with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "work_mem"'):
            server.start()
        assert not server.running()
    finally:
        server.remove()


def test_ctrl_c_on_the_terminal_does_not_reach_the_server(server: EmbeddedPostgres) -> None:
    server.start()
    assert os.getsid(pid(server)) != os.getsid(0)
    assert os.getpgid(pid(server)) != os.getpgid(0)


def test_pg_variables_of_the_caller_do_not_matter(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGDATA": "/nonexistent", "PGPORT": "1", "PGOPTIONS": "-c work_mem=1", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    server.start()
    assert server.running()


def test_a_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 30) / "data", settings=FAST)
    try:
        server.start()
        assert ask(server, "SELECT 1") == 1
        place = Path(server.url("u", "d").partition("host=")[2])
        assert len(str(place)) < 80
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    finally:
        server.remove()
    assert not place.exists()


def test_only_its_own_user_may_pass_to_data_socket_and_log(server: EmbeddedPostgres) -> None:
    server.start()
    home = (server.data_dir / "postgres").resolve()
    owners = set()
    for name in ("data", "socket", "log"):
        found = (home / name).stat()
        assert stat.S_IMODE(found.st_mode) == 0o700, name
        owners.add(found.st_uid)
    assert len(owners) == 1
    assert 0 not in owners
    assert (os.geteuid() in owners) is not ROOT


def test_no_existing_folder_is_opened(tmp_path: Path) -> None:
    """Neither above the data nor above the binaries; as root the cluster then lies under /var/lib/renkei."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = EmbeddedPostgres(private / "data", settings=FAST)
    before = {**folders_above(private), **folders_above(server.bin_dir)}
    try:
        server.start()
        assert ask(server, "SELECT 1") == 1
        assert {folder: stat.S_IMODE(folder.stat().st_mode) for folder in before} == before
        home = (server.data_dir / "postgres").resolve()
        assert home.is_relative_to(postgres_user.STATE) is ROOT
    finally:
        server.remove()
    assert not home.exists()


def test_a_clone_below_a_private_folder_runs_from_copied_binaries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole wheel lies under a 0700 folder, as in a clone in /root: it stays closed, root's server has a copy."""
    with tempfile.TemporaryDirectory() as state:
        Path(state).chmod(0o755)
        monkeypatch.setattr(postgres_user, "STATE", Path(state))
        package = EmbeddedPostgres(tmp_path).bin_dir.parents[1]
        private = tmp_path / "root"
        private.mkdir(mode=0o700)
        for part in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.with_name(part), private / part)
        monkeypatch.syspath_prepend(private)
        server = EmbeddedPostgres(private / "data", settings=FAST)
        before = folders_above(server.bin_dir)
        try:
            server.start()
            assert ask(server, "SELECT 1") == 1
            assert {folder: stat.S_IMODE(folder.stat().st_mode) for folder in before} == before
            copies = sorted(path.name for path in Path(state).glob("postgresql-*"))
            assert len(copies) == (1 if ROOT else 0)
            assert not list(Path(state).glob("copying-*"))
        finally:
            server.remove()


def test_two_processes_at_once_make_one_cluster(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from renkei.embedded import EmbeddedPostgres as E;"
        "e = E(Path(sys.argv[1]), settings={'fsync': 'off'}); e.start(); print(e.url('u', 'd'))"
    )
    data = tmp_path / "data"
    command = [sys.executable, "-c", script, data]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]  # noqa: S603 - our own script
    answers = {process.communicate(timeout=60)[0] for process in both}
    server = EmbeddedPostgres(data)
    try:
        assert [process.returncode for process in both] == [0, 0]
        assert len(answers) == 1
        assert server.running(), "the server outlives the processes that started it and did not stop it"
    finally:
        server.remove()


def test_pgbench_is_there(tmp_path: Path) -> None:
    pgbench = EmbeddedPostgres(tmp_path).bin_dir / "pgbench"
    assert b"PostgreSQL" in subprocess.check_output([pgbench, "--version"])  # noqa: S603 - the wheel's own program
