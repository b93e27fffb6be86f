"""A vendor may name as many receivers as it likes: its slow ones hold up no other vendor."""

from contextlib import ExitStack

from sqlalchemy.ext.asyncio import AsyncEngine

from renkei.settings import Settings
from tests.factories import Region, Vendor, register, report, submit
from tests.webhooks.receiver import Receiver, Worker, receiving, subscribe, until, working

SUBMIT = ["care_report.submit"]


async def test_one_vendors_receivers_take_a_quarter_of_all_turns(
    region: Region, clinic: Vendor, patient: str, engine: AsyncEngine, near: Settings, receiver: Receiver
) -> None:
    """Four receivers that never answer, as many as there are turns; then something happens for another vendor."""
    other = await region.found()
    elsewhere = await register(other)
    await Worker(engine, near).queue()
    with ExitStack() as stack:
        slow = [stack.enter_context(receiving()) for _ in range(4)]
        for one in slow:
            one.open.clear()
            await subscribe(clinic, one.url(), kinds=SUBMIT)
        await submit(clinic, patient, report())
        await subscribe(other, receiver.url(), kinds=SUBMIT)
        settings = near.model_copy(update={"webhook_timeout_seconds": 40.0, "webhook_receivers": 4})
        async with working(engine, settings):
            await until(lambda: any(one.active for one in slow))
            await submit(other, elsewhere, report())
            await until(lambda: receiver.received, 20)
            assert sum(one.active for one in slow) == 1
            for one in slow:
                one.open.set()
            await until(lambda: all(one.received for one in slow))
