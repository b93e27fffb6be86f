"""Rows of ``family.member`` (家族構成) of which the family member named has not agreed: taken out for other organizations.

The ministerial standard asks the family for their consent beside the patient's, so each row opens by the name on one.
Pure: no SQL, no clock.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from renkei.catalogue import Catalogue
from renkei.schemas.search_keys import person_key
from renkei.schemas.summary import Shown, Stated, compose, encode_part

MEMBER = "family.member"
MISSING = {"group": "family", "item": MEMBER, "reason": "family_consent_missing"}
"""What ``withheld`` says where rows were taken out."""

_GROUP, _, _NAME = MEMBER.partition(".")


def agreed_items(family: Mapping[str, Any], members: frozenset[str] | None) -> dict[str, Any]:
    """The items of a sheet's group ``family``, by name, without rows of members who have not agreed.

    members: the folded names of those who have; None: nobody is asked for (emergency).
    """
    if members is None or _NAME not in family:
        return dict(family)
    rows = _agreed(family[_NAME], members)
    return {name: rows if name == _NAME else value for name, value in family.items() if rows or name != _NAME}


def _agreed(rows: Sequence[Any], members: frozenset[str]) -> list[Any]:
    # A row without a name, or with one of marks only, is nobody's to open: its key is empty, and so might a consent's be.
    return [row for row in rows if (key := _key(row.get("name", {}))) and key in members]


def _key(name: Mapping[str, str]) -> str:
    return person_key(name.get("text") or name)


def agreed_part(
    shared: str, own: str, organization_id: str, members: frozenset[str], catalogue: Catalogue
) -> tuple[str, bool]:
    """The shared text of the part that holds ``family.member``, without rows of others who have not agreed; and whether
    any was taken out.

    own: the same part of the reader's own statement, which stays whole. Both are texts as of ``encode_part``.
    """
    if f'"{_NAME}":' not in shared:
        return shared, False
    entries: dict[str, Shown] = json.loads(f"{{{shared}}}")
    shown = entries.pop(_NAME, None)
    if shown is None:
        return shared, False
    others = [one for one in (_statement(shown), *shown["others"]) if one["organization"]["id"] != organization_id]
    kept = [_without(one, members) for one in others]
    if kept == others:
        return shared, False
    # One's own may be missing there, for being equal to what another says: it comes from one's own view.
    mine = json.loads(f"{{{own}}}").get(_NAME)
    statements = [*(one for one in kept if one), *([_statement(mine)] if mine else [])]
    left = compose([{MEMBER: one} for one in statements], catalogue)
    named = {f"{_GROUP}.{name}": entry for name, entry in entries.items()}
    return encode_part({**named, **left}), True


def _statement(shown: Shown) -> Stated:
    return cast(Stated, {name: value for name, value in shown.items() if name != "others"})


def _without(statement: Stated, members: frozenset[str]) -> Stated | None:
    """A statement without the rows of those who have not agreed; None when none is left. ``absent`` names nobody."""
    if "value" not in statement:
        return statement
    rows = _agreed(statement["value"], members)
    return {**statement, "value": rows} if rows else None
