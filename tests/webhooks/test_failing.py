"""Receivers that are away, slow, wrong or gone; workers that die; rights that end: nothing lost, nobody else held up."""

import asyncio
import time
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.actions import deliveries as acts
from renkei.database import transaction
from renkei.settings import Settings
from renkei.store import deliveries
from renkei.worker.delivering import TURNS, Deliverer
from tests.access.world import figure, owner
from tests.factories import Region, Vendor, register, report, submit
from tests.http.inside import as_owner
from tests.webhooks.receiver import Receiver, Worker, attempts, state, subscribe, until, working

SUBMIT = ["care_report.submit"]
PENDING = "SELECT count(*) FROM pending_deliveries WHERE subscription_id = %s"


async def test_a_receiver_that_hangs_holds_up_nobody_else(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver, other: Receiver
) -> None:
    """Ten subscriptions lead to one that never answers, one to a sound one: told while the ten still wait."""
    clinics = [await region.found() for _ in range(10)]
    await Worker(engine, near).queue()
    for one in clinics:
        await subscribe(one, receiver.url(), kinds=SUBMIT)
        for _ in range(2):
            await submit(one, await register(one), report())
    receiver.open.clear()
    patients, times = [await register(clinics[0]) for _ in range(5)], list[float]()
    await subscribe(clinics[0], other.url(), kinds=SUBMIT)
    slow = near.model_copy(update={"webhook_timeout_seconds": 40.0})
    async with working(engine, slow):
        await until(lambda: receiver.active)
        for patient in patients:
            began, before = time.monotonic(), len(other.received)
            await submit(clinics[0], patient, report())
            await until(lambda known=before: len(other.received) > known)
            times.append(time.monotonic() - began)
            assert receiver.active == receiver.most_active  # none of those who hang has been answered or given up
        at_once = receiver.most_active
        receiver.open.set()
        await until(lambda: len(receiver.received) == 25)
    figure(f"a receiver hangs: others told after {max(times):.2f} s at most, {at_once} asked of it at once")
    assert at_once == TURNS * 2  # two entries wait for each of the ten


async def test_of_one_that_fails_one_message_at_a_time_is_tried(
    clinic: Vendor, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """Away, then back: everything comes, in few attempts."""
    patients = [await register(clinic) for _ in range(12)]
    await Worker(engine, near).queue()
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    for patient in patients:
        await submit(clinic, patient, report())
    at_once = list[int]()

    def refuse(_: Any) -> tuple[int, dict[str, str], bytes]:
        at_once.append(receiver.active)
        time.sleep(0.05)
        return 503, {}, b""

    receiver.reply = refuse
    async with working(engine, near):
        await until(lambda: len(at_once) >= acts.AT_ONCE + 3)
        assert set(at_once[acts.AT_ONCE :]) == {1}
        assert (await state(clinic, made))["state"] == "failing"
        receiver.reply = lambda _: (202, {}, b"")
        await until(lambda: as_owner(near, PENDING, made["id"]) == [(0,)])
    assert (await state(clinic, made))["state"] == "on"
    failed = [row for row in await attempts(clinic, made) if row["outcome"] == "failed"]
    moments = sorted(one.seconds for one in receiver.received)[: len(failed)]
    assert len(failed) < 12 * 5 and len(moments) == len(failed)
    assert len({row["webhook_id"] for row in await attempts(clinic, made, outcome="delivered")}) == 12


async def test_of_all_that_lead_to_one_that_fails_one_is_tried_at_a_time(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """Hundreds of subscriptions at a vendor's address must not take every turn to ask whether it is back."""
    clinics = [await region.found() for _ in range(4)]
    receiver.reply = lambda _: (time.sleep(0.1), (503, {}, b""))[1]
    made = [(await subscribe(one, receiver.url(f"/{one.id}"), kinds=SUBMIT))["id"] for one in clinics]
    for one in clinics:
        await submit(one, await register(one), report())
    patiently = near.model_copy(update={"webhook_retry_seconds": 600})
    async with working(engine, patiently):
        await until(lambda: len({one.path for one in receiver.received}) == len(clinics))
    with owner(near) as connection:
        connection.execute("UPDATE pending_deliveries SET due_at = now() WHERE subscription_id = ANY(%s)", [made])
        connection.execute("UPDATE delivery_queues SET next_at = now() WHERE subscription_id = ANY(%s)", [made])
    receiver.received, receiver.most_active = [], 0
    async with working(engine, patiently):
        await until(lambda: len(receiver.received) == len(clinics))
    assert receiver.most_active == 1


async def test_nothing_acknowledged_for_three_days_switches_off_and_what_was_missed_comes_after(
    region: Region, clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    await Worker(engine, near).queue()
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    # The first attempt takes longest: its time counts too, or the entry would be given up before the receiver is.
    receiver.reply = lambda _: (time.sleep(0 if receiver.received[1:] else 0.6), (500, {}, b""))[1]
    first = await submit(clinic, patient, report())
    async with working(engine, near):
        off = await _off(clinic, made)
        assert off["off_reason"] == "failed" and off["off_at"]
        tried = len(receiver.received)
        missed = await submit(clinic, patient, report())
        await until(lambda: as_owner(near, PENDING, made["id"]) == [(0,)])
        await asyncio.sleep(0.2)
        assert len(receiver.received) == tried
        receiver.reply = lambda _: (200, {}, b"")
        answer = await clinic.post(f"/v1/subscriptions/{made['id']}/resumption", {})
        assert (answer.status_code, answer.json()["state"]) == (201, "on")
        await until(lambda: len(receiver.received) == tried + 2)
    assert receiver.records()[-2:] == [first["id"], missed["id"]]
    assert {row["outcome"] for row in await attempts(clinic, made)} == {"failed", "delivered"}
    figure(f"switched off after {tried} attempts, all that was missed told when resumed")
    office = await region.organization_admin(clinic)
    for reader in (region.admin, office):
        events = (await reader.get("/v1/audit-events?action=subscription.switch_off&limit=200")).json()["items"]
        assert made["id"] in [event["detail"]["subscription_id"] for event in events]


async def _off(vendor: Vendor, made: dict[str, Any]) -> dict[str, Any]:
    for _ in range(3000):
        found = await state(vendor, made)
        if found["state"] == "off":
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError


async def test_gone_switches_off_at_once(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    receiver.reply = lambda _: (410, {}, b"")
    await submit(clinic, patient, report())
    async with working(engine, near):
        assert (await _off(clinic, made))["off_reason"] == "gone"
    assert len(receiver.received) == 1


@pytest.mark.parametrize("ended", ["delegation", "client", "organization"])
async def test_what_may_not_act_is_told_nothing_and_all_when_it_may_again(
    region: Region, clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver, ended: str
) -> None:
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    kept = await submit(clinic, patient, report())
    paths = {"client": f"/v1/clients/{clinic.client_id}", "organization": f"/v1/organizations/{clinic.id}"}
    if ended == "delegation":
        (standing,) = (await region.admin.get(f"/v1/delegations?organization={clinic.id}")).json()["items"]
        await region.admin.post(f"/v1/delegations/{standing['id']}/end", {"reason": "検査"})
    else:
        assert (await region.admin.post(f"{paths[ended]}/suspension", {"reason": "検査"})).status_code == 201
    patient_settings = near.model_copy(update={"webhook_retry_seconds": 600})
    async with working(engine, patient_settings):
        query = "SELECT failures > 0 FROM delivery_queues WHERE subscription_id = %s"
        await until(lambda: receiver.received or as_owner(near, query, made["id"]) == [(True,)])
        assert receiver.received == []
        assert as_owner(near, PENDING, made["id"]) == [(1,)]
        if ended == "delegation":
            again = {"client_id": clinic.client_id, "organization_id": clinic.id, "professions": ["nurse"]}
            assert (await region.admin.post("/v1/delegations", again)).status_code == 201
        else:
            assert (await region.admin.call("DELETE", f"{paths[ended]}/suspension")).status_code == 204
        await until(lambda: receiver.received)
    assert receiver.records() == [kept["id"]]


async def test_what_may_not_act_for_three_days_is_switched_off(
    region: Region, clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    await submit(clinic, patient, report())
    await region.admin.post(f"/v1/clients/{clinic.client_id}/suspension", {"reason": "検査"})
    async with working(engine, near):
        assert (await _off(region.admin, made))["off_reason"] == "not_allowed"
    assert receiver.received == []


async def test_without_the_scope_of_the_feed_nothing_is_told(
    region: Region, clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """The delegation may be for less than when it subscribed."""
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    with owner(near) as connection:
        connection.execute("UPDATE delegations SET scopes = '{records.write}' WHERE organization_id = %s", [clinic.id])
    await submit(clinic, patient, report(), by="physician")
    async with working(engine, near):
        await _off(region.admin, made)
    assert receiver.received == []


async def test_what_waits_behind_a_failed_one_waits_as_long(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """So that the earliest due is always somebody's first, and no worker looks at what cannot be told yet."""
    receiver.reply = lambda _: (500, {"Retry-After": "9999"}, b"")
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    for _ in range(3):
        await submit(clinic, patient, report())
    patiently = near.model_copy(update={"webhook_retry_seconds": 600})
    async with working(engine, patiently):
        await until(lambda: receiver.received)
        await submit(clinic, patient, report())
    query = "SELECT count(*), count(DISTINCT due_at), min(due_at) > now() FROM pending_deliveries WHERE subscription_id = %s"
    await Worker(engine, near).queue()
    assert as_owner(near, query, made["id"]) == [(4, 1, True)]
    assert len(receiver.received) == 1


async def test_an_ended_subscription_is_told_nothing_more(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    await submit(clinic, patient, report())
    await Worker(engine, near).queue()
    assert as_owner(near, PENDING, made["id"]) == [(1,)]
    await clinic.call("DELETE", f"/v1/subscriptions/{made['id']}")
    async with working(engine, near):
        await until(lambda: as_owner(near, PENDING, made["id"]) == [(0,)])
    assert receiver.received == []


async def test_led_elsewhere_what_waits_goes_there(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver, other: Receiver
) -> None:
    receiver.reply = lambda _: (500, {}, b"")
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    kept = await submit(clinic, patient, report())
    async with working(engine, near):
        await until(lambda: receiver.received)
        await clinic.put(f"/v1/subscriptions/{made['id']}", {"url": other.url(), "kinds": SUBMIT})
        await until(lambda: other.received)
    assert other.records() == [kept["id"]]


async def test_a_worker_that_dies_loses_nothing_and_another_goes_on(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """Killed after it has sent and before it has noted it: the same id comes again, no later one before it."""
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    ids = [(await submit(clinic, patient, report()))["id"] for _ in range(3)]
    worker = Worker(engine, near)
    await worker.queue()
    dying = Deliverer.of(near)
    async with transaction(engine) as tx:
        turn = await deliveries.take_turn(tx, 0.5, TURNS, TURNS)
    assert turn is not None
    async with transaction(engine) as tx:
        messages, _ = await acts.next_messages(tx, dying.box, turn, [], dying.limits._replace(lease=0.5))
    await dying._send(messages, asyncio.Event())
    async with transaction(engine) as tx:
        assert await deliveries.take_turn(tx, 1, TURNS, TURNS) is None  # it may still be alive
    async with working(engine, near, workers=2):
        await until(lambda: len(receiver.received) == 4)
    assert receiver.records() == [ids[0], *ids]
    assert receiver.received[0].id == receiver.received[1].id
    assert [row["attempt"] for row in await attempts(clinic, made)] == [2, 1, 1]


async def test_several_workers_tell_each_once_and_in_order(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinics = [await region.found() for _ in range(3)]
    sent: dict[str, list[str]] = {}
    async with working(engine, near, workers=3):
        for one in clinics:
            await subscribe(one, receiver.url(f"/{one.id}"), kinds=SUBMIT)
        patients = [(one, await register(one)) for one in clinics for _ in range(3)]
        for turn in range(36):
            vendor, patient = patients[turn % len(patients)]
            sent.setdefault(patient, []).append((await submit(vendor, patient, report()))["id"])
        await until(lambda: len(receiver.received) >= 36)
    told: dict[str, list[str]] = {}
    for one in receiver.received:
        told.setdefault(one.entry["patient_id"], []).append(one.entry["record_id"])
    assert told == sent


async def test_a_subscription_nothing_happens_to_is_never_looked_at(
    clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    made = await subscribe(clinic, receiver.url(), kinds=["consent.withdraw"])
    await submit(clinic, patient, report())
    await Worker(engine, near).queue()
    query = "SELECT next_at, leased_until FROM delivery_queues WHERE subscription_id = %s"
    assert as_owner(near, query, made["id"]) == [(None, None)]
