"""Webhooks as vendors verify them, against the reference library of Standard Webhooks."""

import base64
import datetime
import json
import secrets
from typing import Any

import pytest
from standardwebhooks import Webhook

from renkei_client import WebhookRefused, verify

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
AT = 1_795_000_000
LINE = {
    "kind": "face_sheet.submit",
    "patient_id": "P",
    "record_id": "R",
    "organization_id": "O",
    "at": "2026-11-27T10:00:00.123+09:00",
    "href": "/v1/patients/P/face-sheets/R",
}
BODY = json.dumps({"type": LINE["kind"], "timestamp": LINE["at"], "data": LINE}).encode()


def signed(body: bytes = BODY, *keys: str, at: int = AT, **changes: str) -> dict[str, str]:
    moment = datetime.datetime.fromtimestamp(at, datetime.UTC)
    signatures = [Webhook(key).sign("msg_1", moment, body.decode()) for key in keys or (SECRET,)]
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": " ".join(signatures)}
    return headers | changes


def test_what_the_reference_library_signs_is_taken() -> None:
    event = verify(BODY, signed(), SECRET, now=AT)
    assert (event.id, event.kind, event.change.href) == ("msg_1", "face_sheet.submit", LINE["href"])
    assert event.at == event.change.at and event.at.utcoffset() == datetime.timedelta(hours=9)


def test_while_a_secret_is_replaced_either_fits() -> None:
    assert verify(BODY, signed(BODY, OTHER, SECRET), SECRET, now=AT).id == "msg_1"
    assert verify(BODY, signed(BODY, OTHER), [SECRET, OTHER], now=AT).id == "msg_1"


REFUSED: dict[str, tuple[bytes, dict[str, str], Any]] = {
    "altered": (BODY.replace(b"R", b"S"), signed(), SECRET),
    "spaced otherwise": (BODY + b" ", signed(), SECRET),
    "another secret": (BODY, signed(BODY, OTHER), SECRET),
    "no secrets": (BODY, signed(), []),
    "another id": (BODY, signed(**{"Webhook-Id": "msg_2"}), SECRET),
    "another time": (BODY, signed(**{"Webhook-Timestamp": str(AT + 1)}), SECRET),
    "too old": (BODY, signed(at=AT - 301), SECRET),
    "too new": (BODY, signed(at=AT + 301), SECRET),
    "another version": (BODY, {n: v.replace("v1,", "v1a,") for n, v in signed().items()}, SECRET),
    "a part of it": (BODY, {n: v[:-1] if n == "Webhook-Signature" else v for n, v in signed().items()}, SECRET),
    "not ASCII": (BODY, signed(**{"Webhook-Signature": "v1,髙"}), SECRET),
    "no signature": (BODY, signed(**{"Webhook-Signature": ""}), SECRET),
    "no time": (BODY, signed(**{"Webhook-Timestamp": "yesterday"}), SECRET),
    "no headers": (BODY, {}, SECRET),
    "no event": (b"[]", signed(b"[]"), SECRET),
    "no JSON": (b"{", signed(b"{"), SECRET),
}


@pytest.mark.parametrize(("body", "headers", "keys"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_to_be_believed(body: bytes, headers: dict[str, str], keys: Any) -> None:
    with pytest.raises(WebhookRefused):
        verify(body, headers, keys, now=AT)


def test_a_secret_that_is_none_is_a_fault_of_the_program() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        verify(BODY, signed(), "whsec_%%%", now=AT)
