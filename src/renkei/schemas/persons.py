"""A sheet's person beside the registered one: what differs, and which items need no right to be written."""

from collections.abc import Iterator, Mapping
from typing import Any

from renkei.schemas.documents import Document

Person = Mapping[str, Any]
"""``identifiers``, ``name``, ``name_kana``, ``birth_date``, ``sex`` as registered, or as sent when a number matched."""

_SAME_NAME = ("name", "name_kana")
_SAME_VALUE = ("birth_date", "sex")
_NUMBERS = {
    # item → identifier system, its member
    "person.ltci_insurer_number": ("ltci", "insurer"),
    "person.ltci_insured_number": ("ltci", "value"),
    "person.health_insurer_number": ("health_insurance", "insurer"),
}


def differing(items: Mapping[str, Any], person: Person) -> list[dict[str, str]]:
    """``warnings`` of the answer: items that say something else than the registration. Accepted all the same."""
    return [{"item": code, "code": "differs"} for code in items if _differs(code, items[code], person)]


def exempt_items(document: Document, person: Person) -> frozenset[str]:
    """Always-items that any profession may send: those that only repeat the registered person (design §4).

    A registration holds no address, so there is nothing for it to equal; where the sheet must carry one (complete, at
    the start of care) it is let through, or nobody without the right to write could send such a sheet at all.
    """
    codes = {f"person.{name}" for name in (*_SAME_NAME, *_SAME_VALUE)}
    equal = {code for code in codes & document.items.keys() if not _differs(code, document.items[code], person)}
    if document.coverage == "complete" and document.reason == "start":
        equal.add("person.address")
    return frozenset(equal)


def _differs(code: str, value: Any, person: Person) -> bool:
    name = code.removeprefix("person.")
    if name in _SAME_NAME:
        return _whole(value) != _whole(person.get(name, {}))
    if name in _SAME_VALUE:
        return bool(value != person.get(name))
    if code == "person.health_insured":
        known = list(_registered("health_insurance", "value", person))
        return bool(known) and "number" in value and value["number"] not in known
    if code in _NUMBERS:
        known = list(_registered(*_NUMBERS[code], person))
        return bool(known) and value not in known
    return False


def _whole(name: Mapping[str, str]) -> str:
    """A name in one piece, however it was split; spaces between its parts do not make another name."""
    text = name.get("text") or name.get("family", "") + name.get("given", "")
    return "".join(text.split())


def _registered(system: str, member: str, person: Person) -> Iterator[str]:
    numbers = (i for i in person.get("identifiers", []) if i.get("current", True))
    return (i[member] for i in numbers if i["system"] == system and member in i)
