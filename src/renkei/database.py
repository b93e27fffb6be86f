"""Engine and transaction. One request = one transaction, begun by its first statement, ended by the door (design §3).

SQLAlchemy keeps the pool and the table definitions; statements go to psycopg in pipeline mode, so that everything an
action needs next travels in one round trip. What nobody waits for (audit row, settings, inserts) is queued with
``later`` and sent along with the next read, or with the COMMIT.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, LiteralString, NamedTuple, Self, TypeVar
from uuid import UUID

import psycopg
from psycopg import generators, sql
from psycopg.rows import namedtuple_row
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from renkei.errors import Unavailable

T = TypeVar("T")

Row = Any
"""A named tuple with the columns of the statement."""

SERVICE_ROLE, WORKER_ROLE, LEDGER_ROLE = "renkei_service", "renkei_worker", "renkei_ledger"

LIMITS = (
    "-c statement_timeout=15s -c lock_timeout=8s -c idle_in_transaction_session_timeout=60s "
    "-c jit=off -c plan_cache_mode=force_generic_plan"
)
"""No request holds the database longer; jit costs more than it saves on statements this short.

Left to itself PostgreSQL plans ``reach.TIES`` anew at each execution: 1.1 ms, for 0.15 ms of work. Every hot statement
finds its rows by patient_id, whichever patient it is, so one plan serves all.
"""

STIR_SECONDS = 20.0
"""A third of what an idle transaction is given."""


class Statement(NamedTuple):
    """SQL with psycopg placeholders, and its parameters."""

    text: LiteralString | sql.Composed
    parameters: Mapping[str, object] | Sequence[object] = ()
    prepare: bool | None = None


def driver_url(url: str) -> URL:
    """``postgresql://…`` as operators write it → the same for SQLAlchemy with psycopg."""
    return make_url(url).set(drivername="postgresql+psycopg")


def make_engine(url: str, role: str, pool_size: int = 10) -> AsyncEngine:
    """An engine whose every connection works as ``role``, which owns nothing and is bound by row-level security."""
    engine = create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"options": LIMITS, "connect_timeout": 5, "application_name": "renkei"},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def take_role(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)).as_string(None))
        cursor.close()
        connection.commit()

    return engine


class Transaction:
    """One transaction on one connection. ``run`` is one round trip, however many statements it carries."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._connection: AsyncConnection | None = None
        self._driver: psycopg.AsyncConnection[Row] | None = None
        self._pooled = False  # whether another transaction has had this connection before
        self._queue: list[Statement] = []
        self._under_way: AsyncExitStack | None = None  # the pipeline of what was sent and not waited for
        self._done = False

    def later(
        self, text: LiteralString | sql.Composed, parameters: Mapping[str, object] | Sequence[object] = ()
    ) -> None:
        """Queue a statement whose rows nobody needs; it goes out before the next one, or with the commit."""
        self._queue.append(Statement(text, parameters))

    def open_patients(self, ids: Iterable[UUID]) -> None:
        """Open clinical rows of these patients to the rest of this transaction. The gate's to call, after deciding."""
        self._set_local("renkei.patient_ids", ids)

    def ask_about(self, ids: Iterable[UUID]) -> None:
        """Open what ``access.reach`` reads, for these organizations and candidate patients, and nothing else."""
        self._set_local("renkei.asked", ids)

    def become(self, role: str) -> None:
        """Work as another role from here to the end of this transaction, or to the next call. The gate's to call."""
        self._queue.append(Statement(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)), prepare=False))

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """What is written inside is seen inside, and is as if it had never been afterwards."""
        self.later("SAVEPOINT undone")
        yield
        self.later("ROLLBACK TO SAVEPOINT undone")

    def _set_local(self, setting: LiteralString, ids: Iterable[UUID]) -> None:
        # The statement form, not set_config(): Citus forwards only the statement to its shards (design §10).
        # The value is quoted by the driver's composition, never by hand.
        value = ",".join(map(str, ids))
        # Not prepared: every text is another one and would only crowd out the statements that come again.
        text = sql.SQL("SET LOCAL {} = {}").format(sql.SQL(setting), sql.Literal(value))
        self._queue.append(Statement(text, prepare=False))

    async def rows(
        self,
        text: LiteralString | sql.Composed,
        parameters: Mapping[str, object] | Sequence[object] = (),
        *,
        last: bool = False,
    ) -> list[Row]:
        """The rows of one statement. ``last``: the transaction's last; its COMMIT travels in the same round trip."""
        return (await self.run(Statement(text, parameters), last=last))[0]

    async def row(
        self, text: LiteralString | sql.Composed, parameters: Mapping[str, object] | Sequence[object] = ()
    ) -> Row | None:
        """The first row of one statement, or None."""
        rows = await self.rows(text, parameters)
        return rows[0] if rows else None

    async def run(self, *statements: Statement, last: bool = False) -> list[list[Row]]:
        """Send what is queued and these statements in one round trip; the rows of each of these."""
        begins = self._driver is None
        waiting, self._queue = [*self._queue, *statements], []
        while True:
            try:
                results = await self._pipeline(waiting, last)
                break
            except psycopg.OperationalError:
                # A connection may have died in the pool, with a restarted server. Nothing of this transaction has been
                # sent on another one and none of it can have been committed: safe to begin again on the next one.
                if last or not (begins and self._pooled and self._driver is not None and self._driver.closed):
                    raise
                await self._forget()
        return results[len(waiting) - len(statements) :]

    async def outlast(self, work: Awaitable[T]) -> T:
        """Wait for what takes minutes elsewhere, a large workbook: a transaction that says nothing for one is ended by the database."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=STIR_SECONDS))[0]:
                await self.rows("SELECT 1")
            return task.result()
        finally:
            task.cancel()

    async def send(self) -> None:
        """Send what is queued and go on: the database works on it meanwhile. Raises what failed of what was sent before; the rest is
        told by the next that waits."""
        if self._driver is None:
            return  # Nothing is sent outside ``run``, which alone may begin again.
        if self._under_way is None:
            self._under_way = AsyncExitStack()
            await self._under_way.enter_async_context(self._driver.pipeline())
        waiting, self._queue = self._queue, []
        await _execute(self._driver, waiting)
        # A pipeline leaves what does not fit into the socket until somebody waits for an answer.
        await self._driver.wait(generators.send(self._driver.pgconn))

    async def _pipeline(self, statements: Sequence[Statement], last: bool) -> list[list[Row]]:
        driver, under_way = self._driver or await self._connect(), self._under_way
        self._under_way = None
        async with under_way or AsyncExitStack() as pipeline:
            if under_way is None:
                await pipeline.enter_async_context(driver.pipeline())
            cursors = await _execute(driver, statements)
            if last:
                # Not driver.commit(): it waits for the answer at once, for ever where a large statement before it does
                # not fit into the socket's buffer. At the end of the pipeline psycopg sends the rest first.
                await driver.execute("COMMIT", prepare=False)
        self._done = last
        return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]

    async def _connect(self) -> "psycopg.AsyncConnection[Row]":
        self._connection = await self.engine.connect()
        raw = await self._connection.get_raw_connection()
        self._pooled = raw.info.setdefault("served", 0) > 0
        raw.info["served"] += 1
        driver = raw.driver_connection
        if not isinstance(driver, psycopg.AsyncConnection):
            raise TypeError(type(driver))
        self._driver = driver
        return driver

    async def commit(self) -> None:
        """Send what is queued and commit. Called by the door that opened the transaction, by nobody else."""
        if self._done or (self._driver is None and not self._queue):
            return
        if self._driver is None:
            await self.run()  # What was sent with a COMMIT is never sent again, on whatever connection it died.
        await self.run(last=True)

    async def close(self) -> None:
        """Roll back what is not committed and give the connection back."""
        if self._connection is None:
            return
        if self._driver is not None and (self._driver.closed or self._driver.broken):
            await self._forget()
            return
        try:
            if self._under_way is not None:
                await self._under_way.aclose()
            if self._driver is not None and not self._done:
                await self._driver.rollback()
        except psycopg.Error:
            await self._forget()
            return
        await self._connection.close()
        self._connection = self._driver = None

    async def _forget(self) -> None:
        if self._connection is not None:
            await self._connection.invalidate()
            await self._connection.close()
        self._connection = self._driver = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _execute(
    driver: "psycopg.AsyncConnection[Row]", statements: Sequence[Statement]
) -> "list[psycopg.AsyncCursor[Row]]":
    cursors = []
    for statement in statements:
        cursor = driver.cursor(row_factory=namedtuple_row)
        await cursor.execute(statement.text, statement.parameters or None, prepare=statement.prepare)
        cursors.append(cursor)
    return cursors


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[Transaction]:
    """A transaction committed when its block ends well, rolled back otherwise; a database away is ``Unavailable``."""
    try:
        async with Transaction(engine) as tx:
            yield tx
            await tx.commit()
    except (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, PoolTimeout, OSError) as error:
        raise Unavailable from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable from error
        raise
