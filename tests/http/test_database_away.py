"""The database away, restarted, killed; a COMMIT that fails. In a cluster of this file's own, which does wait for the disk."""

import asyncio
import os
import signal
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from tests.factories import Region, Vendor, person, register, report, sheet, submit
from tests.http.inside import as_owner
from tests.http.problems import problem

from renkei import migration
from renkei.actions.administration import found_installation, install_defaults
from renkei.database import SERVICE_ROLE, WORKER_ROLE
from renkei.embedded import EmbeddedPostgres
from renkei.main import create_app
from renkei.operator import as_operator
from renkei.settings import Settings


@pytest.fixture(scope="module")
def cluster() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="renkei-") as folder:
        os.chmod(folder, 0o701)  # as root, PostgreSQL runs as somebody who must pass through
        server = EmbeddedPostgres(Path(folder))
        server.start()
        yield server
        server.remove()


async def until(true: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


@dataclass
class Place:
    """A service on a cluster that may be stopped and killed."""

    cluster: EmbeddedPostgres
    settings: Settings
    http: httpx.AsyncClient
    region: Region

    async def stop(self) -> None:
        await asyncio.to_thread(self.cluster.stop, found=True)

    async def start(self) -> None:
        await asyncio.to_thread(self.cluster.start)

    def connections(self) -> int:
        """How many of the service's connections stand."""
        ((count,),) = as_owner(self.settings, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'renkei'")
        return int(count)

    async def cut(self) -> None:
        """Ends every connection of the service, behind its back."""
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'renkei'"
        as_owner(self.settings, end)
        await until(lambda: not self.connections())


@pytest.fixture(scope="module")
async def place(cluster: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    owner, app_url = cluster.url("postgres", "renkei"), cluster.url("renkei_app", "renkei")
    migration.make_database(cluster.url("postgres", "postgres"), "renkei", afresh=True)
    migration.migrate(owner, [(app_url, SERVICE_ROLE), (cluster.url("renkei_work", "renkei"), WORKER_ROLE)])
    await as_operator(owner, "permission_table.install", install_defaults)
    made = await as_operator(owner, "client.register", lambda tx, asked: found_installation(tx, asked, "admin"))
    settings = Settings(
        database_url=SecretStr(app_url),
        owner_database_url=SecretStr(owner),
        data_dir=tmp_path_factory.mktemp("data"),
        pool_size=4,
    )
    app = create_app(settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        region = Region(client, Vendor(client, made["client_id"], made["client_secret"]))
        yield Place(cluster, settings, client, region)


async def test_away_and_back(place: Place) -> None:
    clinic = await place.region.found()
    path = f"/v1/patients/{await register(clinic)}"
    document = sheet({"medical": {"weight": 50}})
    await submit(clinic, path.rsplit("/", 1)[1], document)
    await place.stop()
    for _ in range(2):
        answers = [
            await clinic.get(f"{path}/summary"),
            await clinic.post(f"{path}/face-sheets", sheet({"medical": {"weight": 51}})),
            await clinic.get("/v1/patients"),
            await place.http.get("/readyz"),
            await place.http.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=("x", "y")),
        ]
        for answer in answers:
            problem(answer, 503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert (await place.http.get("/healthz")).status_code == 200
    many = await asyncio.gather(*(clinic.get(f"{path}/summary") for _ in range(20)))
    assert {a.status_code for a in many} == {503}
    await place.start()
    many = await asyncio.gather(*(clinic.get(f"{path}/summary") for _ in range(20)))
    assert {a.status_code for a in many} == {200}
    assert many[0].json()["groups"]["medical"]["weight"]["value"] == 50
    assert (await place.http.get("/readyz")).status_code == 200
    assert (await clinic.post(f"{path}/face-sheets", document)).status_code == 200


async def test_dead_connections_of_the_pool_are_nobodys_concern(place: Place) -> None:
    clinic = await place.region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    for _ in range(3):
        await asyncio.gather(*(clinic.get(f"{path}/summary") for _ in range(8)))  # all connections stand
        await place.cut()
        answers = await asyncio.gather(
            *(clinic.get(f"{path}/summary") for _ in range(6)),
            *(clinic.post(f"{path}/care-reports", report()) for _ in range(6)),
            place.http.get("/readyz"),
            clinic.get("/v1/patients/01890000-0000-7000-8000-000000000000"),  # its refusal is put on record
        )
        assert Counter(a.status_code for a in answers) == {200: 7, 201: 6, 404: 1}, [
            a.text for a in answers if a.status_code >= 500
        ]
        assert place.connections() <= place.settings.pool_size
    assert len((await clinic.get(f"{path}/care-reports")).json()["items"]) == 18


async def test_a_statement_that_fails_leaves_the_pool_healthy(place: Place) -> None:
    clinic = await place.region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    as_owner(place.settings, "ALTER TABLE care_team_places ADD CONSTRAINT no_pharmacy CHECK (part <> 'pharmacy')")
    try:
        body = {"part": "pharmacy", "valid_from": "2026-01-01"}
        for _ in range(10):
            problem(await clinic.put(f"{path}/care-team/{clinic.id}", body), 500, "internal")
    finally:
        as_owner(place.settings, "ALTER TABLE care_team_places DROP CONSTRAINT no_pharmacy")
    answers = await asyncio.gather(*(clinic.get(f"{path}/summary") for _ in range(12)))
    assert {a.status_code for a in answers} == {200}
    assert (await clinic.put(f"{path}/care-team/{clinic.id}", body)).status_code == 200


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON audit_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
"""


async def test_no_success_is_told_before_its_commit(place: Place) -> None:
    clinic = await place.region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}"
    before = as_owner(place.settings, "SELECT count(*) FROM patients")
    as_owner(place.settings, REFUSE)
    try:
        answers = [
            await clinic.post(f"{path}/face-sheets", sheet({"medical": {"weight": 50}})),
            await clinic.post(f"{path}/care-reports", report()),
            await clinic.get(f"{path}/summary"),  # its COMMIT travels with its last statement
            await clinic.get(f"{path}/care-reports"),
            await clinic.call("DELETE", f"{path}/care-team/{clinic.id}"),
            await clinic.post("/v1/patients", person()),
        ]
        for answer in answers:
            problem(answer, 500, "internal")
    finally:
        as_owner(place.settings, "DROP TRIGGER refuse ON audit_events")
        as_owner(place.settings, "DROP FUNCTION refuse()")
    assert as_owner(place.settings, "SELECT count(*) FROM records WHERE patient_id = %s", patient) == [(0,)]
    assert as_owner(place.settings, "SELECT count(*) FROM patients") == before
    assert (await clinic.get(f"{path}/summary")).json()["groups"]["medical"] == {}


async def test_killed_under_load_nothing_acknowledged_is_lost(place: Place) -> None:
    clinic = await place.region.found()
    patient = await register(clinic)
    path = f"/v1/patients/{patient}/care-reports"
    acknowledged: dict[str, str] = {}
    stop = asyncio.Event()

    async def post() -> None:
        while not stop.is_set():
            document = report()
            answer = await clinic.post(path, document)
            assert answer.status_code in (201, 503), answer.text
            if answer.status_code == 201:
                acknowledged[document["source"]["document_id"]] = answer.json()["id"]
            else:
                await asyncio.sleep(0.01)

    load = [asyncio.create_task(post()) for _ in range(4)]
    for _ in range(3):
        enough = len(acknowledged) + 40
        await until(lambda: len(acknowledged) >= enough)  # noqa: B023 — called before the loop goes on
        postmaster = place.cluster._postmaster()
        assert postmaster is not None
        os.kill(postmaster, signal.SIGKILL)
        await until(lambda: not place.cluster.running())
        await place.start()
    stop.set()
    await asyncio.gather(*load)
    rows = as_owner(place.settings, "SELECT document_id, id::text FROM records WHERE patient_id = %s", patient)
    stored = dict(rows)
    assert len(stored) == len(rows)
    assert acknowledged.items() <= stored.items()
    # Half-written is nothing: a record has its change, its audit event and its place in the summary.
    whole = """
        SELECT count(*) FROM records r JOIN changes c ON c.patient_id = r.patient_id AND c.record_id = r.id
        JOIN audit_events e ON e.patient_id = r.patient_id AND e.id = r.audit_event_id WHERE r.patient_id = %s
    """
    assert as_owner(place.settings, whole, patient) == [(len(stored),)]
    shown = (await clinic.get(f"/v1/patients/{patient}/summary")).json()["care_reports"]
    newest = sorted(stored.values(), reverse=True)[:20]
    assert [r["id"] for r in shown] == newest
