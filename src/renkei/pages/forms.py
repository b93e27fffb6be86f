"""画面のフォーム: what a browser sends, read strictly, whoever has sent it."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from renkei.errors import BadRequest, TooLarge

LARGEST_FORM = 20_000


async def read_form(request: Request) -> Mapping[str, str]:
    """Its fields. Raises BadRequest, TooLarge."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > LARGEST_FORM:
            raise TooLarge(LARGEST_FORM)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise BadRequest from None
    form = dict(pairs)
    if (
        media != "application/x-www-form-urlencoded"
        or len(form) != len(pairs)
        or any("\0" in text for text in form.values())
    ):
        raise BadRequest
    return form
