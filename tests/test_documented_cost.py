"""Decision 0003 counts statements and round trips of each request; so does this."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from renkei.access import identity
from renkei.database import Statement, Transaction
from tests.factories import Region, Vendor, join, person, register, report, sheet

ROOT = Path(__file__).parents[1]
DECISION = (ROOT / "docs" / "decisions" / "0003-records-and-summary.md").read_text(encoding="utf-8")
COMPLETE = json.loads((ROOT / "tests/cases/valid/face-als-clinic-complete.json").read_text(encoding="utf-8"))["body"]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of every round trip made from now on: how many statements it carries."""
    trips: list[int] = []
    send = Transaction._pipeline

    async def counting(self: Transaction, statements: Sequence[Statement], last: bool) -> list[list[Any]]:
        trips.append(len(statements))
        return await send(self, statements, last)

    monkeypatch.setattr(Transaction, "_pipeline", counting)
    monkeypatch.setattr(identity, "REMEMBER_SECONDS", 60.0)  # on a busy machine a second is short
    return trips


async def test_each_request_costs_what_the_decision_says(region: Region, sent: list[int]) -> None:
    clinic, nurses, stranger = await region.found(), await region.found("visiting_nursing"), await region.found()
    patient = await register(clinic)
    await join(clinic, nurses, patient)
    path, counted = f"/v1/patients/{patient}", dict[str, tuple[int, int]]()

    async def cost(name: str, status: int, vendor: Vendor, method: str, to: str, **options: Any) -> Any:
        await vendor.get("/v1/me", by="nurse")  # the token is remembered now
        sent.clear()
        answer = await vendor.call(method, to, by="nurse", **options)
        assert answer.status_code == status, answer.text
        counted[name] = (sum(sent), len(sent))
        return answer

    await cost("registering a new person", 201, clinic, "POST", "/v1/patients", json=person())
    whole = "face sheet with them (the registered person is read, to compare)"
    await cost(whole, 201, clinic, "POST", f"{path}/face-sheets", json=COMPLETE)
    await cost("the same document again", 200, clinic, "POST", f"{path}/face-sheets", json=COMPLETE)
    weight = sheet({"medical": {"weight": 50}}, as_of="2026-11-01T10:00:00+09:00")
    await cost("face sheet without items of the person", 201, nurses, "POST", f"{path}/face-sheets", json=weight)
    await cost("care report", 201, nurses, "POST", f"{path}/care-reports", json=report())
    shown = await cost("summary", 200, nurses, "GET", f"{path}/summary")
    known = {"If-None-Match": shown.headers["ETag"]}
    await cost("summary, not modified", 304, nurses, "GET", f"{path}/summary", headers=known)
    await cost("refusal (403, 404)", 404, stranger, "GET", f"{path}/summary")

    rows = re.findall(r"^\| (.+?) \| (\d+) \| (\d+) \|$", DECISION, re.MULTILINE)
    assert counted == {name: (int(statements), int(trips)) for name, statements, trips in rows}
