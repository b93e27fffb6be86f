"""The shell blocks of the documents run as they stand, against a live server, and answer what the page says."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from renkei.demo.region import BY_LABEL, DELEGATED
from renkei.settings import Settings
from renkei.worker import delivery_loops, often, publish_changes, work
from renkei.worker.delivering import Deliverer
from tests.factories import Vendor, person
from tests.http.feed import worker_engine
from tests.live import serve

ROOT = Path(__file__).parents[1]
LABELS = ("clinic", "nurse-station", "hospital", "stranger-clinic")
BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def near(settings: Settings) -> Settings:
    """As in the demo, receivers of webhooks may be on this machine."""
    return settings.model_copy(update={"allow_private_targets": True})


@pytest.fixture(scope="module")
def server(near: Settings) -> Iterator[str]:
    """The service on a free port of this machine."""
    with serve(near) as address:
        yield address


@pytest.fixture(scope="module")
def worker(near: Settings) -> Iterator[None]:
    """`renkei work`, as the demo runs it."""
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        async with worker_engine(near) as engine:
            await work(engine, stop, [often(publish_changes, 0.3), *delivery_loops(Deliverer.of(near))])

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    yield
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def credentials(server: str, admin: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """credentials.json as the demo writes it, of the organizations the pages name; and the patient the README looks for."""
    entries: list[dict[str, Any]] = [
        {"label": "platform-admin", "client_id": admin.client_id, "client_secret": admin.client_secret}
    ]
    with httpx.Client(base_url=server, trust_env=False) as http:
        office = {"Authorization": f"Bearer {_token(http, entries[0], {})}"}
        for label in LABELS:
            one = BY_LABEL[label]
            said = {"code": one.code, "name": one.name, "kind": one.kind}
            organization = http.post("/v1/organizations", json=said, headers=office).json()
            delegation = {"organization_id": organization["id"], "professions": DELEGATED}
            client = {"name": one.system, "kind": "vendor", "delegations": [delegation]}
            made = http.post("/v1/clients", json=client, headers=office).json()
            entries.append({**made, "label": label, "organization": organization})
        clinic, nurses = entries[1], entries[2]
        own = {"Authorization": f"Bearer {_token(http, clinic, {'organization': BY_LABEL['clinic'].code})}"}
        named = {"name": {"family": "齋藤", "given": "フミ"}, "name_kana": {"family": "サイトウ", "given": "フミ"}}
        patient = http.post("/v1/patients", json=person(**named), headers=own).json()["id"]
        place = {"part": "visiting_nursing", "valid_from": "2026-01-01"}
        path = f"/v1/patients/{patient}/care-team/{nurses['organization']['id']}"
        assert http.put(path, json=place, headers=own).status_code == 201
    file = tmp_path_factory.mktemp("docs") / "credentials.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    return file


def _token(http: httpx.Client, client: dict[str, Any], form: dict[str, str]) -> str:
    data = {"grant_type": "client_credentials", **form}
    answer = http.post("/oauth/token", data=data, auth=(client["client_id"], client["client_secret"]))
    return str(answer.json()["access_token"])


@pytest.mark.parametrize("page", ["README.md", "docs/vendors.md", "docs/admins.md"])
def test_the_blocks_of_a_page_answer_what_it_says(
    page: str, server: str, worker: None, credentials: Path, settings: Settings, tmp_path: Path
) -> None:
    script, expected = _script((ROOT / page).read_text(encoding="utf-8"))
    assert settings.database_url is not None
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "RENKEI": server,
        "CREDENTIALS": str(credentials),
        "RENKEI_DATABASE_URL": settings.database_url.get_secret_value(),
        "LANG": "C.UTF-8",
    }
    ran = subprocess.run(  # noqa: S603 - our own pages
        ["/bin/bash", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-2000:]
    outputs = dict(re.findall(r"^@@@ (\d+)\n(.*?)(?=^@@@ )", ran.stdout + "@@@ ", re.MULTILINE | re.DOTALL))
    assert len(outputs) == len(BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))) - len(expected)
    for number, lines in expected.items():
        output = outputs[number]
        statuses = [line for line in lines if line.startswith("HTTP ")]
        assert re.findall(r"^HTTP \d+$", output, re.MULTILINE) == statuses, f"block {number}:\n{output}"
        assert all(line in output for line in lines), f"block {number}:\n{output}"


def _script(text: str) -> tuple[str, dict[str, list[str]]]:
    """One script of all ``bash`` blocks, and by the number of a block the lines of the ``text`` block behind it."""
    script, expected = ["set -eu", "exec 2>&1"], dict[str, list[str]]()
    number = 0
    for kind, content in BLOCK.findall(text):
        if kind == "bash":
            number += 1
            script += [f"echo '@@@ {number}'", content]
        else:
            expected[str(number)] = content.splitlines()
    return "\n".join(script), expected
