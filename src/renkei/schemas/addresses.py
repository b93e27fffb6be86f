"""Addresses that others give us to ask (宛先): checked by their looks as they come in."""

from typing import Annotated

from pydantic import AfterValidator, Field

from renkei.schemas.fields import fault
from renkei.targets import LONGEST_URL, RefusedTarget, require_target


def _target(url: str) -> str:
    # By its looks only. Whether private addresses may be asked is a setting, and asked where the request is made.
    try:
        require_target(url, allow_private=True)
    except RefusedTarget:
        raise fault("format", expected="https://…") from None
    return url


TargetUrl = Annotated[str, Field(max_length=LONGEST_URL), AfterValidator(_target)]
"""https, a public host; no user, no fragment, no number in disguise."""
