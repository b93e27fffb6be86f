"""Who may read and write what, written a second time from the rules alone; imports nothing of the service.

Facts in, answers out. The permission table and the list of restricted items are read as data.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "renkei"


def data(path: str, key: str) -> dict[str, dict[str, str]]:
    """A table of the project, by one of its columns."""
    return {row[key]: row for row in csv.DictReader((SOURCE / path).read_text("utf-8").splitlines())}


TABLE = data("access/defaults.csv", "profession")
ITEMS = data("catalogue/data/2026.1/items.csv", "code")
RESTRICTED = frozenset(code for code, row in ITEMS.items() if row["sensitivity"] == "restricted")
COLUMNS = [c for c in next(iter(TABLE.values())) if c not in ("profession", "restricted")]
PERSON = "person_basic"


@dataclass(frozen=True)
class Consent:
    """to: ``team``, ``named`` (the reader's organization) or ``other`` (another). when: now, withdrawn, expired, not_yet."""

    groups: frozenset[str]
    restricted: frozenset[str] = frozenset()
    professions: frozenset[str] = frozenset()
    to: str = "team"
    about: str = "patient"
    when: str = "now"


@dataclass(frozen=True)
class Ties:
    """What binds the reader's organization. team: "", now, ended or not_yet. emergency: the groups now open."""

    team: str = ""
    own: bool = False
    requested: bool = False
    emergency: frozenset[str] = frozenset()
    consents: tuple[Consent, ...] = ()


def right(who: str, column: str, letter: str, delegated: tuple[str, ...] = ()) -> bool:
    """A profession has its row; the system the union of those delegated to it, within its own, nothing restricted."""
    if who != "system":
        return letter in TABLE[who][column]
    union = any(letter in TABLE[p][column] for p in delegated)
    return column != "restricted" and letter in TABLE["system"][column] and union


def covering(ties: Ties, who: str, when: str, about: str = "patient") -> list[Consent]:
    """The consents in this state that cover the organization (named, or in the team now) and the profession."""
    reached = [c for c in ties.consents if c.to == "named" or (c.to == "team" and ties.team == "now")]
    return [c for c in reached if c.when == when and c.about == about and (not c.professions or who in c.professions)]


def tied(ties: Ties, who: str) -> bool:
    """Whether the patient exists for this reader at all; if not: 404."""
    named = any(c.to == "named" for c in covering(ties, who, "now"))
    return ties.own or ties.team == "now" or named or bool(ties.emergency) or ties.requested


def knows_person(ties: Ties, who: str) -> bool:
    """Whether the registered person is shown; one that only matched a number sees what it sent."""
    named = any(c.to == "named" for c in covering(ties, who, "now"))
    return bool(ties.team) or named or bool(ties.emergency)


def hidden(ties: Ties, who: str, code: str, own: bool = False, delegated: tuple[str, ...] = ()) -> str | None:
    """Why this organization's own (or another's) statement on an item is not shown; None: it is."""
    item = ITEMS[code]
    group, restricted = item["group"], code in RESTRICTED
    if not right(who, f"{group}_{item['tier']}", "r", delegated):
        return "profession"
    barred = restricted and not right(who, "restricted", "r", delegated)
    if own:
        return "profession" if barred else None
    consents = [c for c in covering(ties, who, "now") if group in c.groups]
    if group not in ties.emergency:
        if not consents:
            return (
                "consent_withdrawn"
                if any(group in c.groups for c in covering(ties, who, "withdrawn"))
                else "no_consent"
            )
        if group == "family" and not covering(ties, who, "now", "family"):
            return "family_consent_missing"
    if barred:
        return "profession"
    family = group != "family" or covering(ties, who, "now", "family")
    return "restricted" if restricted and not (family and any(code in c.restricted for c in consents)) else None


def submit(ties: Ties, who: str, columns: list[str], delegated: tuple[str, ...] = ()) -> int:
    """The answer to a first submission of items in these columns (none of them merely repeats the person)."""
    if not tied(ties, who):
        return 404
    allowed = all(right(who, column, "w", delegated) for column in columns)
    return 201 if allowed and (ties.team == "now" or ties.requested) else 403


def guard_team(ties: Ties, who: str, delegated: tuple[str, ...] = ()) -> bool | None:
    """Consents, care team, access and access-log: the team's, for who may write person_basic. None: no tie."""
    return (ties.team == "now" and right(who, PERSON, "w", delegated)) if tied(ties, who) else None
