"""A real S3-compatible server (SeaweedFS, from a wheel) for tests: on this machine's own address, gone with the test process."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PORTS = ("master.port", "volume.port", "filer.port", "s3.port")
START_SECONDS = 40
ACCESS_KEY, SECRET_KEY = "renkei-test", "nothing-secret-about-this"


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Its address. The keys above may do everything, nobody else anything; a bucket is made by the first file put there."""
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {
        "name": "renkei",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": actions,
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    names = [name for port in PORTS for name in (port, f"{port}.grpc")]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    program = shutil.which("weed", path=str(Path(sys.executable).parent))
    assert program is not None
    command = [program, "server", "-s3", "-s3.iam=false", f"-s3.config={config}", f"-dir={folder}", "-ip=127.0.0.1"]
    command += ["-ip.bind=127.0.0.1", "-volume.max=8", "-master.volumeSizeLimitMB=64", "-s3.port.iceberg=0"]
    command += ["-s3.port.lance=0", *(f"-{name}={port}" for name, port in ports.items())]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - the arguments are ours
        try:
            _await(ports["s3.port"], server, folder / "log")
            yield f"http://127.0.0.1:{ports['s3.port']}"
        finally:
            server.kill()  # asked to end, it lets readers finish for ten seconds; here are none
            server.wait()


def _await(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(log.read_text(errors="replace")[-2000:])


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
