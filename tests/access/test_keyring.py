"""The service's own keys change while it runs: published first, signing later, verifying until the last token has ended."""

import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from tests.access.world import figure
from tests.factories import Region, Vendor
from tests.test_cli import renkei

from renkei.access import keyring
from renkei.access.keyring import KeyRing, listed, prune, rotate
from renkei.access.tokens import LONGEST_SECONDS, PUBLISHED_SECONDS, write_new_key
from renkei.ids import now
from renkei.main import create_app
from renkei.operator import change_keys
from renkei.settings import Settings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that the test turns, of the memory of keys."""
    turned = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(keyring, "time", SimpleNamespace(monotonic=lambda: turned.seconds))
    return turned


def aged(folder: Path, seconds: float, *names: str) -> None:
    """Make keys older than they are."""
    for path in folder.glob("*.pem"):
        if not names or path.name in names:
            stat = path.stat()
            os.utime(path, (stat.st_mtime - seconds, stat.st_mtime - seconds))


def states(folder: Path, moment: float | None = None) -> dict[str, str]:
    return {key["file"]: key["state"] for key in listed(folder, now().timestamp() if moment is None else moment)}


def test_a_key_waits_signs_verifies_and_goes(tmp_path: Path) -> None:
    KeyRing(tmp_path)
    moment = now().timestamp()
    assert states(tmp_path) == {"0001.pem": "signs"}
    made = rotate(tmp_path, moment)
    assert (made["file"], made["state"]) == ("0002.pem", "waits")
    assert rotate(tmp_path, moment) == made
    assert (tmp_path / "0002.pem").stat().st_mode & 0o777 == 0o600
    after = moment + PUBLISHED_SECONDS + 1
    assert states(tmp_path, after - 3) == {"0001.pem": "signs", "0002.pem": "waits"}
    assert states(tmp_path, after) == {"0001.pem": "verifies", "0002.pem": "signs"}
    last_token = after + LONGEST_SECONDS
    assert prune(tmp_path, last_token) == []
    assert [key["file"] for key in prune(tmp_path, last_token + keyring.MARGIN_SECONDS)] == ["0001.pem"]
    assert states(tmp_path, last_token) == {"0002.pem": "signs"}
    assert prune(tmp_path, last_token * 2) == []


def test_of_many_keys_one_signs_and_the_newest_is_told(tmp_path: Path) -> None:
    KeyRing(tmp_path)
    moment = now().timestamp()
    rotate(tmp_path, moment)
    write_new_key(tmp_path, "0003.pem")
    assert states(tmp_path) == {"0001.pem": "signs", "0002.pem": "waits", "0003.pem": "waits"}
    aged(tmp_path, LONGEST_SECONDS)
    made = rotate(tmp_path, moment)
    assert (made["file"], made["state"]) == ("0004.pem", "waits")
    assert states(tmp_path) == {
        "0001.pem": "verifies",
        "0002.pem": "verifies",
        "0003.pem": "signs",
        "0004.pem": "waits",
    }


def test_old_keys_go_at_the_very_second(tmp_path: Path) -> None:
    KeyRing(tmp_path)
    rotate(tmp_path, now().timestamp())
    signs = int(now().timestamp()) + PUBLISHED_SECONDS
    os.utime(tmp_path / "0002.pem", (signs - PUBLISHED_SECONDS, signs - PUBLISHED_SECONDS))
    os.utime(tmp_path / "0001.pem", (0, 0))
    last = signs + LONGEST_SECONDS + keyring.MARGIN_SECONDS
    assert prune(tmp_path, last - 1) == []
    assert [key["file"] for key in prune(tmp_path, last)] == ["0001.pem"]


def test_a_ring_notices_what_changed_but_does_not_look_at_every_request(tmp_path: Path, clock: SimpleNamespace) -> None:
    ring = KeyRing(tmp_path)
    first = ring.keys
    rotate(tmp_path, now().timestamp())
    assert ring.keys is first
    clock.seconds += keyring.RELOAD_SECONDS
    both = ring.keys
    assert len(both.public_pem) == 2
    assert both.signing_kid == first.signing_kid
    clock.seconds += keyring.RELOAD_SECONDS
    assert ring.keys is both
    (tmp_path / "0002.pem").unlink()
    assert ring.keys is both
    clock.seconds += keyring.RELOAD_SECONDS
    assert ring.keys.public_pem == first.public_pem


def test_a_ring_notices_when_it_is_time_to_sign(
    tmp_path: Path, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = KeyRing(tmp_path)
    made = rotate(tmp_path, now().timestamp())
    later = now().fromtimestamp(now().timestamp() + PUBLISHED_SECONDS + 1, now().tzinfo)
    monkeypatch.setattr(keyring, "now", lambda: later)
    monkeypatch.setattr("renkei.access.tokens.now", lambda: later)
    clock.seconds += keyring.RELOAD_SECONDS
    assert ring.keys.signing_kid == made["kid"]


@pytest.mark.parametrize("harm", ["gone", "no key"])
def test_a_folder_that_cannot_be_read_leaves_the_keys_of_before(
    tmp_path: Path, clock: SimpleNamespace, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "keys"
    ring = KeyRing(folder)
    first = ring.keys
    if harm == "gone":
        shutil.rmtree(folder)
        monkeypatch.setattr(Path, "mkdir", _refuse)
    else:
        (folder / "0002.pem").write_text("no key")
    clock.seconds += keyring.RELOAD_SECONDS
    assert ring.keys == first


def _refuse(*_: Any, **__: Any) -> None:
    raise PermissionError


def test_the_command_line_rotates_lists_and_prunes(tmp_path: Path) -> None:
    def told(*arguments: str) -> list[dict[str, str]]:
        ran = renkei("keys", *arguments, data_dir=str(tmp_path))
        assert (ran.returncode, ran.stderr) == (0, "")
        return [json.loads(line) for line in ran.stdout.splitlines()]

    (made,) = told("rotate")
    assert made["state"] == "waits"
    assert [key["state"] for key in told("list")] == ["signs", "waits"]
    mine = Settings(data_dir=tmp_path)
    assert change_keys(mine, "prune") == []
    aged(tmp_path / "keys", LONGEST_SECONDS * 2)
    assert [key["file"] for key in change_keys(mine, "prune")] == ["0001.pem"]
    assert change_keys(mine, "list") == [made | {"state": "signs"}]


@pytest.fixture
async def own(settings: Settings, admin: Vendor, tmp_path: Path) -> AsyncIterator[tuple[Region, Path]]:
    """A service with a key folder of its own, that looks at it at every request."""
    folder = tmp_path / "keys"
    app = create_app(settings.model_copy(update={"data_dir": tmp_path}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as http,
    ):
        yield Region(http, Vendor(http, admin.client_id, admin.client_secret)), folder


async def test_keys_change_and_no_token_is_refused(own: tuple[Region, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the whole life of a key; verified tokens are not remembered here, each is checked anew."""
    region, folder = own
    monkeypatch.setattr(keyring, "RELOAD_SECONDS", 0.0)
    monkeypatch.setattr("renkei.access.identity.REMEMBER_SECONDS", 0.0)
    region_ring_looks_at_once(region)
    clinic = await region.found("clinic", ["nurse"])
    tokens: list[str] = []

    async def kid() -> str:
        """A new token's key; and every token so far still names somebody."""
        fresh = Vendor(clinic.http, clinic.client_id, clinic.client_secret, clinic.organization)
        tokens.append(await fresh.token("nurse"))
        for token in tokens:
            answer = await clinic.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
        return str(json.loads(base64.urlsafe_b64decode(tokens[-1].split(".")[0] + "=="))["kid"])

    async def published() -> list[str]:
        return [key["kid"] for key in (await clinic.http.get("/.well-known/jwks.json")).json()["keys"]]

    first = await kid()
    made = rotate(folder, now().timestamp())
    assert await published() == [first, made["kid"]]
    assert await kid() == first
    aged(folder, PUBLISHED_SECONDS + 1)
    assert await kid() == made["kid"]
    assert await published() == [first, made["kid"]]
    figure(f"keys rotated: {len(tokens)} tokens, refused 0")
    # A lost key is taken away: all its tokens end at once, the others do not.
    (folder / "0001.pem").unlink()
    statuses = [
        (await clinic.http.get("/v1/me", headers={"Authorization": f"Bearer {token}"})).status_code for token in tokens
    ]
    assert statuses == [401, 401, 200]


def region_ring_looks_at_once(region: Region) -> None:
    """The ring that was made with the interval of before looks again now."""
    ring: KeyRing = region.http._transport.app.state.service.identity.keyring  # type: ignore[attr-defined]  # the service behind the client
    ring._next = 0.0
