"""A clinic, a nurse station and their patients, told through HTTP as vendors would tell them."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.factories import Region, Vendor, agree, family_consent, join, register, submit

from bench.place import Place
from renkei.actions.administration import found_installation
from renkei.catalogue import load_catalogue
from renkei.operator import as_operator

CASES = Path(__file__).parents[1] / "tests" / "cases" / "valid"
AT_ONCE = 4
REPORTS_EACH = 20
"""As many as a summary shows."""


@dataclass(frozen=True, slots=True)
class Town:
    """Who acts, and on whom. The clinic and the nurses have each told of every patient; a consent opens all to both."""

    place: Place
    clinic: Vendor
    nurses: Vendor
    patients: list[str]


def case(name: str) -> dict[str, Any]:
    """The body of one of the filled-in documents that the tests hold, too."""
    return dict(json.loads((CASES / f"{name}.json").read_text("utf-8"))["body"])


@contextlib.asynccontextmanager
async def open_region(place: Place) -> AsyncIterator[Region]:
    """The region of a place that serves, founded."""
    made = await as_operator(
        place.owner_url, "client.register", lambda tx, asked: found_installation(tx, asked, "bench")
    )
    base = f"http://127.0.0.1:{place.port}"
    async with httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as http:
        yield Region(http, Vendor(http, made["client_id"], made["client_secret"]))


async def found_town(place: Place, size: int) -> Town:
    """``size`` patients, each with two offices' sheets and twenty reports: a summary of about 30 kB."""
    async with open_region(place) as region:
        clinic, nurses = await region.found("clinic"), await region.found("visiting_nursing")
        patients = await _each(range(size), lambda _: _patient(clinic, nurses))
        for vendor, profession in ((clinic, "physician"), (nurses, "nurse")):
            await vendor.token(profession)  # Kept by the vendor, which needs no connection from here on.
    return Town(place, clinic, nurses, patients)


async def _patient(clinic: Vendor, nurses: Vendor) -> str:
    patient = await register(clinic, by="physician")
    await join(clinic, nurses, patient)
    restricted = [item.code for item in load_catalogue().items.values() if item.restricted]
    await agree(clinic, patient, restricted=restricted)
    consented = await clinic.post(f"/v1/patients/{patient}/consents", family_consent())
    assert consented.status_code == 201, consented.text
    await submit(clinic, patient, case("face-diabetes-clinic-periodic"), by="physician")
    await submit(nurses, patient, case("face-diabetes-pharmacy-conflict"), by="nurse")
    for number, name in zip(range(REPORTS_EACH), itertools.cycle(REPORTS), strict=False):
        report = case(name)
        report["source"] = {"document_id": f"CR-{number}", "version": 1}
        await submit(nurses, patient, report, by="nurse")
    return patient


REPORTS = ("care-dementia-day-bathing", "care-stroke-nurse-aspiration", "care-diabetes-nurse-full")


async def _each(what: Any, do: Callable[[Any], Awaitable[str]]) -> list[str]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(thing: Any) -> str:
        async with gate:
            return await do(thing)

    return list(await asyncio.gather(*map(one, what)))
