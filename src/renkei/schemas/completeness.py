"""How full a document is (記載の充足): told with every answer, never a reason to refuse."""

import functools

from typing_extensions import TypedDict  # pydantic asks for this one before Python 3.12

from renkei.catalogue import Catalogue
from renkei.catalogue.envelope import document_items
from renkei.schemas.documents import Document
from renkei.vocabulary import RecordKind, Tier


class Share(TypedDict):
    """``given`` items of the ``of`` that such a document may carry."""

    given: int
    of: int


class Completeness(TypedDict):
    """``missing``: codes of the items a complete document should have, neither given nor declared absent."""

    basic: Share
    optional: Share
    missing: list[str]


@functools.cache
def _expected(kind: RecordKind, catalogue: Catalogue) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The codes of its basic and of its optional items, and of those it should have."""
    items = document_items(kind, catalogue)
    basic = tuple(item.code for item in items if item.tier is Tier.basic)
    optional = tuple(item.code for item in items if item.tier is Tier.optional)
    return basic, optional, tuple(item.code for item in items if item.required != "optional")


def completeness(document: Document, catalogue: Catalogue) -> Completeness:
    """Counts per tier and the missing items, in catalogue order. ``of`` is 82 and 84, for a care report 4 and 67."""
    basic, optional, wanted = _expected(document.kind, catalogue)
    given, absent = document.items, document.absent
    return {
        "basic": {"given": sum(code in given for code in basic), "of": len(basic)},
        "optional": {"given": sum(code in given for code in optional), "of": len(optional)},
        "missing": [code for code in wanted if code not in given and code not in absent],
    }
