"""/v1/changes: the feed, with long polling."""

import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from renkei.actions.changes import FeedPage, Wanted, read_changes
from renkei.api.documents import problems
from renkei.api.door import Asking, Door, answer
from renkei.api.feed_watch import FeedWatch
from renkei.schemas.changes import ChangePage, ChangeQuery, feed_cursor
from renkei.vocabulary import Permission


class FeedDoor(Door):
    """Asks again until there is something to tell or the waiting is over; each time through the whole door, so that a
    right that has ended ends here too, and in a transaction of its own, so that nothing is held while waiting."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        once = super().get_route_handler()

        async def handle(request: Request) -> Response:
            watch: FeedWatch = request.app.state.feed_watch
            began = time.monotonic()
            while True:
                given = await once(request)
                page: FeedPage = request.state.page
                left = began + request.state.wait - time.monotonic()
                # A page is empty only at the end: what was looked through without finding anything is no answer yet.
                if page.changes or (page.at_end and not await watch.grown(page.position, left, request)):
                    return given
                request.state.position = page.position

        return handle


router = APIRouter(prefix="/v1/changes", tags=["changes 更新情報"], route_class=FeedDoor)


@router.get("", name=Permission.change_read, responses={200: {"model": ChangePage}, **problems(403)})
async def list_changes(call: Asking, request: Request, query: Annotated[ChangeQuery, Query()]) -> Response:
    """更新情報。古い順、抜けなし。waitで待てる。 What happened, oldest first and without gaps; `wait` for more."""
    position = getattr(request.state, "position", query.position)
    page = await read_changes(call.tx, call.asked, Wanted(position, query.limit, query.kinds, query.patient))
    request.state.page, request.state.wait = page, query.wait
    return answer({"changes": page.changes, "cursor": feed_cursor(page.position)})
