"""A linked person's entries are in order for each of its ids (decision 0033)."""

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.settings import Settings
from tests.factories import Region, report, submit
from tests.http.twice import link, registered_twice
from tests.webhooks.receiver import Receiver, Worker, subscribe, until, working


async def test_what_builds_on_one_another_has_one_id_and_the_other_id_waits_for_none_of_it(
    region: Region, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """The record stands under one id, is withdrawn by the other: told in order, under the record's id."""
    t = await registered_twice(region)
    assert (await link(t.office, t.one, t.two)).status_code == 201
    await Worker(engine, near).queue()
    await subscribe(t.office, receiver.url(), kinds=["care_report.submit", "care_report.withdraw"])
    kept = await submit(t.office, t.one, report())
    path = f"/v1/patients/{t.two}/care-reports/{kept['id']}/withdrawal"
    assert (await t.office.post(path, {"reason": "誤り"})).status_code == 201
    other = await submit(t.office, t.two, report())
    receiver.reply = lambda one: (
        503 if one.entry["patient_id"] == t.one and other["id"] not in receiver.records() else 200,
        {},
        b"",
    )
    async with working(engine, near):
        await until(lambda: [one for one in receiver.received if one.entry["kind"] == "care_report.withdraw"])
    told = [(one.entry["patient_id"], one.entry["kind"], one.entry["record_id"]) for one in receiver.received]
    assert (t.two, "care_report.submit", other["id"]) in told[:2]
    assert told[-1] == (t.one, "care_report.withdraw", kept["id"])
    assert set(told[:-1]) == {(t.one, "care_report.submit", kept["id"]), (t.two, "care_report.submit", other["id"])}
