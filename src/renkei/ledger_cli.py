"""``renkei audit export | verify | keys | breach``: the ledger for whoever holds the database's credentials, or only a file."""

import argparse
import asyncio
import getpass
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.access.actor import Actor
from renkei.access.audit import Asked
from renkei.access.seals import canonical
from renkei.access.tokens import Keys, public_keys
from renkei.access.verification import KINDS, Stamped, Verifier
from renkei.actions.audit_export import Days, export_lines
from renkei.actions.ledger import read_breach
from renkei.database import SERVICE_ROLE, make_engine, transaction
from renkei.ids import new_id
from renkei.schemas.ledger import BreachQuery
from renkei.settings import Settings, required
from renkei.vocabulary import ActorKind, Permission

TOLD_AT_MOST = 1000
"""Violations printed; a table replaced whole would print millions. All are counted."""
PATIENTS_AT_ONCE = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``renkei audit``."""
    acts = parser.add_subparsers(dest="act", required=True)
    export = acts.add_parser("export", help="監査記録と封印を書き出す / write the ledger and its seals to a file")
    export.add_argument("file", type=Path)
    for name in ("--from", "--to"):
        export.add_argument(name, dest=name[2:] + "_day", type=date.fromisoformat, help="YYYY-MM-DD, Asia/Tokyo")
    verify = acts.add_parser("verify", help="封印と照らして検証する / verify the database, or an export, by its seals")
    verify.add_argument("file", type=Path, nargs="?", help="書き出したもの / an export; without it, the database")
    verify.add_argument("--keys", type=Path, help="公開鍵(JWKS)/ public keys; else those of RENKEI_DATA_DIR/seal-keys")
    verify.add_argument("--journal", type=Path, help="封印の控え / the journal; of the database, RENKEI_DATA_DIR's")
    verify.add_argument(
        "--tsa-roots", type=Path, help="時刻認証局のルート証明書(PEM)/ roots of time stamps; else RENKEI_TSA_ROOTS"
    )
    acts.add_parser("keys", help="封印の公開鍵を表示する / print the public keys of the seals")
    breach = acts.add_parser("breach", help="漏えいの影響範囲 / what a leak has reached, and whom to tell")
    for name in ("client", "organization", "user", "from", "to", "known-on"):
        breach.add_argument(f"--{name}", dest=name.replace("-", "_"))


def needs_database(chosen: argparse.Namespace) -> bool:
    """Whether the act reads the database."""
    return chosen.act in ("export", "breach") or (chosen.act == "verify" and chosen.file is None)


def run(chosen: argparse.Namespace, settings: Settings) -> None:
    """Do it; SystemExit with 1 where something does not verify."""
    match chosen.act:
        case "export":
            asyncio.run(_export(settings, chosen.file, Days(chosen.from_day, chosen.to_day)))
        case "verify":
            asyncio.run(_verify(settings, chosen))
        case "keys":
            _say(json.dumps(_signing_keys(settings).jwks))
        case "breach":
            asyncio.run(_breach(settings, chosen))


def _asked(permission: Permission) -> Asked:
    """The operator, by the name of the login on this machine; on record as an auditor without a client."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = f"uid {os.getuid()}"
    return Asked(new_id(), Actor(ActorKind.auditor, UUID(int=0), None, (), name, name), permission)


def _engine(settings: Settings) -> AsyncEngine:
    return make_engine(required(settings.database_url or settings.owner_database_url), SERVICE_ROLE, 1)


async def _export(settings: Settings, file: Path, days: Days) -> None:
    engine = _engine(settings)
    draft = file.with_name(f"{file.name}.part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            async for line in export_lines(engine, _asked(Permission.audit_read), days):
                out.write(canonical(line) + b"\n")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
        await engine.dispose()
    _say(
        f"{file}: 封印 / seals {line['end']['seals']}, 記録 / events {line['end']['leaves'] + line['end']['unsealed']}"
    )


async def _verify(settings: Settings, chosen: argparse.Namespace) -> None:
    of_database = chosen.file is None
    journal = chosen.journal or (settings.seal_journal if of_database and settings.seal_journal.exists() else None)
    roots = chosen.tsa_roots or settings.tsa_roots
    verifier = Verifier(_public(settings, chosen.keys), _lines(journal) if journal else None, _stamped(roots))
    if of_database:
        engine = _engine(settings)
        try:
            await _take_all(verifier, export_lines(engine, _asked(Permission.audit_read), Days()))
        finally:
            await engine.dispose()
    else:
        for line in _lines(chosen.file):
            verifier.take(line)
    found = verifier.finish()
    counts = verifier.counts
    _say(f"{verifier.header.get('exported_at', '–')} 時点 / as of")
    _say(f"封印 / seals: {counts['seals']}")
    _say(f"封印された記録 / events sealed: {counts['leaves']}")
    _say(f"封印待ちの記録 / events that await a seal: {counts['awaiting']}")
    _say(f"控え / journal: {journal or 'なし / none'}")
    _tell_stamps(verifier, roots)
    _say(f"違反 / violations: {len(found)}")
    for violation in found[:TOLD_AT_MOST]:
        _say(f"{violation.kind} {violation.id} {KINDS[violation.kind]}")
    if found:
        raise SystemExit(1)


def _stamped(roots: Path | None) -> Stamped:
    """How time stamps are checked: against these roots, or without any whether they are of their seals at all."""
    from renkei.access.time_stamps import Trust, compared  # CMS and what it needs: for this command only

    if roots is None:
        return compared
    try:
        return Trust.load(roots).moment
    except (OSError, ValueError) as error:
        raise SystemExit(f"renkei audit: {roots}: {error}") from error


def _tell_stamps(verifier: Verifier, roots: Path | None) -> None:
    counts = verifier.counts
    _say(f"タイムスタンプのある封印 / seals with a time stamp: {counts['stamps']}")
    _say(f"タイムスタンプのない封印 / without: {counts['seals'] - counts['stamps']}")
    _say(f"うち後の封印のタイムスタンプも及ばないもの / of them covered by no later one: {counts['uncovered']}")
    if not counts["stamps"]:
        return
    _say(f"封印からタイムスタンプまで / from a seal to its stamp, at most: {verifier.longest.total_seconds():.0f} s")
    if roots is None:
        _say(
            "ルート証明書がないため照合のみ、信頼はできない / compared only, NOT TRUSTED: no roots (--tsa-roots, RENKEI_TSA_ROOTS)"
        )
    else:
        _say(f"信頼したルート証明書 / roots trusted: {roots}")


async def _take_all(verifier: Verifier, lines: AsyncIterator[dict[str, Any]]) -> None:
    async for line in lines:
        verifier.take(line)


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    """The lines of a file of JSON; what cannot be read is an empty line to the verifier, which then says so."""
    try:
        with file.open("rb") as lines:
            for line in lines:
                yield _parsed(line)
    except OSError as error:
        raise SystemExit(f"renkei audit: {error}") from error


def _parsed(line: bytes) -> Mapping[str, Any]:
    try:
        value = from_json(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _public(settings: Settings, jwks: Path | None) -> Mapping[str, str]:
    if jwks is None:
        return _signing_keys(settings).public_pem
    try:
        return public_keys(json.loads(jwks.read_bytes()))
    except (OSError, ValueError) as error:
        raise SystemExit(f"renkei audit: {jwks}: {error}") from error


def _signing_keys(settings: Settings) -> Keys:
    """Those of the data folder. Never made here: a new key would verify nothing."""
    if not list(settings.seal_keys_dir.glob("*.pem")):
        raise SystemExit(f"renkei audit: no keys in {settings.seal_keys_dir} (--keys)")
    return Keys.load(settings.seal_keys_dir)


async def _breach(settings: Settings, chosen: argparse.Namespace) -> None:
    names = ("client", "organization", "user", "from", "to", "known_on")
    asked = {name: value for name in names if (value := getattr(chosen, name)) is not None}
    if not asked.keys() - {"known_on"}:
        raise SystemExit("renkei audit breach: --client, --organization, --user, --from or --to")
    engine = _engine(settings)
    try:
        report = await _all_pages(engine, _query(asked))
    finally:
        await engine.dispose()
    _say(json.dumps(report, ensure_ascii=False, indent=1))


def _query(asked: Mapping[str, str | int]) -> BreachQuery:
    try:
        return BreachQuery.model_validate({**asked, "limit": PATIENTS_AT_ONCE})
    except ValidationError as error:
        wrong = ", ".join(str(fault["loc"][0]) for fault in error.errors())
        raise SystemExit(f"renkei audit breach: {wrong}") from error


async def _all_pages(engine: AsyncEngine, query: BreachQuery) -> dict[str, Any]:
    asked, report, patients = _asked(Permission.breach_read), dict[str, Any](), list[Any]()
    while not report or report["next"]:
        async with transaction(engine) as tx:
            page = await read_breach(tx, asked, query.model_copy(update={"after": report.get("next")}))
        patients += page["patients"]
        report = {**page, **({} if not report else {"counts": report["counts"]})}
    return {**report, "patients": patients}


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
