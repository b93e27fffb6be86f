"""/v1/clients and /v1/access-review."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from renkei.actions import access_review, administration
from renkei.api.documents import BODY, problems
from renkei.api.door import Asking, Door, answer, listing
from renkei.schemas.access_reviews import ReviewQuery
from renkei.schemas.administration import ClientIn
from renkei.vocabulary import Permission

router = APIRouter(prefix="/v1", tags=["administration 管理"], route_class=Door)


@router.post("/clients", name=Permission.client_register, status_code=201, responses=problems(*BODY, 403))
async def register_client(call: Asking, client: ClientIn) -> Response:
    """連携システムを登録する(基盤の管理者)。秘密は一度だけ表示。 Register a system; its secret is shown once."""
    registered = await administration.register_client(call.tx, call.asked, client)
    return answer(registered, 201, {"Cache-Control": "no-store"})


@router.get("/access-review", name=Permission.access_review_read, responses=problems(403, 422))
async def read_access_review(call: Asking, query: Annotated[ReviewQuery, Query()]) -> Response:
    """使われていない権限の棚卸。 Rights that nobody has used since a day."""
    return listing(call, await access_review.read_access_review(call.tx, call.asked, query))
