"""What one request sends to the database, seen where the service sends it: no SQL is copied here."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import psycopg
from psycopg._queries import PostgresQuery  # The driver's own translation of placeholders; it has no public name.
from psycopg.abc import Buffer
from psycopg.adapt import Transformer

from bench.paths import Prepared, unique
from renkei.database import Statement, Transaction
from renkei.main import create_app
from renkei.settings import Settings

PLACEHOLDER = re.compile(r"%(\(\w+\))?[sb]")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter as text (None: NULL), and the name of the type the driver gives it ("" where it gives none)."""

    text: str | None
    type: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement with ``$1`` … in place of its parameters."""

    sql: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One transaction: its round trips, each with its statements, BEGIN and COMMIT among them."""

    patient: str
    document_id: str
    round_trips: list[list[Sent]]

    @property
    def statements(self) -> int:
        """How many there are, BEGIN and COMMIT not counted."""
        return sum(sent.sql not in ("BEGIN", "COMMIT") for trip in self.round_trips for sent in trip)


async def record(settings: Settings, prepared: Prepared) -> Recorded:
    """Send the first patient's request to the service in this process, twice: caches are warm at the second."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bench") as http,
    ):
        recorders: list[contextlib.AbstractContextManager[list[list[Sent]]]]
        recorders = [contextlib.nullcontext([]), _recorder()]
        for recorder in recorders:
            with recorder as trips:
                body = unique(prepared.requests.body)
                answer = await http.send(_request(prepared.requests.heads[0], body))
            assert answer.status_code == prepared.requests.status, answer.text
    document = re.search(r"bench-[0-9a-f]{16}", body)
    return Recorded(prepared.patients[0], document[0] if document else "", trips)


def _request(head: str, body: str) -> httpx.Request:
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = [line.partition(": ") for line in lines if not line.startswith("Content-Length")]
    said = [(name, value) for name, _, value in headers]
    return httpx.Request(method, f"http://bench{path}", headers=said, content=body.encode())


@contextlib.contextmanager
def _recorder() -> Iterator[list[list[Sent]]]:
    original, trips = Transaction._pipeline, list[list[Sent]]()
    open_: set[Transaction] = set()

    async def pipeline(self: Transaction, statements: Sequence[Statement], last: bool) -> list[list[Any]]:
        rows = await original(self, statements, last)
        driver = self._driver
        assert driver is not None
        begin = [] if self in open_ else [Sent("BEGIN", ())]
        open_.add(self)
        assert len(open_) == 1, "one request, one transaction"
        trips.append([*begin, *(_sent(one, driver) for one in statements), *([Sent("COMMIT", ())] if last else [])])
        return rows

    Transaction._pipeline = pipeline  # type: ignore[method-assign]  # listens in for the length of one recording
    try:
        yield trips
    finally:
        Transaction._pipeline = original  # type: ignore[method-assign]  # as it was before


def _sent(statement: Statement, driver: "psycopg.AsyncConnection[Any]") -> Sent:
    text = statement.text if isinstance(statement.text, str) else statement.text.as_string(driver)
    if not statement.parameters:
        return Sent(text.strip(), ())
    query = PostgresQuery(Transformer(driver))
    # %t asks for the text form, which is the one pgbench sends; types are the same.
    query.convert(PLACEHOLDER.sub(r"%\1t", text), statement.parameters)
    pairs = zip(query.params or (), query.types, strict=True)
    return Sent(query.query.decode().strip(), tuple(_parameter(value, _type(oid, driver)) for value, oid in pairs))


def _parameter(value: Buffer | None, type_: str) -> Parameter:
    text = None if value is None else bytes(value).decode()
    if text and type_.startswith("uuid"):
        text = re.sub(r"[0-9a-f]{32}", lambda found: str(UUID(found[0])), text)  # The driver leaves the hyphens out.
    return Parameter(text, type_)


def _type(oid: int, driver: "psycopg.AsyncConnection[Any]") -> str:
    info = driver.adapters.types.get(oid)
    if info is None:
        return ""
    return f"{info.name}[]" if oid == info.array_oid else info.name
