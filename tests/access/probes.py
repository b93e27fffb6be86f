"""What each door that reads says to one reader about one patient, held against the oracle."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.access import oracle
from tests.access.oracle import Ties
from tests.access.states import DELEGATED, reason_told, value_in
from tests.access.world import VALUES, Made, World, meant
from tests.factories import Vendor
from tests.http.feed import publish_all, read
from tests.people.posts import Staff

from renkei.access.audit import Asked
from renkei.access.feed import FeedReader
from renkei.access.standing import standing_system
from renkei.database import transaction
from renkei.ids import new_id
from renkei.store.changes import Stretch, feed_end, next_lines
from renkei.vocabulary import Permission, Scope


class Stage:
    """A loop, a service and a world that the machines share: an organization more costs more than a patient."""

    loop: asyncio.AbstractEventLoop
    world: World
    worker: AsyncEngine
    staff: Staff

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Wait for it; machines are not coroutines."""
        return self.loop.run_until_complete(what)


async def probe(
    reader: Vendor, stage: Stage, made: Made, whole: dict[str, Any], ties: Ties, who: str, listed: str
) -> int:
    """Every door for one profession (or ``system``); how many answers were looked at. reader: the organization's system, or its
    staff signed in. whole: the patient as registered; listed: the id under which lists show the person."""
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
    assert (listed in [p["id"] for p in mine.json()["items"]]) == found
    assert [p["id"] for p in search.json()["items"]] == ([listed] if found and known else [])
    guard = oracle.guard_team(ties, who, DELEGATED)
    assert team.status_code == {None: 404, True: 200, False: 403}[guard]
    check_feed(lines, stage.world.author.id, ties, who)
    if by is None:
        check_feed(await webhook(stage, made), stage.world.author.id, ties, who)
    check_records(made, ties, who, summary, sheet, sheets)
    return len(answers) + 1 + (by is None)


async def webhook(stage: Stage, made: Made) -> list[dict[str, Any]]:
    """What a subscription of the reader's system would be told of this patient now, decided as the worker decides it."""
    reader = stage.world.reader
    async with transaction(stage.worker) as tx:
        client = await tx.row("SELECT id FROM clients WHERE client_id = %s", [reader.client_id])
        actor = await standing_system(tx, client.id, UUID(reader.id), Scope.changes)
        assert actor is not None and actor.organization is not None
        upto = Stretch(0, await feed_end(tx), 1000, None, UUID(made.id))
        lines = await next_lines(tx, actor.organization.id, upto)
        teller = FeedReader(tx, Asked(new_id(), actor, Permission.change_notify), actor.organization)
        return [{"kind": one.kind, "organization_id": str(one.organization_id)} for one in await teller.readable(lines)]


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
