"""What of a document its sender may write (項目ごとの記入権限): refused whole when it touches one item that may not be. Pure."""

from collections.abc import Collection, Mapping
from itertools import product
from typing import Any

from renkei.access.gate import Grant
from renkei.access.refusals import NO_RIGHT, NOT_IN_TEAM
from renkei.catalogue import Catalogue
from renkei.errors import Fault, Forbidden
from renkei.schemas.documents import Document
from renkei.schemas.persons import exempt_items
from renkei.vocabulary import Reason, RecordKind, Tier

_COLUMNS = {kind: frozenset(product(kind.groups, Tier)) for kind in RecordKind}


def replaces_what_is_barred(grant: Grant, document: Document) -> bool:
    """Whether it may drop items that this profession may not write: a complete sheet replaces all that stood before."""
    return document.coverage == "complete" and _lacks(grant, document)


def _lacks(grant: Grant, document: Document) -> bool:
    """Whether there is any column of this kind of document that this profession may not write."""
    return not _COLUMNS[document.kind] <= grant.rights.write


def require_writable(
    grant: Grant, document: Document, person: Mapping[str, Any], standing: Collection[str], catalogue: Catalogue
) -> None:
    """Raise Forbidden naming each item this profession may not write.

    person: as registered. standing: the codes its organization states now, where the document drops what it leaves out.
    """
    if not standing and not _lacks(grant, document):
        return
    barred = grant.unwritable(_columns((*document.items, *document.absent), catalogue))
    pointers = {
        code: "/items/" + code.replace(".", "/") if code in document.items else f"/absent/{code}" for code in barred
    }
    exempt = exempt_items(document, person) if barred else frozenset()
    dropped = [code for code in standing if code not in document.items and code not in document.absent]
    kept = _columns([code for code in dropped if code in catalogue.items], catalogue)
    pointers |= {code: "/items/" + code.replace(".", "/") for code in grant.unwritable(kept)}
    refused = [Fault(pointer, code, "unknown") for code, pointer in pointers.items() if code not in exempt]
    if refused:
        raise Forbidden(Reason.profession, "permission_table.write", "platform_admin", NO_RIGHT, refused)


def _columns(codes: Collection[str], catalogue: Catalogue) -> dict[str, Any]:
    return {code: (catalogue.items[code].group, catalogue.items[code].tier) for code in codes}


def require_team(grant: Grant) -> None:
    """A new document needs a place in the team, or the leave to write that goes with asking for one."""
    if grant.tie is not None and not (grant.tie.in_team or grant.tie.requested):
        raise Forbidden(Reason.not_in_care_team, "tie.care_team", "care_team", NOT_IN_TEAM)
