"""The permission table (権限表) as an admin sends it: always whole, so that nobody overlooks what a gap would mean."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from renkei.schemas.fields import Strict, Text
from renkei.vocabulary import RESTRICTED_COLUMN, Group, Profession, Tier

COLUMN_NAMES = (*(f"{group}_{tier}" for group in Group for tier in Tier), RESTRICTED_COLUMN)
"""The columns by name, in the order people read them in."""


def _row(name: str, restricted: Any) -> Any:
    """A row's model. Writing without reading is not among the rights: nobody could correct what they wrote."""
    cells: dict[str, Any] = dict.fromkeys(COLUMN_NAMES, (Literal["", "r", "rw"], ...))
    return create_model(name, __base__=Strict, **{**cells, RESTRICTED_COLUMN: (restricted, ...)})


if TYPE_CHECKING:
    Rows = Strict
else:
    # What no code would honour must not stand in the table: a system never reads restricted items (design §4).
    _of = {Profession.system: _row("SystemRights", Literal[""])}
    _human = _row("ProfessionRights", Literal["", "r"])
    Rows = create_model("PermissionRows", __base__=Strict, **{p.value: (_of.get(p, _human), ...) for p in Profession})


class PermissionTableIn(Strict):
    """``PUT /v1/permissions``: every profession with every column. comment: why it was changed."""

    rows: Rows
    comment: Text | None = None

    def rights(self) -> dict[str, dict[str, str]]:
        """profession → column → ``""``, ``"r"`` or ``"rw"``."""
        return self.rows.model_dump()


LATEST = 2**31 - 1
"""The last version the database could number."""
Version = Annotated[int, Field(ge=1, le=LATEST, strict=False)]
"""A version of the permission table."""


class DifferenceQuery(Strict):
    """``GET /v1/permissions/diff``: two versions; to: the one in force when left out."""

    from_: Annotated[Version, Field(alias="from")]
    to: Version | None = None
