"""Every state of tie and consent that a rule distinguishes, and the counting of cells compared."""

from dataclasses import replace
from typing import Any

from tests.access.oracle import ITEMS, Consent, Ties
from tests.access.world import ALL_RESTRICTED, EVERYTHING, figure
from tests.factories import EVERY_PROFESSION

ALL = Consent(EVERYTHING)
NAMING = Consent(EVERYTHING, ALL_RESTRICTED)
FAMILY = Consent(frozenset({"family"}), about="family")
NURSES = frozenset({"nurse"})
BASIC, OPTIONAL = frozenset({"basic"}), frozenset({"optional"})

STATES = {
    "no consent": Ties("now", own=True),
    "consent, family missing": Ties("now", consents=(ALL,)),
    "consent naming all, family missing": Ties("now", consents=(NAMING,)),
    "consent": Ties("now", consents=(ALL, FAMILY)),
    "consent naming all": Ties("now", consents=(NAMING, FAMILY)),
    "consent for nurses": Ties("now", consents=(Consent(EVERYTHING, ALL_RESTRICTED, NURSES), FAMILY)),
    "family for nurses": Ties(
        "now", consents=(NAMING, Consent(frozenset({"family"}), frozenset(), NURSES, "team", "family"))
    ),
    "other groups": Ties("now", consents=(Consent(frozenset({"person", "care_report"}), ALL_RESTRICTED), FAMILY)),
    "withdrawn": Ties("now", own=True, consents=(Consent(EVERYTHING, ALL_RESTRICTED, when="withdrawn"), FAMILY)),
    "expired": Ties("now", consents=(Consent(EVERYTHING, when="expired"), FAMILY)),
    "not yet": Ties("now", consents=(Consent(EVERYTHING, when="not_yet"), FAMILY)),
    "named": Ties(
        consents=(
            Consent(EVERYTHING, ALL_RESTRICTED, to="named"),
            Consent(frozenset({"family"}), to="named", about="family"),
        )
    ),
    "named for nurses": Ties(consents=(Consent(EVERYTHING, to="named", professions=NURSES),)),
    "named, withdrawn": Ties(consents=(Consent(EVERYTHING, to="named", when="withdrawn"),)),
    "named by the family alone": Ties(consents=(Consent(frozenset({"family"}), to="named", about="family"), ALL)),
    "another is named": Ties("now", consents=(Consent(EVERYTHING, ALL_RESTRICTED, to="other"), FAMILY)),
    "left, with own": Ties("ended", own=True, consents=(NAMING, FAMILY)),
    "left, without own": Ties("ended", consents=(NAMING, FAMILY)),
    "joins tomorrow": Ties("not_yet", consents=(NAMING, FAMILY)),
    "emergency": Ties(emergency=frozenset({"medical", "person"})),
    "emergency beside consent": Ties(
        "now",
        emergency=frozenset({"medical", "family"}),
        consents=(Consent(frozenset({"medical", "living"}), ALL_RESTRICTED),),
    ),
    "asks to join": Ties(requested=True, consents=(NAMING, FAMILY)),
    "asks to join, with own": Ties(requested=True, own=True, consents=(NAMING, FAMILY)),
    "asked to join, refused": Ties(refused=True, consents=(NAMING, FAMILY)),
    "asked to join, refused, with own": Ties(refused=True, own=True, consents=(NAMING, FAMILY)),
    "basic items only": Ties("now", consents=(replace(NAMING, tiers=BASIC), replace(FAMILY, tiers=BASIC))),
    "the family, optional items only": Ties("now", consents=(NAMING, replace(FAMILY, tiers=OPTIONAL))),
    "another of the family": Ties("now", consents=(NAMING, replace(FAMILY, by="jiro"))),
    "two of the family, one for optional items": Ties(
        "now", consents=(ALL, FAMILY, replace(FAMILY, tiers=OPTIONAL, by="jiro"))
    ),
    "the team but this organization": Ties("now", own=True, consents=(replace(NAMING, excepted=True), FAMILY)),
    "the family, but this organization": Ties("now", consents=(NAMING, replace(FAMILY, excepted=True))),
    "excepted here, named there": Ties(
        "now", consents=(replace(NAMING, excepted=True), Consent(frozenset({"medical"}), to="named"))
    ),
    "less a group": Ties("now", consents=(replace(NAMING, less=frozenset({"medical", "care_report"})), FAMILY)),
    "less a tier": Ties("now", consents=(replace(NAMING, less=OPTIONAL), FAMILY)),
    "less an item": Ties("now", consents=(replace(NAMING, less=frozenset({"medical.infection"})), FAMILY)),
    "named, less a group": Ties(consents=(replace(NAMING, to="named", less=frozenset({"living"})),)),
    "stranger": Ties(consents=(NAMING, FAMILY)),
}
"""Team and consent in every state a rule distinguishes."""

DELEGATED = tuple(EVERY_PROFESSION)


class Tally:
    """Cells compared, and those that differ."""

    def __init__(self) -> None:
        self.cells = 0
        self.wrong: list[Any] = []

    def cell(self, where: object, seen: object, meant: object) -> None:
        """Compare one."""
        self.cells += 1
        if seen != meant:
            self.wrong.append((where, "is", seen, "should be", meant))

    def close(self, name: str) -> None:
        """Print the figures, and fail where there is a mismatch."""
        figure(f"{name}: cells {self.cells}, mismatches {len(self.wrong)}")
        assert not self.wrong, "\n".join(map(str, self.wrong[:20]))


def reason_told(code: str, withheld: list[dict[str, str]]) -> str | None:
    """Why an item is withheld, as an answer says: by its column first, else by itself."""
    item = ITEMS[code]
    by_tier = [w["reason"] for w in withheld if w["group"] == item["group"] and w.get("tier") == item["tier"]]
    by_item = [w["reason"] for w in withheld if w.get("item") == code]
    assert len(by_tier) <= 1 and len(by_item) <= 1
    return (by_tier + by_item + [None])[0]


def value_in(groups: dict[str, Any], code: str) -> Any:
    group, _, name = code.partition(".")
    return groups.get(group, {}).get(name)
