"""The yearly review of rights (棚卸)."""

from typing import Literal

from renkei.schemas.fields import Day
from renkei.schemas.paging import Page

Kind = Literal["delegation", "member", "place", "consent", "permission"]


class ReviewQuery(Page):
    """``GET /v1/access-review``. since: a Tokyo day, a year ago when left out; used before it counts as unused."""

    kind: Kind
    since: Day | None = None
