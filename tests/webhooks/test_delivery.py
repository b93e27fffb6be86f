"""What is committed is told to whoever subscribed and may know of it: signed, in the order of each patient, again until it is acknowledged."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.schemas.webhook_messages import Patience
from renkei.settings import Settings
from tests.factories import Region, Vendor, agree, consent, join, register, report, submit, team
from tests.http.feed import read
from tests.http.inside import as_owner
from tests.webhooks.receiver import Receiver, Worker, attempts, state, subscribe, until, verified, working

SUBMIT = ["care_report.submit"]


async def test_what_is_told_is_what_the_feed_tells(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic, nurses, patient = await team(region)
    await Worker(engine, near).queue()
    made = await subscribe(nurses, receiver.url())
    kept = await submit(clinic, patient, report())
    await clinic.post(f"/v1/patients/{patient}/care-reports/{kept['id']}/withdrawal", {"reason": "誤り"})
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 2)
    told = [verified(one, made["secret"]) for one in receiver.received]
    feed = (await read(nurses))[-2:]
    assert [one["data"] for one in told] == feed
    assert [(one["type"], one["timestamp"]) for one in told] == [(entry["kind"], entry["at"]) for entry in feed]
    assert all(set(one) == {"type", "timestamp", "data"} for one in told)
    assert kept["source"]["document_id"].encode() not in b"".join(one.body for one in receiver.received)
    assert receiver.received[0].headers["content-type"] == "application/json"
    rows = await attempts(nurses, made)
    assert [(row["outcome"], row["status"], row["attempt"], row["kind"]) for row in rows] == [
        ("delivered", 200, 1, "care_report.submit"),
        ("delivered", 200, 1, "care_report.withdraw"),
    ]
    assert [row["webhook_id"] for row in rows] == [one.id for one in receiver.received]
    entry = (await nurses.get("/v1/changes", params={"after": rows[0]["after"], "limit": 1})).json()["changes"]
    assert entry == [feed[0]]


async def test_only_the_kinds_and_the_patients_that_are_asked_for(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic, nurses, patient = await team(region)
    stranger = await region.found()
    for who in (nurses, stranger):
        await subscribe(who, receiver.url(f"/{who.id}"), kinds=SUBMIT)
    await agree(clinic, patient)
    kept = await submit(clinic, patient, report())
    async with working(engine, near):
        await until(lambda: receiver.received)
    assert [(one.path, one.entry["record_id"]) for one in receiver.received] == [(f"/{nurses.id}", kept["id"])]


async def test_reach_is_asked_again_when_it_is_told(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """Queued while the consent stood, withdrawn before it is told: kept as withheld, and nothing more is said of it."""
    clinic, nurses, patient = await team(region)
    made = await subscribe(nurses, receiver.url(), kinds=SUBMIT)
    await submit(clinic, patient, report())
    await Worker(engine, near).queue()
    for given in (await clinic.get(f"/v1/patients/{patient}/consents")).json()["items"]:
        await clinic.post(f"/v1/patients/{patient}/consents/{given['id']}/withdrawal", {"reason": "本人の希望"})
    own = await submit(nurses, patient, report())
    async with working(engine, near):
        await until(lambda: receiver.received)
    assert receiver.records() == [own["id"]]
    rows = await attempts(nurses, made)
    assert [(row["outcome"], row["status"], row["answer"]) for row in rows] == [
        ("withheld", None, None),
        ("delivered", 200, ""),
    ]


async def log_of(clinic: Vendor, patient: str) -> list[dict[str, Any]]:
    items = (await clinic.get(f"/v1/patients/{patient}/access-log?limit=200")).json()["items"]
    return [event for event in items if event["action"] == "change.notify"]


async def test_each_notice_stands_in_the_access_log_once_however_often_it_is_tried(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic, nurses, patient = await team(region)
    made = await subscribe(nurses, receiver.url(), kinds=SUBMIT)
    receiver.reply = lambda _: (200 if len(receiver.received) > 2 else 500, {}, b"")
    await submit(clinic, patient, report())
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 3)
    (event,) = await log_of(clinic, patient)
    assert event["text"].endswith("の連携システムに、更新情報を通知しました。根拠:ケアチームの一員。")
    assert (event["organization"]["id"], event["profession"], event["outcome"]) == (nurses.id, "system", "allowed")
    assert [row["outcome"] for row in await attempts(nurses, made)] == ["failed", "failed", "delivered"]
    await nurses.post(f"/v1/subscriptions/{made['id']}/redelivery", {"from": "2026-01-01"})
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 4)
    assert len(await log_of(clinic, patient)) == 2


async def test_an_emergency_is_told_at_once_to_the_attending_physician_and_to_the_platform(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic, hospital = await region.found(), await region.found("hospital")
    patient = await register(clinic)
    kinds = ["emergency_access.open"]
    office = await subscribe(region.admin, receiver.url("/platform"), kinds=kinds)
    await subscribe(clinic, receiver.url("/attending"), kinds=kinds)
    await subscribe(hospital, receiver.url("/own"), kinds=kinds)
    said = {"reason": "意識なし", "life_at_risk": True, "consent_unobtainable": True}
    opened = await hospital.post(f"/v1/patients/{patient}/emergency-access", said, by="physician")
    assert opened.status_code == 201, opened.text
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 3)
    assert {one.path for one in receiver.received} == {"/platform", "/attending", "/own"}
    assert {one.entry["record_id"] for one in receiver.received} == {opened.json()["id"]}
    texts = [event["text"] for event in await log_of(clinic, patient)]
    assert any("基盤の管理者に、更新情報を通知しました" in text for text in texts)
    assert (await region.admin.call("DELETE", f"/v1/subscriptions/{office['id']}")).status_code == 204


async def test_while_secrets_overlap_both_sign(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic, nurses, patient = await team(region)
    made = await subscribe(nurses, receiver.url(), kinds=SUBMIT)
    path = f"/v1/subscriptions/{made['id']}"
    new = (await nurses.post(f"{path}/secret", {"overlap_hours": 1})).json()["secret"]
    await submit(clinic, patient, report())
    async with working(engine, near):
        await until(lambda: receiver.received)
        verified(receiver.received[0], made["secret"], new)
        newest = (await nurses.post(f"{path}/secret", {"overlap_hours": 0})).json()["secret"]
        await submit(clinic, patient, report())
        await until(lambda: len(receiver.received) == 2)
    verified(receiver.received[1], newest)
    assert receiver.received[1].headers["webhook-signature"].count("v1,") == 1


async def test_of_one_patient_the_later_waits_for_the_earlier_and_others_do_not(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic = await region.found()
    first, second = await register(clinic), await register(clinic)
    await Worker(engine, near).queue()
    await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    ids = [(await submit(clinic, first, report()))["id"] for _ in range(3)]
    refused = dict.fromkeys(ids[:1], 3)

    def reply(one: Any) -> tuple[int, dict[str, str], bytes]:
        left = refused.get(one.entry["record_id"], 0)
        refused[one.entry["record_id"]] = left - 1
        return (503 if left > 0 else 200, {}, b"")

    receiver.reply = reply
    other = (await submit(clinic, second, report()))["id"]
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 7)
    of_first = [id_ for id_ in receiver.records() if id_ != other]
    assert of_first == [ids[0]] * 4 + ids[1:]
    assert receiver.records().index(other) < 4  # it has not waited for the other patient's
    same = {one.id for one in receiver.received if one.entry["record_id"] == ids[0]}
    assert len(same) == 1


async def test_what_is_never_acknowledged_is_given_up_in_time_and_the_next_is_told(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """One poisonous entry among sound ones: dead after its time, listed, and told when it is asked for."""
    clinic = await region.found()
    patient, healthy = await register(clinic), await register(clinic)
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    poison, after = [(await submit(clinic, patient, report()))["id"] for _ in range(2)]
    receiver.reply = lambda one: (
        500 if one.entry["record_id"] == poison else 200,
        {},
        "毒".encode() + b"\0" + b"x" * 9999,
    )
    patience = Patience(near.webhook_retry_seconds)
    async with working(engine, near):
        while after not in receiver.records():
            await submit(clinic, healthy, report())
            await asyncio.sleep(0.1)
            assert len(receiver.received) < 150
    rows = await attempts(clinic, made)
    tried = [row for row in rows if row["outcome"] in ("failed", "dead")]
    assert tried[-1]["outcome"] == "dead" and {row["outcome"] for row in tried[:-1]} == {"failed"}
    assert [row["attempt"] for row in tried] == list(range(1, len(tried) + 1))
    assert len(tried) <= 20
    times = [one.seconds for one in receiver.received if one.entry["record_id"] == poison]
    assert times[-1] - times[0] <= patience.seconds * 1.5
    assert tried[0]["answer"].startswith("毒\ufffdx") and len(tried[0]["answer"].encode()) <= 2048 + 4
    (dead,) = await attempts(clinic, made, outcome="dead")
    receiver.reply = lambda _: (200, {}, b"")
    path = f"/v1/subscriptions/{made['id']}/deliveries"
    assert (await clinic.post(f"{path}/{dead['id']}/redelivery", {})).status_code == 201
    async with working(engine, near):
        await until(lambda: receiver.records().count(poison) == len(tried) + 1)
    assert {one.id for one in receiver.received if one.entry["record_id"] == poison} == {dead["webhook_id"]}
    assert (await state(clinic, made))["state"] == "on"


async def test_a_stretch_is_told_again_from_any_position(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic = await region.found()
    patients = [await register(clinic) for _ in range(2)]
    ids = [(await submit(clinic, patients[n % 2], report()))["id"] for n in range(6)]
    await Worker(engine, near).queue()
    made = await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    pages = [(await clinic.get(f"/v1/changes?kind=care_report.submit&limit={n}")).json()["cursor"] for n in (2, 5)]
    asked = await clinic.post(f"/v1/subscriptions/{made['id']}/redelivery", {"after": pages[0], "upto": pages[1]})
    assert asked.status_code == 201, asked.text
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 3)
    assert sorted(receiver.records()) == sorted(ids[2:5])  # type: ignore[type-var]  # all of them records
    whole = {"from": "2026-01-01", "to": "2099-01-01"}
    assert (await clinic.post(f"/v1/subscriptions/{made['id']}/redelivery", whole)).status_code == 201
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 9)
    for patient in patients:
        told = [one.entry["record_id"] for one in receiver.received[3:] if one.entry["patient_id"] == patient]
        assert told == [id_ for n, id_ in enumerate(ids) if patients[n % 2] == patient]
    assert len({one.id for one in receiver.received}) == 6


def test_whom_a_change_concerns_is_planned_anew_for_each_stretch(near: Settings) -> None:
    """One plan for all looks through every subscription for each line (bench.webhooks); lost when the function is made anew."""
    ((configured,),) = as_owner(near, "SELECT proconfig::text FROM pg_proc WHERE proname = 'renkei_fan_out'")
    assert "plan_cache_mode=force_custom_plan" in configured


@pytest.mark.parametrize("narrowed", [True, False])
async def test_it_reads_as_the_system_itself(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver, narrowed: bool
) -> None:
    """A consent narrowed to nurses does not reach the system, though a nurse's token subscribed."""
    clinic, nurses = await region.found(), await region.found("visiting_nursing")
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    recipients = {"care_team": True, "organizations": [], "professions": ["nurse"] if narrowed else []}
    given = await clinic.post(f"/v1/patients/{patient}/consents", consent(recipients=recipients))
    assert given.status_code == 201, given.text
    answer = await nurses.post("/v1/subscriptions", {"url": receiver.url(), "kinds": SUBMIT}, by="nurse")
    await submit(clinic, patient, report())
    own = await submit(nurses, patient, report())
    async with working(engine, near):
        await until(lambda: own["id"] in receiver.records())
    rows = await attempts(nurses, answer.json())
    assert [row["outcome"] for row in rows] == (["withheld", "delivered"] if narrowed else ["delivered"] * 2)
    assert json.loads(receiver.received[-1].body)["data"]["record_id"] == own["id"]


async def test_a_receiver_may_ask_to_be_left_alone(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    clinic = await region.found()
    patient = await register(clinic)
    patience = Patience(near.webhook_retry_seconds)
    receiver.reply = lambda _: (429 if len(receiver.received) == 1 else 200, {"Retry-After": "9999"}, b"")
    await subscribe(clinic, receiver.url(), kinds=SUBMIT)
    await submit(clinic, patient, report())
    async with working(engine, near):
        await until(lambda: len(receiver.received) == 2)
    between = receiver.received[1].seconds - receiver.received[0].seconds
    assert between >= patience.pause(1, 9999, 0.5) > 5 * patience.pause(1, None, 0.5)
