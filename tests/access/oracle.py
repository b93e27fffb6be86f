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
    """to: ``team``, ``named`` (the reader's organization) or ``other`` (another). when: now, withdrawn, expired, not_yet.

    excepted: to the team but for the reader's organization. less: groups, tiers and restricted items withdrawn since, the
    rest standing. by: whose the family's consent is, as a key that every spelling of one name shares.
    """

    groups: frozenset[str]
    restricted: frozenset[str] = frozenset()
    professions: frozenset[str] = frozenset()
    to: str = "team"
    about: str = "patient"
    when: str = "now"
    tiers: frozenset[str] = frozenset({"basic", "optional"})
    excepted: bool = False
    less: frozenset[str] = frozenset()
    by: str = "ichiro"

    def opens(self, item: dict[str, str], since: bool = True) -> bool:
        """Whether it covers the item's column; since: after what was withdrawn of it."""
        less = self.less if since else frozenset[str]()
        return item["group"] in self.groups - less and item["tier"] in self.tiers - less


@dataclass(frozen=True)
class Ties:
    """What binds the reader's organization. team: "", now, ended or not_yet. emergency: the groups now open.

    refused: it asked to join by number, and was told no. also: what binds it under the other ids of a linked person.
    """

    team: str = ""
    own: bool = False
    requested: bool = False
    emergency: frozenset[str] = frozenset()
    consents: tuple[Consent, ...] = ()
    refused: bool = False
    also: tuple["Ties", ...] = ()

    @property
    def each(self) -> tuple["Ties", ...]:
        """The ties under each id of the person."""
        return (self, *self.also)

    @property
    def open_groups(self) -> frozenset[str]:
        """What emergencies open, under whichever id."""
        return frozenset[str]().union(*(ties.emergency for ties in self.each))


def right(who: str, column: str, letter: str, delegated: tuple[str, ...] = ()) -> bool:
    """A profession has its row; the system the union of those delegated to it, within its own, nothing restricted."""
    if who != "system":
        return letter in TABLE[who][column]
    union = any(letter in TABLE[p][column] for p in delegated)
    return column != "restricted" and letter in TABLE["system"][column] and union


def covering(ties: Ties, who: str, when: str, about: str = "patient") -> list[Consent]:
    """The consents in this state that cover the organization (named, or in the team now) and the profession."""
    reached = [
        c
        for here in ties.each  # a consent covers whom it covers under the id where it was given
        for c in here.consents
        if c.to == "named" or (c.to == "team" and here.team == "now" and not c.excepted)
    ]
    return [c for c in reached if c.when == when and c.about == about and (not c.professions or who in c.professions)]


def tied(ties: Ties, who: str) -> bool:
    """Whether the patient exists for this reader at all; if not: 404."""
    named = any(c.to == "named" for c in covering(ties, who, "now"))
    return named or any(here.own or here.team == "now" or here.emergency or here.requested for here in ties.each)


def knows_person(ties: Ties, who: str) -> bool:
    """Whether the registered person is shown; one that only matched a number sees what it sent."""
    named = any(c.to == "named" for c in covering(ties, who, "now"))
    return named or any(here.team or here.emergency for here in ties.each)


def hidden(ties: Ties, who: str, code: str, own: bool = False, delegated: tuple[str, ...] = ()) -> str | None:
    """Why this organization's own (or another's) statement on an item is not shown; None: it is."""
    item = ITEMS[code]
    group, restricted = item["group"], code in RESTRICTED
    if not right(who, f"{group}_{item['tier']}", "r", delegated):
        return "profession"
    barred = restricted and not right(who, "restricted", "r", delegated)
    if own:
        return "profession" if barred else None
    consents = [c for c in covering(ties, who, "now") if c.opens(item)]
    family = group != "family" or any(c.opens(item) for c in covering(ties, who, "now", "family"))
    if group not in ties.open_groups:
        if not consents:
            once = [*covering(ties, who, "withdrawn"), *(c for c in covering(ties, who, "now") if c.less)]
            return "consent_withdrawn" if any(c.opens(item, since=False) for c in once) else "no_consent"
        if not family:
            return "family_consent_missing"
    if barred:
        return "profession"
    named = family and any(code in c.restricted - c.less for c in consents)
    return "restricted" if restricted and not named else None


def members(ties: Ties, who: str) -> frozenset[str] | None:
    """Whose rows of ``family.member`` others state may be read, where that item is shown at all. None: everybody's."""
    if "family" in ties.open_groups:
        return None
    return frozenset(c.by for c in covering(ties, who, "now", "family") if c.opens(ITEMS["family.member"]))


def submit(ties: Ties, who: str, columns: list[str], delegated: tuple[str, ...] = ()) -> int:
    """The answer to a first submission of items in these columns (none of them merely repeats the person)."""
    if not tied(ties, who):
        return 404
    allowed = all(right(who, column, "w", delegated) for column in columns)
    return 201 if allowed and any(here.team == "now" or here.requested for here in ties.each) else 403


def guard_team(ties: Ties, who: str, delegated: tuple[str, ...] = ()) -> bool | None:
    """Consents, care team, access and access-log: the team's, for who may write person_basic. None: no tie."""
    return (
        (any(here.team == "now" for here in ties.each) and right(who, PERSON, "w", delegated))
        if tied(ties, who)
        else None
    )


def feed(ties: Ties, who: str, noun: str, mine: bool, delegated: tuple[str, ...] = ()) -> bool:
    """Whether the feed tells that something of this noun happened: one's own doing, else as the thing itself is read."""
    if mine or not tied(ties, who):
        return tied(ties, who)
    if noun in ("face_sheet", "care_report"):
        codes = [c for c in ITEMS if c.startswith("care_report.") == (noun == "care_report")]
        return any(hidden(ties, who, code, delegated=delegated) is None for code in codes)
    if noun in ("patient", "care_team"):
        return knows_person(ties, who) and any(right(who, column, "r", delegated) for column in COLUMNS)
    return guard_team(ties, who, delegated) is True
