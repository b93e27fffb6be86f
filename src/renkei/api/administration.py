"""/v1/access-review."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from renkei.actions import access_review
from renkei.api.documents import problems
from renkei.api.door import Asking, Door, listing
from renkei.schemas.access_reviews import ReviewQuery
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["administration 管理"], route_class=Door)


@router.get("/access-review", name=Permission.access_review_read, responses=problems(403, 422))
async def read_access_review(call: Asking, query: Annotated[ReviewQuery, Query()]) -> Response:
    """使われていない権限の棚卸。 Rights that nobody has used since a day."""
    return listing(call, await access_review.read_access_review(call.tx, call.asked, query))
