"""How stamping is switched on: settings that cannot work are told at the start, and switched off it costs nothing."""

import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.http.inside import as_owner
from tests.ledger.authority import Server
from tests.ledger.inside import act, engines, seal_all, sealer

from renkei.settings import Settings
from renkei.worker import stamping_loops
from renkei.worker.stamping import Stamper


@pytest.mark.parametrize(
    "other",
    [
        {"tsa_roots": None},
        {"tsa_roots": Path("no-such-file")},
        {"tsa_roots": Path(__file__)},
        {"tsa_url": "ftp://tsa.example.jp"},
        {"tsa_url": "https://user:password@tsa.example.jp/"},
        {"tsa_policy": "a policy"},
        {"tsa_user": "renkei", "tsa_url": "http://tsa.example.jp/"},
    ],
)
def test_settings_that_cannot_work_are_told_at_the_start(stamped: Settings, other: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="RENKEI_TSA_"):
        stamping_loops(stamped.model_copy(update=other))


def test_an_operators_authority_may_be_inside_and_without_tls(stamped: Settings) -> None:
    for url in ("http://10.1.2.3/tsa", "http://tsa.example.jp", "https://tsa.lan.example.jp:8443/a?b=c"):
        assert Stamper.of(stamped.model_copy(update={"tsa_url": url})).url == url


def test_switched_off_it_costs_nothing(ledger: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No loop, no question, and not even its library in memory."""
    monkeypatch.setenv("RENKEI_TSA_URL", "")
    assert stamping_loops(ledger) == stamping_loops(Settings()) == []
    code = "import sys, renkei.main, renkei.worker, renkei.cli; sys.exit('rfc3161_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - the words are ours


async def test_the_account_at_an_authority_that_has_accounts(stamped: Settings, server: Server) -> None:
    of_account = {"tsa_user": "連携", "tsa_secret": SecretStr("a:b")}
    async with engines(stamped) as (worker, _):
        for settings in (stamped, stamped.model_copy(update=of_account)):
            act(stamped)
            await seal_all(worker, sealer(stamped))
            await Stamper.of(settings).work(worker)
            as_owner(stamped, "UPDATE audit_time_stamps SET kept_at = kept_at - interval '1 day'")
    none, told = server.authorizations
    assert none is None and told is not None
    kind, _, value = told.partition(" ")
    assert kind == "Basic" and b64decode(value).decode() == "連携:a:b"
