"""The transaction: what is larger than a socket's buffer travels with its COMMIT all the same."""

import asyncio
from typing import Any

import psycopg
import pytest

from renkei import database
from renkei.database import SERVICE_ROLE, make_engine, transaction
from renkei.settings import Settings

TAKEN = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s::oid AND granted"
LARGE = "髙" * 2_000_000
"""Six megabytes: a socket takes some hundred kilobytes at once."""


@pytest.mark.parametrize("read_first", [False, True])
async def test_a_large_statement_is_sent_whole_before_its_commit_is_waited_for(
    settings: Settings, read_first: bool
) -> None:
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 1)
    try:
        async with asyncio.timeout(30), transaction(engine) as tx:
            if read_first:
                await tx.rows("SELECT 1")
            tx.later("SELECT length(%s::text)", [LARGE])
        async with asyncio.timeout(30), transaction(engine) as tx:
            rows = await tx.rows("SELECT length(%s::text) AS read", [LARGE], last=True)
            assert rows[0].read == len(LARGE)
    finally:
        await engine.dispose()


async def test_what_is_sent_is_worked_on_while_its_sender_does_something_else(settings: Settings) -> None:
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 2)
    try:
        async with asyncio.timeout(30), transaction(engine) as tx, transaction(engine) as other:
            await tx.rows("SELECT 1")
            tx.later("SELECT pg_advisory_xact_lock(length(%s::text))", [LARGE])
            await tx.send()
            # Nobody waits for it, and yet it is done: the lock is taken.
            while not await other.rows(TAKEN, [len(LARGE)]):
                pass
            tx.later("SELECT set_config('renkei.test', 'sent', true)")
            await tx.send()
            assert (await tx.rows("SELECT current_setting('renkei.test') AS said"))[0].said == "sent"
    finally:
        await engine.dispose()


async def test_what_fails_of_what_was_sent_is_told_and_nothing_is_kept(settings: Settings) -> None:
    assert settings.database_url is not None
    engine = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 1)
    try:
        for waits in (True, False):
            with pytest.raises(psycopg.errors.DivisionByZero):
                async with asyncio.timeout(30), transaction(engine) as tx:
                    await tx.rows("SELECT 1")
                    tx.later("SELECT 1 / %s::integer", [0])
                    await tx.send()
                    if waits:
                        await tx.rows("SELECT 1")
            # The one connection there is is whole again.
            async with asyncio.timeout(30), transaction(engine) as tx:
                assert (await tx.rows("SELECT 2 AS two"))[0].two == 2
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(30), transaction(engine) as tx:
                await tx.rows("SELECT 1")
                tx.later("SELECT 1")
                await tx.send()
                raise ZeroDivisionError
        async with asyncio.timeout(30), transaction(engine) as tx:
            assert (await tx.rows("SELECT 2 AS two"))[0].two == 2
    finally:
        await engine.dispose()


async def test_a_transaction_that_waits_for_what_takes_minutes_is_not_silent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.database_url is not None
    monkeypatch.setattr(database, "STIR_SECONDS", 0.1)
    engine, heard = make_engine(settings.database_url.get_secret_value(), SERVICE_ROLE, 1), list[str]()
    often = asyncio.Event()

    async def slow() -> str:
        await often.wait()
        return "done"

    async def wrong() -> None:
        raise ZeroDivisionError

    try:
        async with asyncio.timeout(30), transaction(engine) as tx:
            tx.later("SET LOCAL renkei.test = 'of this transaction'")
            rows = tx.rows

            async def listened(text: Any) -> Any:
                heard.append(text)
                if len(heard) == 3:
                    often.set()
                return await rows(text)

            monkeypatch.setattr(tx, "rows", listened)
            assert await tx.outlast(slow()) == "done"
            with pytest.raises(ZeroDivisionError):
                await tx.outlast(wrong())
            assert (await rows("SELECT current_setting('renkei.test') AS said"))[0].said == "of this transaction"
    finally:
        await engine.dispose()
