"""The limit: what one request sends, replayed by pgbench over all patients, and nothing around it.

Same statements, types, transaction and round trips; same role, so that row-level security decides as it does for the
service. Each run of the script does ``REPEATS`` transactions after one statement that picks their patients and new ids:
pgbench cannot make these by itself. ``SET LOCAL`` takes no parameter, so its place is taken by ``set_config``.
"""

import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from bench.measure import CpuTimes
from bench.paths import Prepared
from bench.place import Place
from bench.recording import Parameter, Recorded, Sent
from renkei.database import LIMITS, SERVICE_ROLE

REPEATS = 20
SHORT = 500
"""Characters up to which a parameter is looked through for the patient's id."""
MOST_PARAMETERS = 250
"""pgbench takes 255 in a statement."""

UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UUIDS = re.compile(rf"\{{({UUID_FORM.pattern})(,{UUID_FORM.pattern})*\}}")
"""A list of them, as the driver writes it."""
SET_LOCAL = re.compile(r"SET LOCAL ([a-z_.]+) = '(.*)'")
NEW_ID = "uuidv7()::text"
REFERENCE: LiteralString = "SELECT id::text FROM organizations UNION ALL SELECT id::text FROM clients"
VARIABLE = re.compile(r":\w")
"""pgbench takes this for a variable, in quotes as well."""
TPS = re.compile(r"tps = ([0-9.]+) \(without")


@dataclass(frozen=True, slots=True)
class Reached:
    """What pgbench reached, in transactions of the path; the database's processor time for one of them."""

    per_s: float
    postgres_us: float


@dataclass
class Script:
    """A pgbench script in the making.

    constants: value → name, given on the command line. made: SQL expression → its number; one variable for each of
    them and each repetition. stay: ids that are the same in every request; listed: those that a list may name, so that a
    list of any others is one of new ids.
    """

    recorded: Recorded
    etag: str
    stay: set[str]
    listed: set[str] = field(default_factory=set)
    constants: dict[str, str] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)

    def text(self, patients: int) -> str:
        """The whole script."""
        turns = range(REPEATS)
        blocks = [self._transaction(turn) for turn in turns]  # First: it finds what has to be made.
        picks = [f"\\set n{turn} random(1, {patients})" for turn in turns]
        columns = [
            f"{_of_patient(expression, turn)} AS v{turn}_{number}"
            for turn in turns
            for expression, number in self.made.items()
        ]
        return "\n".join([*picks, "SELECT " + ",\n  ".join(columns), "\\gset", *blocks, ""])

    def etag_query(self, patient: str) -> tuple[str, list[str | None]] | None:
        """The statement that compares ETags, for another patient and with no ETag to compare; None where there is none."""
        for sent in (sent for trip in self.recorded.round_trips for sent in trip):
            if self.etag and any(self.etag in (parameter.text or "") for parameter in sent.parameters):
                texts = [parameter.text and parameter.text.replace(self.etag, "") for parameter in sent.parameters]
                return sent.sql, [patient if text == self.recorded.patient else text for text in texts]
        return None

    def _transaction(self, turn: int) -> str:
        lines: list[str] = []
        for trip in self.recorded.round_trips:
            lines += ["\\startpipeline", *(f"{self._statement(sent, turn)};" for sent in trip), "\\endpipeline"]
        return "\n".join(lines)

    def _statement(self, sent: Sent, turn: int) -> str:
        if found := SET_LOCAL.fullmatch(sent.sql):
            return f"SELECT set_config('{found[1]}', {self._parameter(Parameter(found[2], 'text'), turn)}, true)"
        many = len(re.findall(r"\$\d+", sent.sql)) > MOST_PARAMETERS

        def place(match: re.Match[str]) -> str:
            parameter = sent.parameters[int(match[1]) - 1]
            return self._parameter(parameter, turn, inline=many)

        return re.sub(r"\$(\d+)", place, sent.sql)

    def _parameter(self, parameter: Parameter, turn: int, *, inline: bool = False) -> str:
        cast = f"::{parameter.type}" if parameter.type else ""
        if parameter.text is None:
            return f"NULL{cast}"
        if (expression := self._expression(parameter)) is not None:
            return f":v{turn}_{self.made.setdefault(expression, len(self.made))}{cast}"
        if inline and re.fullmatch(r"[\w.-]{0,40}", parameter.text):
            return f"'{parameter.text}'{cast}"
        return f":{self.constants.setdefault(parameter.text, f'c{len(self.constants)}')}{cast}"

    def _expression(self, parameter: Parameter) -> str | None:
        """SQL for a value that is another one in each request; None for one that stays."""
        text = parameter.text or ""
        patient = self.recorded.patient
        if text == patient:
            return "patient_id::text"
        if self.etag and self.etag in text:
            return f"replace({_literal(text)}, '{self.etag}', etag)"
        if UUIDS.fullmatch(text) and not self.listed.intersection(ids := text[1:-1].split(",")):
            return f"ARRAY(SELECT uuidv7() FROM generate_series(1, {len(ids)}))::text"  # noqa: S608 - a number
        if patient in text and len(text) <= SHORT and not VARIABLE.search(text):
            return f"replace({_literal(text)}, '{patient}', patient_id::text)"
        if text == self.recorded.document_id or (UUID_FORM.fullmatch(text) and text not in self.stay):
            # The comment keeps one new id apart from the next: their expressions would be one otherwise.
            return f"{NEW_ID} /* {text.replace('-', '')} */"
        return None


def _of_patient(expression: str, turn: int) -> str:
    if expression.startswith(NEW_ID):
        return expression
    return f"(SELECT {expression} FROM bench.patients WHERE n = :n{turn})"  # noqa: S608 - our own expressions


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Limit:
    """A path's limit on this database."""

    def __init__(self, place: Place, prepared: Prepared, recorded: Recorded) -> None:
        self.place, self.patients = place, len(prepared.patients)
        stay = {"00000000-0000-0000-0000-000000000000", *_ids(place.owner_url, REFERENCE)}
        listed = _ids(place.owner_url, "SELECT patient_id::text FROM patients UNION ALL SELECT id::text FROM changes")
        script = Script(recorded, prepared.known.get(recorded.patient, ""), stay, listed)
        self.script, self.constants = script.text(self.patients), script.constants
        _keep_patients(place.owner_url, prepared.patients, script)

    def run(self, connections: int, seconds: float) -> Reached:
        """Replay for so long, over as many connections."""
        with tempfile.TemporaryDirectory(prefix="renkei-bench-") as folder:
            file = Path(folder) / "script.sql"
            file.write_text(self.script, "utf-8")
            defined = [part for text, name in self.constants.items() for part in ("-D", f"{name}={text}")]
            arguments = ["-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-T", str(max(1, round(seconds)))]
            database = CpuTimes.of(self.place.postgres_pid())
            done = subprocess.run(
                [self.place.embedded.bin_dir / "pgbench", *arguments, "-f", file, *defined, self.place.service_url],
                env={**os.environ, "PGOPTIONS": f"-c role={SERVICE_ROLE} {LIMITS}"},
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds + 60,
            )
        time.sleep(0.3)  # Until the parent has counted its last child's time as its own.
        used = database.since()
        found = TPS.search(done.stdout)
        if done.returncode or found is None or "number of failed transactions: 0 " not in done.stdout:
            raise RuntimeError(f"pgbench failed:\n{done.stdout}\n{done.stderr}")
        transactions = int(re.findall(r"actually processed: (\d+)", done.stdout)[0]) * REPEATS
        return Reached(float(found[1]) * REPEATS, used / transactions * 1e6)


def _ids(url: str, query: LiteralString) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute(query)}


def _keep_patients(url: str, patients: list[str], script: Script) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS bench")
        connection.execute("DROP TABLE IF EXISTS bench.patients")
        connection.execute("CREATE TABLE bench.patients (n int PRIMARY KEY, patient_id uuid NOT NULL, etag text)")
        rows = [(number, patient, _etag(connection, script, patient)) for number, patient in enumerate(patients, 1)]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO bench.patients VALUES (%s, %s, %s)", rows)
        connection.execute(f"GRANT USAGE ON SCHEMA bench TO {SERVICE_ROLE}")
        connection.execute(f"GRANT SELECT ON bench.patients TO {SERVICE_ROLE}")


def _etag(connection: "psycopg.Connection[Any]", script: Script, patient: str) -> str | None:
    """The ETag the replayed statement finds for a patient: its parameters are those of another one's grant."""
    if (query := script.etag_query(patient)) is None:
        return None
    with psycopg.RawCursor(connection, row_factory=dict_row) as cursor:
        row = cursor.execute(query[0].encode(), query[1]).fetchone()
        return str(row["etag"]) if row else None
