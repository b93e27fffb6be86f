"""Exactly one audit event for each patient shown or asked for, with the right action, outcome, basis and groups."""

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row
from tests.access.doors import ASKING, BREAKING_GLASS, ITS_OWN, ROUTES, Route, ids_of
from tests.access.oracle import Consent, Ties
from tests.access.world import EVERYTHING, OWN, World, care_report, face_sheet, figure, owner
from tests.factories import Region, person, register
from tests.people.posts import Staff

from renkei.ids import new_id
from renkei.settings import Settings

SHEET = ["person", "family", "medical", "living"]
GROUPS = {
    "patient.read": ["person"],
    "patient.change": ["person"],
    "candidate.read": ["person"],
    "face_sheet.submit": SHEET,
    "face_sheet.read": SHEET,
    "face_sheet.withdraw": SHEET,
    "care_report.submit": ["care_report"],
    "care_report.read": ["care_report"],
    "care_report.withdraw": ["care_report"],
    **{f"draft.{act}": ["care_report"] for act in ("enter", "read", "change", "discard", "confirm")},
    "attachment.add": ["medical"],
    "attachment.read": ["medical"],
    "attachment.withdraw": ["medical"],
    "summary.read": [*SHEET, "care_report"],
    "consent.record": [*SHEET, "care_report"],
}
"""The groups an event names, for one who may read them all; acts on no group name none."""


ABOUT_TWO = {"patient.distinguish", "patient.link", "patient.unlink"}
NAMED_TWO = ABOUT_TWO - {"patient.unlink"}
"""Refused, too, they are on record for both: whose link is ended may be no patient's id at all."""


class Ledger:
    """Both ledgers, as their owner sees them."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection

    def of(self, answer: httpx.Response, table: str = "audit_events") -> list[dict[str, Any]]:
        """The events of one request."""
        cursor = self.connection.cursor(row_factory=dict_row)
        query = psycopg.sql.SQL("SELECT * FROM {} WHERE request_id = %s ORDER BY id").format(
            psycopg.sql.Identifier(table)
        )
        return cursor.execute(query, [answer.headers["x-request-id"]]).fetchall()

    def one(self, answer: httpx.Response) -> dict[str, Any]:
        """The one event of a request on one patient; none in the ledger of acts on no patient. Where an act is about two
        patients, each has one, and the first is the addressed one's."""
        events = self.of(answer)
        two = events and events[0]["action"] in (ABOUT_TWO if events[0]["outcome"] == "allowed" else NAMED_TWO)
        assert len(events) == (2 if two else 1), (answer.status_code, answer.text[:200], events)
        assert self.of(answer, "service_events") == []
        return events[0]


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with owner(settings) as connection:
        yield Ledger(connection)


@pytest.mark.parametrize("kind", ["client", "member"])
async def test_every_allowed_act_is_on_record_once(
    region: Region, ledger: Ledger, settings: Settings, kind: str
) -> None:
    """Of a system for a user it names, and of a member who has signed in."""
    world = await World.found(region)
    state = Ties("now", own=True, emergency=frozenset({"medical"}), consents=(Consent(EVERYTHING),))
    made = await world.make(state)
    await world.request(made)
    if kind == "member":
        world.author, world.reader = Staff.of(world.author, settings), Staff.of(world.reader, settings)
    for route in ROUTES:
        emergency = route.action in ITS_OWN
        vendor = world.reader if emergency else world.author
        answer = await route.ask(vendor, world, ids_of(route, made, world.reader.id))
        assert answer.status_code < 300, (route.name, answer.text)
        event = ledger.one(answer)
        assert (str(event["patient_id"]), event["action"], event["outcome"]) == (made.id, route.action, "allowed")
        assert event["reason"] is None
        assert event["basis"] == (["care_team", "emergency", "own"] if emergency else ["care_team", "own"])
        listed = route.name == "GET /v1/patients/{patient_id}/attachments"
        assert event["groups"] == ([*SHEET, "care_report"] if listed else GROUPS.get(route.action, [])), route.name
        assert (event["actor_kind"], str(event["organization_id"])) == (kind, vendor.id)
        named = vendor.account("physician") if isinstance(vendor, Staff) else "u-physician"
        assert (event["user_id"], event["profession"]) == (named, "physician")
        assert (event["client_id"] is None) == (kind == "member")
        if "record_id" in route.path:
            assert str(event["record_id"]) == ids_of(route, made, "")["record_id"]
        if "attachment_id" in route.path:
            assert str(event["record_id"]) == made.attachment
    figure(f"audit: allowed acts {len(ROUTES)}, each with exactly one event")


async def refuse(route: Route, world: World, ids: dict[str, str], who: str | None, stranger: Any) -> httpx.Response:
    return await route.ask(stranger, world, ids, who)


async def test_every_refusal_is_on_record_once(region: Region, ledger: Ledger) -> None:
    """403 without the right, 404 hidden, 404 absent, and an id of the path that does not exist."""
    world, stranger = await World.found(region), await region.found()
    made = await world.make(Ties("now", consents=(Consent(EVERYTHING),)))
    count = 0
    for route in ROUTES:
        ids = ids_of(route, made, world.reader.id)
        absent = str(new_id())
        asked = [
            *([] if route.action in ASKING else [(world.reader, ids, "family", 403, made.id)]),
            (world.reader, {**ids, "patient_id": absent}, "nurse", 404, absent),
        ]
        if route.action != BREAKING_GLASS:
            asked.append((stranger, ids, "physician", 404, made.id))
        inner = [name for name in ids if name != "patient_id" and f"{{{name}}}" in route.path]
        asked += [(world.author, {**ids, name: str(new_id())}, "physician", 404, made.id) for name in inner]
        asked += [(world.author, {**ids, name: "no-id"}, "physician", 404, made.id) for name in inner]
        for vendor, path, who, status, patient in asked:
            answer = await route.ask(vendor, world, path, who)
            assert answer.status_code == status, (route.name, who, path, answer.text)
            event = ledger.one(answer)
            assert (str(event["patient_id"]), event["action"], event["outcome"]) == (patient, route.action, "refused")
            assert event["reason"] == answer.json().get("reason_code", "not-found")
            assert (event["basis"], event["groups"]) == ([], [])
            count += 1
    figure(f"audit: refusals {count}, each with exactly one event")


async def test_an_id_that_is_none_is_on_record_too(region: Region, ledger: Ledger) -> None:
    """It names no patient, so it stands among the acts on none."""
    world = await World.found(region)
    made = await world.make(Ties("now"))
    for route in ROUTES:
        answer = await route.ask(world.reader, world, {**ids_of(route, made, world.reader.id), "patient_id": "x"})
        assert answer.status_code == 404
        assert ledger.of(answer) == []
        (event,) = ledger.of(answer, "service_events")
        assert (event["action"], event["outcome"], event["reason"]) == (route.action, "refused", "not-found")


async def test_conflicts_are_on_record_once_and_leave_nothing_allowed(region: Region, ledger: Ledger) -> None:
    world = await World.found(region)
    made = await world.make(Ties("now", consents=(Consent(EVERYTHING),)))
    same = {"source": {"document_id": "D-1", "version": 2}}
    first = await world.author.post(f"{made.path}/face-sheets", face_sheet(OWN, OWN, **same), by="physician")
    assert first.status_code == 201
    reason = {"reason": "誤り"}
    withdrawal = f"{made.path}/consents/{made.consents[0]}/withdrawal"
    assert (await world.author.post(withdrawal, reason)).status_code == 201
    undone = f"{made.path}/care-reports/{made.report}/withdrawal"
    assert (await world.author.post(undone, reason, by="physician")).status_code == 201
    again = [
        await world.author.post(f"{made.path}/face-sheets", face_sheet(["person.wish"], **same), by="physician"),
        await world.author.post(f"{made.path}/care-reports", care_report(**same), by="physician"),
        await world.author.post(withdrawal, {"reason": "別の理由"}),
        await world.author.post(undone, {"reason": "別の理由"}, by="physician"),
    ]
    for answer in again:
        assert answer.status_code == 409, answer.text
        event = ledger.one(answer)
        assert (str(event["patient_id"]), event["outcome"]) == (made.id, "refused")
        assert event["reason"] == answer.json()["reason_code"]


async def test_what_is_only_wrong_goes_to_the_log(region: Region, ledger: Ledger) -> None:
    """400, 401, 413 and 422 leave no event, and what was rolled back none either."""
    world = await World.found(region)
    made = await world.make(Ties("now"))
    unknown = {"groups": ["medical"], "recipients": {"care_team": False, "organizations": [str(new_id())]}}
    consent = {
        "form": "written",
        "given_by": {"relation": "self"},
        "given_on": "2026-01-01",
        "valid_from": "2026-01-01",
    }
    answers = [
        await world.author.post(f"{made.path}/consents", {**consent, **unknown}),
        await world.author.post(f"{made.path}/face-sheets", {}, by="physician"),
        await world.author.get(f"{made.path}/summary?unknown=1"),
        await world.author.call(
            "POST", f"{made.path}/consents", content=b"{", headers={"Content-Type": "application/json"}
        ),
        await world.author.http.get(f"{made.path}/summary"),
    ]
    assert [a.status_code for a in answers] == [422, 422, 422, 400, 401]
    assert [ledger.of(a) for a in answers] == [[], [], [], [], []]


async def test_a_list_is_on_record_once_for_each_patient_shown(region: Region, ledger: Ledger) -> None:
    world = await World.found(region)
    mine = [await register(world.author) for _ in range(3)]
    page = await world.author.get("/v1/patients?limit=2", by="nurse")
    shown = [p["id"] for p in page.json()["items"]]
    assert shown == mine[:0:-1]
    events = ledger.of(page)
    assert sorted(str(e["patient_id"]) for e in events) == sorted(shown)
    assert {(e["action"], e["outcome"], *e["basis"], *e["groups"]) for e in events} == {
        ("patient.search", "allowed", "care_team", "person")
    }
    nothing = await world.author.get("/v1/patients?kana=ソンザイシナイ", by="nurse")
    assert (nothing.json()["items"], ledger.of(nothing)) == ([], [])
    refused = await world.author.get("/v1/patients", by="family")
    assert refused.status_code == 403
    assert (ledger.of(refused), len(ledger.of(refused, "service_events"))) == ([], 1)


async def test_registering_is_on_record_once_on_each_path(region: Region, ledger: Ledger) -> None:
    """New, known to the team, matched by one without a tie, a possible duplicate, refused."""
    world = await World.found(region)
    whole = person()
    for vendor, body, status, bases in (
        (world.author, whole, 201, None),
        (world.author, whole, 200, ["care_team"]),
        (world.reader, whole, 200, []),
        (world.reader, whole, 200, ["requested"]),
        (world.reader, {**whole, "birth_date": "1939-04-02"}, 201, None),
    ):
        answer = await vendor.post("/v1/patients", body, by="nurse")
        assert answer.status_code == status
        event = ledger.one(answer)
        assert (str(event["patient_id"]), event["action"]) == (answer.json()["id"], "patient.register")
        assert bases is None or event["basis"] == bases
    refused = await world.author.post("/v1/patients", whole, by="family")
    assert (refused.status_code, ledger.of(refused)) == (403, [])
    assert [e["outcome"] for e in ledger.of(refused, "service_events")] == ["refused"]


async def test_an_answer_not_modified_is_a_look_too(region: Region, ledger: Ledger) -> None:
    world = await World.found(region)
    made = await world.make(Ties("now"))
    first = await world.author.get(f"{made.path}/summary", by="nurse")
    tag = {"If-None-Match": first.headers["etag"]}
    again = await world.author.get(f"{made.path}/summary", by="nurse", headers=tag)
    assert again.status_code == 304
    assert ledger.one(again)["outcome"] == "allowed"


async def test_administrators_are_on_record_by_their_office(region: Region, ledger: Ledger) -> None:
    world, auditor = await World.found(region), await region.auditor()
    made = await world.make(Ties("now"))
    for vendor, kind in ((region.admin, "admin"), (auditor, "auditor")):
        answer = await vendor.get(f"{made.path}/access")
        event = ledger.one(answer)
        assert (event["actor_kind"], event["organization_id"], event["basis"]) == (kind, None, ["administration"])
        refused = await vendor.get(f"{made.path}/summary")
        assert (refused.status_code, ledger.one(refused)["outcome"]) == (403, "refused")


async def test_the_events_name_every_written_row(region: Region, ledger: Ledger) -> None:
    """Who and why is never missing: each row's event exists and is of the same patient."""
    world = await World.found(region)
    made = await world.make(Ties("now", own=True, emergency=frozenset({"medical"}), consents=(Consent(EVERYTHING),)))
    tables = ledger.connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'audit_event_id' "
        "JOIN pg_attribute p ON p.attrelid = c.oid AND p.attname = 'patient_id' WHERE c.relkind = 'r'"
    ).fetchall()
    assert len(tables) > 15
    for (table,) in tables:
        query = psycopg.sql.SQL(
            "SELECT count(*) FROM {} t WHERE patient_id = %s AND NOT EXISTS (SELECT FROM audit_events e "
            "WHERE e.patient_id = t.patient_id AND e.id = t.audit_event_id AND e.outcome = 'allowed')"
        ).format(psycopg.sql.Identifier(table))
        assert ledger.connection.execute(query, [made.id]).fetchone() == (0,), table
