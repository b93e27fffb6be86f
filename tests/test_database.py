"""The transaction: what is larger than a socket's buffer travels with its COMMIT all the same."""

import asyncio

import pytest

from renkei.database import SERVICE_ROLE, make_engine, transaction
from renkei.settings import Settings

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
