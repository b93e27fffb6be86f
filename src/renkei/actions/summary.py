"""共有サマリー: all organizations' standing statements, as far as this actor may see them."""

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic_core import to_json

from renkei.access.audit import Asked
from renkei.access.gate import Grant, authorize
from renkei.catalogue import load_catalogue
from renkei.database import Transaction
from renkei.schemas.answers import rfc3339
from renkei.schemas.family_members import MISSING, agreed_part
from renkei.schemas.summary import groups_json
from renkei.store import summaries
from renkei.vocabulary import Group, Permission


class Read(NamedTuple):
    """The summary as JSON text, or None when the reader's copy is still good."""

    etag: str
    text: str | None


async def read_summary(
    tx: Transaction, asked: Asked, patient_id: UUID, groups: Collection[Group], known: Sequence[str]
) -> Read:
    """Serve the stored parts this actor's grant opens, joined as they are kept. known: ETags the reader has."""
    grant = await authorize(tx, asked, Permission.summary_read, patient_id, groups)
    kept = await summaries.load_summary(tx, grant, groups, known)
    if kept.etag in known:
        return Read(kept.etag, None)
    reports = kept.parts.get(summaries.REPORTS, "")
    shown = [g for g in grant.view.readable_groups(groups) if g is not Group.care_report]
    parts = {part: text for part, text in kept.parts.items() if part != summaries.REPORTS}
    withheld = grant.view.withheld_in(groups)
    if (members := grant.view.members) is not None and summaries.MEMBERS in grant.view.shared & parts.keys():
        reader, own = str(grant.organization_id), kept.beside.get(summaries.MEMBERS, "")
        text, missing = agreed_part(parts[summaries.MEMBERS], own, reader, members, load_catalogue())
        parts[summaries.MEMBERS] = text
        withheld += [MISSING] if missing else []
    as_of = f'"{rfc3339(kept.as_of)}"' if kept.as_of else "null"
    text = (
        f'{{"patient_id":"{patient_id}",{_linked(grant)}"as_of":{as_of},"groups":{groups_json(parts, shown)},'
        f'"care_reports":[{reports}],"withheld":{to_json(withheld).decode()}}}'
    )
    return Read(kept.etag, text)


def _linked(grant: Grant) -> str:
    """The member that names a linked person's other ids; nothing for everybody else."""
    others = [str(id_) for id_ in grant.patient_ids[1:]]
    return f'"linked":{to_json(others).decode()},' if others else ""
