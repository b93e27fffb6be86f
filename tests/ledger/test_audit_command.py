"""``renkei audit``: export, verify, keys, breach, as whoever types it meets it."""

import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.factories import Region, agree, register
from tests.http.inside import as_owner
from tests.ledger.authority import Authority
from tests.ledger.inside import act, engines, seal_all, sealer, stamp_by_hand
from tests.test_cli import renkei, urls

from renkei import ledger_cli
from renkei.cli import _parser
from renkei.settings import Settings


class Told(NamedTuple):
    """What a command has answered."""

    returncode: int
    stdout: str
    stderr: str


Audit = Callable[..., Told]


@pytest.fixture
def audit(capsys: pytest.CaptureFixture[str]) -> Audit:
    """``renkei audit`` without a process of its own, which would take seconds to start; in a thread, as it has its own loop."""

    def run(settings: Settings, *arguments: str) -> Told:
        chosen, code, said = _parser().parse_args(["audit", *arguments]), 0, ""
        with ThreadPoolExecutor(1) as thread:
            try:
                thread.submit(ledger_cli.run, chosen, settings).result()
            except SystemExit as end:
                code, said = (1, f"{end.code}\n") if isinstance(end.code, str) else (int(end.code or 0), "")
        out, error = capsys.readouterr()
        return Told(code, out, error + said)

    return run


@pytest.fixture
async def sealed(ledger: Settings) -> Settings:
    """Two seals and an event that awaits one."""
    async with engines(ledger) as (worker, _):
        for _ in range(2):
            act(ledger, 2, 1)
            await seal_all(worker, sealer(ledger))
    act(ledger, 0, 1)
    return ledger


def of(settings: Settings) -> dict[str, str]:
    return {**urls(settings), "data_dir": str(settings.data_dir)}


def test_the_database_verifies_until_somebody_has_been_at_it(sealed: Settings) -> None:
    """As a process."""
    told = renkei("audit", "verify", **of(sealed))
    assert told.returncode == 0, told.stderr
    for line in ("seals: 2", "events sealed: 6", "await a seal: 1", "violations: 0", "seals.ndjson"):
        assert line in told.stdout
    ((event,),) = as_owner(
        sealed, "DELETE FROM audit_events WHERE id = (SELECT min(id::text)::uuid FROM audit_events) RETURNING id"
    )
    told = renkei("audit", "verify", **of(sealed))
    assert told.returncode == 1 and f"missing {event}" in told.stdout and "Traceback" not in told.stderr
    assert "violations: 1" in told.stdout


def test_the_command_is_on_record_itself(audit: Audit, sealed: Settings) -> None:
    audit(sealed, "verify")
    ((kind, user, detail),) = as_owner(
        sealed, "SELECT actor_kind, user_name, detail FROM service_events WHERE action = 'audit.read'"
    )
    assert kind == "auditor" and user and detail["export"]["leaves"] == 6


def test_an_export_verifies_without_a_database(audit: Audit, sealed: Settings, tmp_path: Path) -> None:
    file, keys, journal = tmp_path / "ledger.ndjson", tmp_path / "keys.json", tmp_path / "journal"
    assert audit(sealed, "export", str(file)).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and not file.with_name("ledger.ndjson.part").exists()
    keys.write_text(audit(sealed, "keys").stdout)
    assert "d" not in json.loads(keys.read_text())["keys"][0]  # nothing private
    journal.write_bytes(sealed.seal_journal.read_bytes())
    elsewhere = Settings(data_dir=tmp_path / "nothing")
    told = audit(elsewhere, "verify", str(file), "--keys", str(keys), "--journal", str(journal))
    assert told.returncode == 0, told.stdout + told.stderr
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert audit(elsewhere, "verify", str(file), "--keys", str(keys)).returncode == 1
    file.write_bytes(b"".join([lines[0], b'{"end":{"seals":0,"leaves":0,"unsealed":0}}\n']))
    told = audit(elsewhere, "verify", str(file), "--keys", str(keys), "--journal", str(journal))
    assert told.returncode == 1 and "journal" in told.stdout and "nothing" in told.stdout
    file.write_bytes(b"\xff\n")
    told = audit(elsewhere, "verify", str(file), "--keys", str(keys))
    assert told.returncode == 1 and "unreadable" in told.stdout and "Traceback" not in told.stderr


@pytest.fixture
def stamped(sealed: Settings) -> tuple[Settings, Authority, Path]:
    """The first of two seals with a time stamp; and the file of its authority's root."""
    authority = Authority()
    stamp_by_hand(sealed, 1, authority.stamp)
    return sealed, authority, authority.roots(sealed.data_dir)


def test_time_stamps_are_verified_against_roots(
    audit: Audit, stamped: tuple[Settings, Authority, Path], tmp_path: Path
) -> None:
    """In the database and of an export, by the option or by the setting."""
    settings, _, roots = stamped
    file, keys = tmp_path / "ledger.ndjson", tmp_path / "keys.json"
    assert audit(settings, "export", str(file)).returncode == 0
    keys.write_text(audit(settings, "keys").stdout)
    set_once = settings.model_copy(update={"tsa_roots": roots})
    for told in (
        audit(settings, "verify", "--tsa-roots", str(roots)),
        audit(set_once, "verify"),
        audit(Settings(data_dir=tmp_path / "x"), "verify", str(file), "--keys", str(keys), "--tsa-roots", str(roots)),
    ):
        assert told.returncode == 0, told.stdout + told.stderr
        for line in ("with a time stamp: 1\n", "without: 1\n", "no later one: 1\n", str(roots), "violations: 0"):
            assert line in told.stdout, line
        assert "NOT TRUSTED" not in told.stdout


def test_without_roots_it_says_so(audit: Audit, stamped: tuple[Settings, Authority, Path]) -> None:
    settings, _, _ = stamped
    told = audit(settings, "verify")
    assert told.returncode == 0 and "NOT TRUSTED" in told.stdout and "with a time stamp: 1\n" in told.stdout
    # Of another seal: that shows without roots, too.
    as_owner(settings, "UPDATE audit_time_stamps SET seal_position = 2")
    told = audit(settings, "verify")
    assert told.returncode == 1 and "\nstamp " in told.stdout


def test_a_time_stamp_of_another_root_is_a_violation(
    audit: Audit, stamped: tuple[Settings, Authority, Path], tmp_path: Path
) -> None:
    settings, _, _ = stamped
    ((seal,),) = as_owner(settings, "SELECT id FROM audit_seals WHERE position = 1")
    told = audit(settings, "verify", "--tsa-roots", str(Authority().roots(tmp_path)))
    assert told.returncode == 1 and f"stamp {seal} " in told.stdout and "violations: 1" in told.stdout
    told = audit(settings, "verify", "--tsa-roots", "no-such-file")
    assert told.returncode == 1 and told.stderr.startswith("renkei audit: no-such-file") and not told.stdout


def test_a_ledger_without_time_stamps_asks_for_no_roots(audit: Audit, sealed: Settings) -> None:
    told = audit(sealed, "verify")
    assert "with a time stamp: 0\n" in told.stdout and "NOT TRUSTED" not in told.stdout


def test_a_part_by_days(audit: Audit, sealed: Settings, tmp_path: Path) -> None:
    file = tmp_path / "part.ndjson"
    assert audit(sealed, "export", str(file), "--from", "2020-01-01", "--to", "2999-12-31").returncode == 0
    told = audit(sealed, "verify", str(file), "--journal", str(sealed.seal_journal))
    assert told.returncode == 0 and "seals: 2\n" in told.stdout and "await a seal: 0" in told.stdout


def test_nothing_to_verify_is_no_success(audit: Audit, ledger: Settings, tmp_path: Path) -> None:
    sealer(ledger)
    act(ledger)
    told = audit(ledger, "verify")
    assert told.returncode == 1 and "nothing" in told.stdout and "await a seal: 2" in told.stdout
    file = tmp_path / "part.ndjson"
    assert audit(ledger, "export", str(file), "--from", "2020-01-01").returncode == 0
    told = audit(ledger, "verify", str(file))
    assert told.returncode == 1 and "nothing" in told.stdout and "seals: 0\n" in told.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["verify", "no-such-file"],
        ["verify", "no-such-file", "--keys", "no-such-keys"],
        ["keys"],
        ["breach", "--from", "yesterday"],
        ["breach"],
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    audit: Audit, ledger: Settings, tmp_path: Path, command: list[str]
) -> None:
    told = audit(ledger.model_copy(update={"data_dir": tmp_path / "empty"}), *command)
    assert told.returncode == 1 and told.stderr.startswith("renkei audit") and "Traceback" not in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "empty" / "seal-keys").exists()  # a new key would verify nothing


async def test_what_a_leak_has_reached(audit: Audit, region: Region, settings: Settings) -> None:
    clinic = await region.found()
    patients = sorted([await register(clinic) for _ in range(3)])
    await agree(clinic, patients[0])
    told = audit(settings, "breach", "--organization", clinic.id, "--known-on", "2026-11-23")
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert [patient["patient_id"] for patient in report["patients"]] == patients and report["next"] is None
    assert report["whom_to_tell"]["final_by"] == "2026-12-22"
    rows = as_owner(
        settings,
        "SELECT patient_id::text FROM audit_events WHERE action = 'breach.read' AND actor_kind = 'auditor' "
        "AND patient_id::text = ANY (%s)",
        patients,
    )
    assert sorted(row[0] for row in rows) == patients
