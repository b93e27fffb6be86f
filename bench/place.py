"""Where it runs: the database with its logins, and the server beside it."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from renkei import migration, operator
from renkei.demo.run import DATABASE, with_embedded
from renkei.embedded import EmbeddedPostgres
from renkei.settings import Settings, required

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""As in production: an answer is kept by the disk before it is given."""
READY_SECONDS = 240.0
RENKEI = Path(sys.executable).parent / "renkei"


@contextlib.contextmanager
def scratch_folder(prefix: str = "renkei-bench-") -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=prefix) as made:
        os.chmod(made, 0o701)  # As root, PostgreSQL runs as somebody who must pass through.
        yield Path(made)


@contextlib.contextmanager
def scratch(settings: Mapping[str, str] = DURABLE) -> Iterator[tuple[Path, EmbeddedPostgres]]:
    """A folder and a cluster in it, both of which are gone afterwards."""
    with scratch_folder() as folder, EmbeddedPostgres(folder, settings=settings) as embedded:
        try:
            yield folder, embedded
        finally:
            embedded.remove()


@dataclass
class Place:
    """One cluster, one database, one server of one process (uvloop and httptools, as uvicorn chooses by itself)."""

    settings: Settings
    embedded: EmbeddedPostgres
    port: int
    worker: bool
    more: dict[str, str] = field(default_factory=dict)  # further variables
    log: Path | None = None  # where what they say goes; the terminal when there is none
    _server: list[psutil.Popen] = field(default_factory=list)

    @classmethod
    def prepare(cls, folder: Path, embedded: EmbeddedPostgres, worker: bool) -> "Place":
        """A migrated database with the logins of service and worker."""
        migration.make_database(embedded.url("postgres", "postgres"), DATABASE, afresh=True)
        port = _free_port()
        settings = with_embedded(
            Settings(data_dir=folder, workers=1, port=port, token_seconds=3600, log_level="WARNING"), embedded
        )
        operator.migrate(settings)
        return cls(settings, embedded, port, worker)

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """``renkei serve``, and where asked for ``renkei work``, until the block ends."""
        started = [self.start("serve")]
        if self.worker:
            started.append(self.start("work"))
        self._server = started
        try:
            wait_ready(self.port)
            yield
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(20)

    def server_pid(self) -> int:
        """The server's process."""
        return int(self._server[0].pid)

    def postgres_pid(self) -> int:
        """The parent of all the database's processes."""
        with psycopg.connect(self.owner_url) as connection:
            return int(psutil.Process(connection.info.backend_pid).ppid())

    def settle(self) -> None:
        """Take up now what the database would otherwise do in the middle of a measurement."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    @property
    def owner_url(self) -> str:
        """As the owner of everything: for preparation only."""
        return self.embedded.url("postgres", DATABASE)

    @property
    def service_url(self) -> str:
        """As the service connects."""
        return required(self.settings.database_url)

    def start(self, command: str) -> psutil.Popen:
        """One of ``renkei``'s commands, as a process of its own."""
        with self.log.open("ab") if self.log else contextlib.nullcontext() as log:
            return psutil.Popen([RENKEI, command], env=self._environment(), stdin=subprocess.DEVNULL, stderr=log)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """One of them that ends by itself."""
        return subprocess.run([RENKEI, *command], env=self._environment(), capture_output=True, text=True, check=False)

    def _environment(self) -> dict[str, str]:
        variables = {
            "RENKEI_DATABASE_URL": self.settings.database_url,
            "RENKEI_WORKER_DATABASE_URL": self.settings.worker_database_url,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RENKEI_")}
        return {
            **environment,
            **{name: required(value) for name, value in variables.items()},
            "RENKEI_DATA_DIR": str(self.settings.data_dir),
            "RENKEI_PORT": str(self.port),
            "RENKEI_WORKERS": str(self.settings.workers),
            "RENKEI_TOKEN_SECONDS": str(self.settings.token_seconds),
            "RENKEI_LOG_LEVEL": self.settings.log_level,
            **self.more,
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_ready(port: int) -> None:
    """Returns when the server says that it is ready; raises when it does not within READY_SECONDS."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
