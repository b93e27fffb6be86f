"""``python -m bench.imports``: an NDJSON import by the worker, beside COPY of the same rows into tables of the same shape.

The import does all that it does for a vendor: every line validated, decided by the gate, audited, announced, kept once by its
natural key, and told in the summary. Its time is a vendor's: from the answer to the upload until the import says that it is done,
the start of the process that reads aside and several durable commits included; the server is asked how far it is, and the
worker publishes changes, meanwhile.

COPY writes the rows that came of it and stand: records, their audit events, changes, the rows of the import, the summary's parts
as they are in the end, and what the worker had made meanwhile of changes and events: their positions, their seals. The tables
are empty before, as they were for the import, with the same columns, indexes, checks, foreign keys and compression. It is given what the import has to pay for: it runs alone, as the owner of everything, so that
no policy of row-level security is asked, in one transaction, and writes neither the queue of the feed (a row for each
change, gone when it is published) nor the states of the summary that came and went. Both use fsync.
"""

import argparse
import asyncio
import copy
import json
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql
from tests.factories import Vendor, register

from bench.measure import CpuTimes, Others
from bench.place import Place, scratch
from bench.region import case, open_region
from renkei.schemas.bulk.files import CSV, NDJSON, XLSX
from renkei.schemas.bulk.flat import SHEETS, flat
from renkei.schemas.bulk.targets import Sheet, find_target
from renkei.schemas.bulk.writing import write_file

LONGEST_SECONDS = 600.0
MEDIA = {"csv": CSV, "xlsx": XLSX}
WRITTEN = {
    "audit_events": sql.SQL("action LIKE '%.submit'"),
    "audit_leaves": sql.SQL("event_id IN (SELECT id FROM public.audit_events WHERE action LIKE '%.submit')"),
    "records": sql.SQL("true"),
    "author_organizations": sql.SQL("true"),
    "changes": sql.SQL("record_id IS NOT NULL"),
    "change_positions": sql.SQL("change_id IN (SELECT id FROM public.changes WHERE record_id IS NOT NULL)"),
    "import_rows": sql.SQL("true"),
    "summary_parts": sql.SQL("true"),
}
"""What came of an import, in the order of their keys; of what else is there, registrations, nothing."""
SHEET, REPORT = "face-diabetes-clinic-periodic", "care-diabetes-nurse-full"


def main() -> None:
    """Print rows a second of both, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports")
    parser.add_argument("--lines", type=int, default=60_000)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--sheets", action="store_true", help="face sheets instead of care reports")
    parser.add_argument("--table", choices=MEDIA, help="the same as a table instead of lines of JSON")
    chosen = parser.parse_args()
    with scratch() as (folder, embedded):
        place = Place.prepare(folder, embedded, worker=True)
        place.more["RENKEI_IMPORT_MAX_BYTES"] = "1000000000"
        asyncio.run(_bench(place, chosen))


async def _bench(place: Place, chosen: argparse.Namespace) -> None:
    with place.serving():
        async with open_region(place) as region:
            clinic = await region.found()
            patients = [await register(clinic, by="physician") for _ in range(chosen.patients)]
            place.settle()
            content, query = _lines(patients, chosen.lines, SHEET if chosen.sheets else REPORT), ""
            if chosen.table:
                content, query = await _as_table(clinic, content, chosen.table)
            others = Others(CpuTimes.of(place.postgres_pid()))
            worker, database = CpuTimes.of(place._server[1].pid), CpuTimes.of(place.postgres_pid())
            seconds, memory = await _import(
                clinic, content, MEDIA.get(chosen.table, NDJSON), query, place._server[1].pid
            )
            worker_us, database_us = (cpu.since() / chosen.lines * 1e6 for cpu in (worker, database))
    database = CpuTimes.of(place.postgres_pid())
    copied = _copy(place.owner_url)
    copied_us = database.since() / chosen.lines * 1e6
    ours, limit = chosen.lines / seconds, chosen.lines / copied
    print(
        f"import: {chosen.lines} {'face sheets' if chosen.sheets else 'care reports'} of {len(content) // chosen.lines} bytes, "
        f"{chosen.patients} patients: {ours:.0f}/s (worker {worker_us:.0f} us, postgres {database_us:.0f} us each, "
        f"worker {memory // 1_000_000} MB at most); COPY of the same rows: {limit:.0f}/s (postgres {copied_us:.0f} us); ratio {ours / limit:.2f}; "
        f"others {others.share():.0%}"
    )


def _lines(patients: list[str], count: int, name: str) -> bytes:
    """Documents in the order of their days, as a history is kept: each day one of each patient."""
    body, begin = case(name), datetime.fromisoformat("2020-01-01T10:00:00+09:00")
    written = []
    for n in range(count):
        one: dict[str, Any] = copy.deepcopy(body)
        moment = (begin + timedelta(days=n // len(patients), seconds=n % len(patients))).isoformat()
        one["source"] = {"document_id": f"B-{n}", "version": 1}
        if "care_report" in one["items"]:
            one["items"]["care_report"]["observed_at"] = moment
        else:
            one["as_of"] = moment
        kind = "care_report" if "care_report" in one["items"] else "face_sheet"
        said = {"kind": kind, "patient_id": patients[n % len(patients)], "body": one}
        written.append(json.dumps(said, ensure_ascii=False).encode())
    return b"\n".join(written) + b"\n"


async def _as_table(clinic: Vendor, lines: bytes, form: str) -> tuple[bytes, str]:
    """The same documents as a file of an office, every column headed by what it is for, and how it is to be read."""
    with tempfile.TemporaryDirectory() as name:
        folder, columns, sheet = Path(name), dict[str, None](), Sheet.care_reports
        with (folder / "lines").open("wb") as file:
            for line in map(json.loads, lines.splitlines()):
                sheet, body = SHEETS[line["kind"]], line["body"]
                told = {**line, **body, "organization": {"name": ""}, "withheld": []}
                columns |= dict.fromkeys(flat(told))
                file.write(json.dumps(told).encode() + b"\n")
        write_file(folder / "lines", folder / "file", form, sheet)
        content = (folder / "file").read_bytes()
    mapping = {"columns": {name: name for name in columns if find_target(sheet, name)}}
    saved = await clinic.call(
        "PUT", "/v1/import-mappings/bench", json={"sheet": sheet, "mapping": mapping}, by="physician"
    )
    assert saved.status_code == 200, saved.text
    worksheet = f"&worksheet={sheet}" if form == "xlsx" else ""
    return content, f"?sheet={sheet}&mapping=bench&check=false{worksheet}"


async def _import(clinic: Vendor, content: bytes, media: str, query: str, worker: int) -> tuple[float, int]:
    """Seconds from the answer to the end, and the worker's memory at most, with that of the process it has started."""
    headers = {"Content-Type": media}
    sent = await clinic.call("POST", f"/v1/imports{query}", by="physician", content=content, headers=headers)
    assert sent.status_code == 202, sent.text
    began, process, memory = time.perf_counter(), psutil.Process(worker), 0
    while time.perf_counter() - began < LONGEST_SECONDS:
        await asyncio.sleep(0.25)
        memory = max(memory, sum(each.memory_info().rss for each in (process, *process.children())))
        job = (await clinic.get(sent.headers["Location"], by="physician")).json()
        if job["state"] not in ("queued", "running"):
            assert (job["state"], job["wrong"]) == ("done", 0), job
            return time.perf_counter() - began, memory
    raise SystemExit("the import did not end")


def _copy(url: str) -> float:
    """Seconds of COPY of what was written, into tables with the same indexes and keys, in one durable transaction."""
    with psycopg.connect(url) as connection, tempfile.TemporaryDirectory() as folder:
        connection.execute("CREATE SCHEMA copied")
        for table in WRITTEN:
            name = sql.Identifier(table)
            connection.execute(sql.SQL("CREATE TABLE copied.{} (LIKE public.{} INCLUDING ALL)").format(name, name))
            _copy_keys(connection, table)
            with (Path(folder) / table).open("wb") as file, connection.cursor().copy(_of_import(table)) as out:
                for piece in out:
                    file.write(piece)
        connection.commit()
        began = time.perf_counter()
        for table in WRITTEN:
            into = sql.SQL("COPY copied.{} FROM STDIN").format(sql.Identifier(table))
            with (Path(folder) / table).open("rb") as file, connection.cursor().copy(into) as given:
                while piece := file.read(1 << 18):
                    given.write(piece)
        connection.commit()
        return time.perf_counter() - began


def _of_import(table: str) -> sql.Composed:
    """COPY of what the import has written into a table."""
    return sql.SQL("COPY (SELECT * FROM public.{} WHERE {}) TO STDOUT").format(sql.Identifier(table), WRITTEN[table])


def _copy_keys(connection: "psycopg.Connection[Any]", table: str) -> None:
    """The foreign keys too, to the tables they name."""
    keys = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [table]
    ).fetchall()
    for (definition,) in keys:
        local = definition.replace("REFERENCES records", "REFERENCES copied.records")
        connection.execute(f"ALTER TABLE copied.{table} ADD {local}".encode())


if __name__ == "__main__":
    main()
