"""``python -m bench.webhooks``: what it costs to queue a change, and to pick what is sent next, as feed, subscriptions and backlog grow."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from statistics import median

import httpx
import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.factories import Region, Vendor, register
from tests.http.feed import worker_engine

from bench.feed import grow
from bench.place import Place, scratch
from bench.region import Town
from renkei.actions.administration import found_installation
from renkei.actions.deliveries import Limits, next_messages
from renkei.database import transaction
from renkei.main import create_app
from renkei.operator import as_operator
from renkei.schemas.webhook_messages import Patience
from renkei.secret_box import SecretBox
from renkei.store import deliveries
from renkei.worker.delivering import fill_queues

PATIENTS, TURNS, STRETCH = 100, 15, 1000
BACK = "UPDATE delivery_progress SET position = (SELECT max(position) FROM change_positions) - %s"
EMPTY = "TRUNCATE pending_deliveries"
IDLE = """
WITH made AS (
  INSERT INTO organizations (id, code, name, kind, audit_event_id)
  SELECT gen_random_uuid(), 'idle-' || n, 'idle', 'clinic', gen_random_uuid() FROM generate_series(%(have)s + 1, %(want)s) n RETURNING id
), subscribed AS (
  INSERT INTO subscriptions (id, client_id, organization_id, url, secret, audit_event_id)
  SELECT gen_random_uuid(), (SELECT client_id FROM subscriptions LIMIT 1), id, 'https://hooks.example.jp/', '', gen_random_uuid()
  FROM made RETURNING id
)
INSERT INTO delivery_queues (subscription_id, receiver) SELECT id, 'hooks.example.jp:443' FROM subscribed
"""
WAIT = """
INSERT INTO pending_deliveries (patient_id, subscription_id, position, change_id, kind, organization_id)
SELECT p.patient_id, %(subscription)s, p.position, p.change_id, 'care_report.submit', %(organization)s
FROM change_positions p ORDER BY p.position DESC LIMIT %(backlog)s
"""


class Rollback(Exception):
    """What was measured is to be as if it had not been."""


async def _timed(do: Callable[[], Awaitable[None]], before: Callable[[], None]) -> float:
    """Milliseconds, the median of several."""
    times = []
    for _ in range(TURNS):
        before()
        began = time.perf_counter()
        await do()
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


async def _wave(engine: AsyncEngine, box: SecretBox) -> None:
    """One turn taken and its first messages prepared; then undone."""
    limits = Limits(60, Patience(259_200))
    try:
        async with transaction(engine) as tx:
            turn = await deliveries.take_turn(tx, 60, 4, 32)
            assert turn is not None
            messages, _ = await next_messages(tx, box, turn, [], limits)
            assert len(messages) == 8
            await tx.run()
            raise Rollback
    except Rollback:
        return


async def _bench(place: Place, chosen: argparse.Namespace) -> None:
    app = create_app(place.settings)
    made = await as_operator(
        place.owner_url, "client.register", lambda tx, asked: found_installation(tx, asked, "bench")
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bench") as http,
        worker_engine(place.settings) as engine,
    ):
        clinic = await Region(http, Vendor(http, made["client_id"], made["client_secret"])).found()
        town = Town(place, clinic, clinic, [await register(clinic) for _ in range(PATIENTS)])
        hook = (await clinic.post("/v1/subscriptions", {"url": "https://hooks.example.jp/"})).json()
        box, have = SecretBox.load(place.settings.box_keys_dir), 0
        with psycopg.connect(place.owner_url, autocommit=True) as owner:
            for lines in sorted(chosen.lines):
                grow(town, lines)
                for idle in [have] if have else sorted(chosen.idle):
                    owner.execute(IDLE, {"have": have, "want": max(have, idle)})
                    have = max(have, idle)
                    place.settle()

                    def again() -> None:
                        owner.execute(EMPTY)
                        owner.execute(BACK, [STRETCH])

                    async def fill() -> None:
                        await fill_queues(engine)

                    spent = await _timed(fill, again)
                    print(
                        f"{lines:>9} lines, {have:>6} idle subscriptions: {1000 * spent / STRETCH:6.1f} µs to queue a change"
                    )
            for backlog in sorted(chosen.backlog):
                owner.execute(EMPTY)
                owner.execute(WAIT, {"subscription": hook["id"], "organization": clinic.id, "backlog": backlog})
                owner.execute("UPDATE delivery_queues SET next_at = now() WHERE subscription_id = %s", [hook["id"]])
                place.settle()
                spent = await _timed(lambda: _wave(engine, box), lambda: None)
                print(f"{backlog:>9} waiting: {spent:6.2f} ms to take a turn and prepare eight messages")


def main() -> None:
    """Bounded: a few seconds for each line of the table, and the growing of the feed."""
    parser = argparse.ArgumentParser(prog="python -m bench.webhooks")
    parser.add_argument("--lines", type=int, nargs="+", default=[3_000, 100_000, 1_000_000])
    parser.add_argument("--idle", type=int, nargs="+", default=[0, 10_000])
    parser.add_argument("--backlog", type=int, nargs="+", default=[1_000, 100_000])
    chosen = parser.parse_args()
    with scratch() as (folder, embedded):
        asyncio.run(_bench(Place.prepare(folder, embedded, worker=False), chosen))


if __name__ == "__main__":
    main()
