"""What each door that reads says to one reader about one patient, held against the oracle."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access import oracle
from tests.access.oracle import Ties
from tests.access.states import DELEGATED, reason_told, value_in
from tests.access.world import VALUES, Made, World, meant
from tests.factories import Vendor
from tests.http.feed import publish_all, read
from tests.people.posts import Staff


class Stage:
    """A loop, a service and a world that the machines share: an organization more costs more than a patient."""

    loop: asyncio.AbstractEventLoop
    world: World
    worker: AsyncEngine
    staff: Staff

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Wait for it; machines are not coroutines."""
        return self.loop.run_until_complete(what)


async def probe(reader: Vendor, stage: Stage, made: Made, whole: dict[str, Any], ties: Ties, who: str) -> int:
    """Every door for one profession (or ``system``); how many answers were looked at. reader: the organization's system, or its
    staff signed in. whole: the patient as registered."""
    path, by = made.path, None if who == "system" else who
    number = f"ltci|{whole['identifiers'][0]['value']}"
    await publish_all(stage.worker)
    if reader is stage.world.reader:
        await reader.token(by)
    # At once: a 404 takes its time (decision 0013), and all may take it together. Of the list the first page is enough:
    # newest first, and nobody is newer than this patient.
    *answers, lines = await asyncio.gather(
        *(
            reader.get(place, by=by, params=query)
            for place, query in (
                (f"{path}/summary", {}),
                (f"{path}/face-sheets/{made.sheet}", {}),
                (f"{path}/face-sheets", {}),
                ("/v1/patients", {"limit": 5}),
                ("/v1/patients", {"identifier": number}),
                (f"{path}/access", {}),
            )
        ),
        read(reader, by, patient=made.id),
    )
    summary, sheet, sheets, mine, search, team = answers
    found, known = oracle.tied(ties, who), oracle.knows_person(ties, who)
    assert (made.id in [p["id"] for p in mine.json()["items"]]) == found
    assert [p["id"] for p in search.json()["items"]] == ([made.id] if found and known else [])
    guard = oracle.guard_team(ties, who, DELEGATED)
    assert team.status_code == {None: 404, True: 200, False: 403}[guard]
    check_feed(lines, stage.world.author.id, ties, who)
    check_records(made, ties, who, summary, sheet, sheets)
    return len(answers) + 1


def check_records(made: Made, ties: Ties, who: str, summary: Any, sheet: Any, sheets: Any) -> None:
    """Summary, record and list of records: what may be read is there, what may not is named with its reason."""
    found = oracle.tied(ties, who)
    due = {c: meant(ties, who, c, DELEGATED) for c in VALUES if not c.startswith("care_report.")}
    readable = any(value is not None for value, _ in due.values())
    assert summary.status_code == (200 if found else 404)
    assert sheet.status_code == ((200 if readable else 403) if found else 404)
    if found:
        assert (made.sheet in [r["id"] for r in sheets.json()["items"]]) == readable
        said = summary.json()
        for code, (value, reason) in due.items():
            entry = value_in(said["groups"], code)
            assert (entry and entry["value"]) == value, (code, ties)
            assert reason_told(code, said["withheld"]) == reason, (code, ties)


def check_feed(lines: list[dict[str, Any]], author: str, ties: Ties, who: str) -> None:
    """Of what the author did, the kinds this reader may know of; of its own doing all, once it is tied."""
    told = {line["kind"].split(".")[0] for line in lines if line["organization_id"] == author}
    done = {"patient", "face_sheet", "care_report"} | ({"consent"} if ties.consents else set())
    assert told & done == {noun for noun in done if oracle.feed(ties, who, noun, False, DELEGATED)}
    assert not lines or oracle.tied(ties, who)
