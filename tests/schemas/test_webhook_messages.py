"""Webhooks are signed as Standard Webhooks has it, and tried again at growing pauses for a bounded time."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from renkei.ids import new_id
from renkei.schemas.changes import Change
from renkei.schemas.webhook_messages import (
    Patience,
    message_body,
    message_headers,
    message_id,
    retry_after,
    secret_text,
    sign,
)

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
CHANGE: Change = {
    "kind": "care_report.submit",
    "patient_id": "0",
    "record_id": None,
    "organization_id": None,
    "at": "2026-11-27T17:00:00.000+09:00",
    "href": "/v1/patients/0",
}
PATIENCE = Patience(3 * 24 * 3600)


def test_the_test_vector_of_standard_webhooks() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def signed(*secrets: bytes) -> tuple[bytes, dict[str, str]]:
    body = message_body(CHANGE)
    moment = int(datetime.now(UTC).timestamp())
    return body, dict(message_headers(message_id(new_id(), new_id()), moment, body, secrets))


def test_a_receivers_library_verifies_what_is_sent() -> None:
    secret = os.urandom(32)
    assert secret_text(secret).startswith("whsec_")
    body, headers = signed(secret)
    verified = Webhook(secret_text(secret)).verify(body, headers)
    assert verified == {"type": "care_report.submit", "timestamp": CHANGE["at"], "data": CHANGE} == json.loads(body)


@pytest.mark.parametrize("part", ["body", "webhook-id", "webhook-timestamp"])
def test_whatever_is_altered_on_the_way_is_noticed(part: str) -> None:
    secret = os.urandom(32)
    body, headers = signed(secret)
    if part == "body":
        body = body.replace(b"care_report", b"face_sheet")
    else:
        headers[part] = headers[part][:-1] + ("0" if headers[part][-1] != "0" else "1")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(secret)).verify(body, headers)


def test_while_secrets_change_either_verifies_and_no_third() -> None:
    old, new = os.urandom(32), os.urandom(32)
    body, headers = signed(new, old)
    for secret in (old, new):
        Webhook(secret_text(secret)).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(os.urandom(32))).verify(body, headers)


def test_one_entry_has_one_id_for_each_subscription() -> None:
    one, other, change = new_id(), new_id(), new_id()
    assert message_id(one, change) == message_id(one, change) != message_id(other, change)
    assert "." not in message_id(one, change)


def test_the_pauses_of_three_days() -> None:
    pauses = [PATIENCE.pause(attempt, None, 0.5) for attempt in range(1, 30)]
    assert [round(pause) for pause in pauses[:4]] == [5, 15, 45, 135]
    assert max(pauses) == 8 * 3600
    total, attempts = 0.0, 1
    while total < PATIENCE.seconds:
        total += pauses[attempts - 1]
        attempts += 1
    assert attempts == 18


@given(st.integers(1, 10_000), st.none() | st.floats(0, 1e12), st.floats(0, 1))
def test_no_pause_is_shorter_than_four_seconds_or_much_longer_than_eight_hours(
    attempts: int, wanted: float | None, chance: float
) -> None:
    assert 4 <= PATIENCE.pause(attempts, wanted, chance) <= 8 * 3600 * 1.2


def test_a_receiver_may_ask_for_more_time_within_reason() -> None:
    assert PATIENCE.pause(1, 600, 0.5) == 600
    assert PATIENCE.pause(1, 1e9, 0.5) == 8 * 3600
    assert PATIENCE.pause(1, 0, 0.5) == 5


def test_a_receiver_that_fails_is_left_alone_for_minutes_at_most() -> None:
    assert [PATIENCE.rest(n) for n in (1, 2, 3)] == [5, 10, 20]
    assert PATIENCE.rest(10_000) == 300


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Fri, 27 Nov 2026 08:01:00 GMT", 60.0),
        ("Fri, 27 Nov 2026 07:00:00 GMT", 0.0),
        ("9" * 5000, 999_999_999.0),
        *((text, None) for text in (None, "", "soon", "-1", "1.5", "٣", "Fri, 99 Nov 2026 08:01:00 GMT")),
    ],
)
def test_what_it_asks_for_is_read_as_far_as_it_can_be(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds
    assert retry_after((NOW + timedelta(seconds=5)).isoformat(), NOW) is None


@given(st.text(max_size=60))
def test_no_retry_after_breaks_anything(text: str) -> None:
    found = retry_after(text, NOW)
    assert found is None or found >= 0
