"""What was acknowledged beside what is kept: lost, twice, half."""

from collections import defaultdict
from dataclasses import dataclass

from bench.torture.callers import Log
from bench.torture.victim import Victim
from renkei.tables import PATIENT_TABLES, metadata

STORED = {
    "report": "SELECT document_id, id::text FROM records",
    "person": "SELECT name ->> 'family', patient_id::text FROM patient_particulars WHERE name ->> 'family' LIKE '検%'",
    "consent": "SELECT body ->> 'wording', id::text FROM consents WHERE body ? 'wording'",
}
"""kind of act → its name and id, as kept."""

_MADE = "SELECT patient_id, id FROM records UNION ALL SELECT patient_id, id FROM consents"
HALVES = {
    "record without its change": "SELECT count(*) FROM records r WHERE NOT EXISTS (SELECT FROM changes c "
    "WHERE c.patient_id = r.patient_id AND c.record_id = r.id AND c.kind = 'care_report.submit')",
    "record without its organization": "SELECT count(*) FROM records r WHERE NOT EXISTS (SELECT FROM author_organizations a "
    "WHERE a.patient_id = r.patient_id AND a.organization_id = r.organization_id)",
    "consent without its change": "SELECT count(*) FROM consents r WHERE NOT EXISTS (SELECT FROM changes c "
    "WHERE c.patient_id = r.patient_id AND c.record_id = r.id AND c.kind = 'consent.record')",
    "person without the rest": "SELECT count(*) FROM patients p WHERE NOT (EXISTS (SELECT FROM patient_particulars x "
    "WHERE x.patient_id = p.patient_id) AND EXISTS (SELECT FROM summaries x WHERE x.patient_id = p.patient_id) "
    "AND EXISTS (SELECT FROM care_team_places x WHERE x.patient_id = p.patient_id) "
    "AND EXISTS (SELECT FROM search_keys x WHERE x.patient_id = p.patient_id) "
    "AND EXISTS (SELECT FROM changes x WHERE x.patient_id = p.patient_id AND x.kind = 'patient.register'))",
    "change without what changed": "SELECT count(*) FROM changes c WHERE c.record_id IS NOT NULL "
    f"AND (c.patient_id, c.record_id) NOT IN ({_MADE})",
    "change neither queued nor placed, or both": "SELECT count(*) FROM changes c WHERE "
    "(SELECT count(*) FROM unpublished_changes u WHERE u.patient_id = c.patient_id AND u.change_id = c.id) + "
    "(SELECT count(*) FROM change_positions p WHERE p.patient_id = c.patient_id AND p.change_id = c.id) <> 1",
    "key without what it made": "SELECT count(*) FROM idempotency_keys k WHERE k.made_id IS NOT NULL "
    f"AND (k.patient_id, k.made_id) NOT IN ({_MADE})",
    "act without its key": "SELECT count(*) FROM consents c WHERE c.body ? 'wording' "
    "AND NOT EXISTS (SELECT FROM idempotency_keys k WHERE k.made_id = c.id)",
    "position missing": "SELECT coalesce(max(position), 0) - count(*) FROM change_positions",
    **{
        f"{table} without its event": f"SELECT count(*) FROM {table} r WHERE NOT EXISTS (SELECT FROM audit_events e "
        "WHERE e.patient_id = r.patient_id AND e.id = r.audit_event_id AND e.outcome = 'allowed')"
        for table in PATIENT_TABLES
        if "audit_event_id" in metadata.tables[table].c
    },
}
"""What half an act would leave → how often it is found."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The figures of a comparison, all of which must be 0, and of how many acts."""

    acts: int
    lost: int
    duplicated: int
    halves: dict[str, int]
    summaries: int
    """Homes whose summary does not show their latest reports."""

    @property
    def half(self) -> int:
        """Anything half-written."""
        return sum(self.halves.values()) + self.summaries


async def verdict(on: Victim, log: Log) -> Verdict:
    """Compare. The callers must have stopped; the server must answer."""
    lost = duplicated = 0
    for kind, query in STORED.items():
        stored = defaultdict(list)
        for name, id_ in on.ask(query):
            stored[name].append(id_)
        duplicated += sum(len(ids) - 1 for ids in stored.values())
        lost += sum(id_ not in stored[name] for (of, name), id_ in log.acknowledged.items() if of == kind)
    halves = {what: int(on.ask(query)[0][0]) for what, query in HALVES.items()}
    found = {what: count for what, count in halves.items() if count}
    return Verdict(len(log.acknowledged), lost, duplicated, found, await _wrong_summaries(on, log))


async def _wrong_summaries(on: Victim, log: Log) -> int:
    wrong = 0
    for home, reports in log.homes.items():
        answer = await log.reader.get(f"/v1/patients/{home}/summary", by="physician")
        shown = [entry["id"] for entry in answer.json()["care_reports"]]
        wrong += shown != reports[:-21:-1]
    return wrong
