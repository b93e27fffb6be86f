"""``renkei demo | serve | work | migrate | admin | audit | keys``. Calls actions, holds no SQL.

Without RENKEI_DATABASE_URL every command looks for the demo of RENKEI_DATA_DIR, and leaves it as it finds it. Service, worker and
demo take longer to import than most commands to run: they are imported where they are begun.
"""

import argparse
import asyncio
import json
import logging.config
import sys
from collections.abc import Sequence

from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from renkei import ledger_cli, operator
from renkei.actions.administration import found_installation
from renkei.embedded import EmbeddedPostgres, EmbeddedPostgresError
from renkei.errors import RenkeiError
from renkei.settings import Settings, required

HELP = {
    "demo": "架空の地域を作って動かす / make a fictional region and serve it",
    "serve": "RENKEI_DATABASE_URL のデータベースで動かす / serve a real database",
    "work": "定期処理を動かす / run the worker",
    "migrate": "データベースを最新の形にする / bring the database up to date",
    "admin": "管理者のクライアントを作る / make an administrator's client",
    "audit": "監査記録の書き出し・検証、漏えいの調査 / export and verify the ledger, answer a breach",
    "keys": "トークンに署名する鍵を替える / change the keys that sign tokens",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The ``renkei`` command."""
    chosen = _parser().parse_args(arguments)
    settings = Settings()
    logging.config.dictConfig(operator.logging_config(settings.log_level))
    try:
        _run(chosen, settings)
    except (RenkeiError, SQLAlchemyError, CommandError, EmbeddedPostgresError) as error:
        cause = error.__cause__ if isinstance(error, RenkeiError) else None
        raise SystemExit(f"renkei {chosen.command}: {error}" + (f" ({cause})" if cause else "")) from error


def _run(chosen: argparse.Namespace, settings: Settings) -> None:
    match chosen.command:
        case "demo":
            from renkei.demo.run import run_demo

            run_demo(settings)
        case "serve":
            operator.serve(found(settings))
        case "work":
            asyncio.run(operator.run_worker(found(settings)))
        case "migrate":
            (operator.check if chosen.check else operator.migrate)(found(settings))
        case "admin":
            asyncio.run(_make_admin(found(settings), chosen.name))
        case "audit":
            ledger_cli.run(chosen, found(settings) if ledger_cli.needs_database(chosen) else settings)
        case "keys":
            for key in operator.change_keys(settings, chosen.act):
                sys.stdout.write(json.dumps(key) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="renkei", description="在宅医療・介護連携の共有基盤 / care-record interchange server"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    each = {name: commands.add_parser(name, help=text) for name, text in HELP.items()}
    each["migrate"].add_argument(
        "--check", action="store_true", help="表の定義と比べるだけ / only compare with the tables"
    )
    each["admin"].add_argument("name", help="名称 / its name")
    ledger_cli.add_arguments(each["audit"])
    keys = "次の鍵を作る・用済みの鍵を消す・一覧 / make the next, remove what is over, list"
    each["keys"].add_argument("act", choices=["rotate", "prune", "list"], help=keys)
    return parser


def found(settings: Settings) -> Settings:
    """The settings, with the URLs of the running demo where none are given."""
    if settings.database_url or settings.worker_database_url or settings.owner_database_url:
        return settings
    embedded = EmbeddedPostgres(settings.data_dir)
    try:
        if embedded.running():
            from renkei.demo.run import with_embedded

            return with_embedded(settings, embedded)
    except EmbeddedPostgresError:
        pass
    raise SystemExit(f"RENKEI_DATABASE_URL is not set, and no demo is running in {settings.data_dir}")


async def _make_admin(settings: Settings, name: str) -> None:
    url = required(settings.database_url or settings.owner_database_url)
    made = await operator.as_operator(url, "client.register", lambda tx, asked: found_installation(tx, asked, name))
    told = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    sys.stdout.write(json.dumps(told) + "\n")
