"""One person registered twice, and what is done about it, for the tests of links."""

from dataclasses import dataclass
from typing import Any

from tests.factories import Region, Vendor, insured_number, insurer, join, register, sheet, submit

WHY = "同じ保険証を確認"


async def link(vendor: Vendor, one: str, two: str, **options: Any) -> Any:
    """Link two."""
    return await vendor.post(f"/v1/patients/{one}/links", {"patient_id": two, "reason": WHY}, **options)


async def part(vendor: Vendor, one: str, two: str, **options: Any) -> Any:
    """Part them."""
    return await vendor.post(f"/v1/patients/{one}/links/{two}/end", {"reason": "別人と判明"}, **options)


def ltci() -> dict[str, str]:
    """A number nobody has."""
    return {"system": "ltci", "insurer": insurer(), "value": insured_number()}


@dataclass
class Twice:
    """One person registered by two offices; nurses only in the first team, a pharmacy only in the second, the office in both."""

    first: Vendor
    second: Vendor
    nurses: Vendor
    pharmacy: Vendor
    office: Vendor
    one: str
    two: str

    async def get(self, vendor: Vendor, patient: str, path: str = "", by: str | None = None) -> Any:
        answer = await vendor.get(f"/v1/patients/{patient}{path}", by=by)
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()


async def registered_twice(region: Region) -> Twice:
    """The person, and the teams."""
    first, second = await region.found(), await region.found()
    nurses, pharmacy, office = [await region.found(k) for k in ("visiting_nursing", "pharmacy", "care_management")]
    one = await register(first, identifiers=[ltci()])
    two = await register(second, identifiers=[ltci()], birth_date="1938-04-12")
    for team, patient, members in ((first, one, (nurses, office)), (second, two, (pharmacy, office))):
        for member in members:
            await join(team, member, patient)
    return Twice(first, second, nurses, pharmacy, office, one, two)


async def weigh(vendor: Vendor, patient: str, kilos: int, day: int) -> dict[str, Any]:
    said = sheet({"medical": {"weight": kilos}}, as_of=f"2026-06-0{day}T10:00:00+09:00")
    return await submit(vendor, patient, said, by="nurse")


def weights(summary: dict[str, Any]) -> list[int]:
    entry = summary["groups"].get("medical", {}).get("weight")
    return [entry["value"], *(other["value"] for other in entry["others"])] if entry else []
