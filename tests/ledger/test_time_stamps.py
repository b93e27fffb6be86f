"""What of an authority's answers is a time stamp of a seal: the honest ones, and no other."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.access.world import figure
from tests.ledger.authority import (
    STAMPING,
    Authority,
    Holder,
    Question,
    Saying,
    certified,
    response,
    set_of,
    token,
)

from renkei.access.time_stamps import Moments, NoStamp, Stamp, Trust, compared, question
from renkei.ids import now

SIGNATURE = "eyJhbGciOiJFUzI1NiJ9.eyJpZCI6Ii4uLiJ9.c2lnbmF0dXJl"
OTHER_USE = ExtendedKeyUsageOID.CODE_SIGNING


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def trust(authority: Authority) -> Trust:
    return Trust([authority.root.certificate])


def taken(trust: Trust, answer: Callable[[Question], bytes], sealed: datetime | None = None) -> Stamp:
    """The stamp in this answer to a new question."""
    asked, moment = question(SIGNATURE), now()
    made = answer(Question.read(asked.as_bytes()))
    return trust.take(made, SIGNATURE, asked, Moments(sealed or moment, moment, moment))


def honest(authority: Authority, asked: Question, **other: Any) -> bytes:
    """An answer that differs from the honest one in so much."""
    says = {name: other.pop(name) for name in list(other) if name in Saying._fields}
    saying = Saying(asked.imprint, asked.nonce, now())._replace(**says)
    signer: Holder = other.get("signer", authority.stamper)
    sent = other.get("sent", authority.sent if signer is authority.stamper else [signer, authority.between])
    return response(other.get("status", 0), token(saying, signer, sent, other.get("signed_by", "sha256")))


def test_an_honest_answer_is_taken_and_holds_for_years(authority: Authority, trust: Trust) -> None:
    stamp = taken(trust, lambda asked: honest(authority, asked))
    assert abs(stamp.at - now()) < timedelta(seconds=10) and stamp.at.tzinfo is not None
    assert trust.moment(stamp.token, SIGNATURE) == compared(stamp.token, SIGNATURE) == stamp.at


def test_granted_with_modifications_is_granted(authority: Authority, trust: Trust) -> None:
    assert taken(trust, lambda asked: honest(authority, asked, status=1))


def test_its_policy_where_one_is_chosen(authority: Authority, trust: Trust) -> None:
    chosen, another = (Trust(trust.roots, ObjectIdentifier(f"1.2.392.1.{last}")) for last in (1, 2))
    stamp = taken(chosen, lambda asked: honest(authority, asked))
    with pytest.raises(NoStamp, match="Policy"):
        taken(chosen, lambda asked: honest(authority, asked, policy="1.2.392.1.2"))
    # What was taken under another one stands.
    assert another.moment(stamp.token, SIGNATURE) == stamp.at


def test_the_certificate_may_expire_later(authority: Authority, trust: Trust) -> None:
    """It counts what held when the stamp was given (RFC 3161, appendix B)."""
    old = certified("Old", authority.between, usage=STAMPING, days=(-30, -10))
    at = now() - timedelta(days=20)
    sent = sorted((old, authority.between), key=lambda holder: holder.der)
    made = token(Saying(Question.read(question(SIGNATURE).as_bytes()).imprint, 1, at), old, sent)
    assert abs(trust.moment(made, SIGNATURE) - at) < timedelta(seconds=1)


def signed_as(authority: Authority, **of: Any) -> Callable[[Question], bytes]:
    """Signed by one whom the trusted issuer has certified, but not so."""
    by = of.pop("by", authority.between)
    return lambda asked: honest(authority, asked, signer=certified("Another", by, **{"usage": STAMPING, **of}))


def two_of_one_number(authority: Authority) -> Callable[[Question], bytes]:
    """Signed by one certified for something else, with a made-up certificate of the same number that says time stamping."""
    real = certified("Mallory", authority.between, usage=(OTHER_USE,))
    false_issuer = Holder(authority.between.certificate, certified("Mallory").key)
    serial = real.certificate.serial_number
    made_up = certified("Mallory", false_issuer, usage=STAMPING, serial=serial)
    return lambda asked: honest(authority, asked, signer=real, sent=[made_up, real, authority.between])


def forged(authority: Authority) -> dict[str, Callable[[Question], bytes]]:
    a, later = authority, timedelta(minutes=6)
    stranger = Authority()
    return {
        "another imprint": lambda asked: honest(a, asked, imprint=bytes(32)),
        "an imprint by another digest": lambda asked: honest(a, asked, digest="sha1", imprint=bytes(20)),
        "the imprint by another name": lambda asked: honest(a, asked, digest="sha1"),
        "another nonce": lambda asked: honest(a, asked, nonce=asked.nonce + 1),
        "no nonce": lambda asked: honest(a, asked, nonce=None),
        "a clock behind": lambda asked: honest(a, asked, at=now() - later),
        "a clock ahead": lambda asked: honest(a, asked, at=now() + later),
        "another authority": lambda asked: honest(stranger, asked),
        "another authority with its root": lambda asked: honest(stranger, asked, sent=[*stranger.sent, stranger.root]),
        "certified by itself": lambda asked: honest(a, asked, signer=certified("Self", usage=STAMPING)),
        "the key of another": lambda asked: honest(
            a, asked, signer=Holder(a.stamper.certificate, stranger.stamper.key), sent=a.sent
        ),
        "another one's certificate": lambda asked: honest(a, asked, sent=stranger.sent),
        "no certificate": lambda asked: honest(a, asked, sent=[]),
        "the one between missing": lambda asked: honest(a, asked, sent=[a.stamper]),
        "not for time stamps": signed_as(a, usage=(OTHER_USE,)),
        "for time stamps and more": signed_as(a, usage=(*STAMPING, OTHER_USE)),
        "for time stamps, not critical": signed_as(a, critical=False),
        "for whatever": signed_as(a, usage=()),
        "two certificates of one number": two_of_one_number(a),
        "expired": signed_as(a, days=(-30, -1)),
        "not valid yet": signed_as(a, days=(1, 30)),
        "below one who may not certify": signed_as(a, by=certified("Leaf", a.between, usage=STAMPING)),
        "signed by SHA-1": lambda asked: honest(a, asked, signed_by="sha1"),
        "rejected": lambda _: response(2),
        "rejected, yet with a token": lambda asked: honest(a, asked, status=2),
        "waiting": lambda asked: honest(a, asked, status=3),
        "an unknown status": lambda asked: honest(a, asked, status=77),
        "granted without a token": lambda _: response(0),
        "more bytes behind": lambda asked: honest(a, asked) + b"\0",
        "cut off": lambda asked: honest(a, asked)[:-1],
        "nothing": lambda _: b"",
        "a page": lambda _: b"<!DOCTYPE html><html><body>503</body></html>",
        "longer than it is": lambda _: b"\x30\x84\x7f\xff\xff\xff" + bytes(50),
        "a length without end": lambda _: b"\x30\xff" + bytes(200),
        "deep": lambda _: b"\x30\x80" * 20_000,
        "the request itself": lambda _: question(SIGNATURE).as_bytes(),
        "a set": lambda asked: set_of(honest(a, asked)),
    }


NAMES = list(forged(Authority()))


@pytest.mark.parametrize("name", NAMES)
def test_a_forged_answer_is_refused(authority: Authority, trust: Trust, name: str) -> None:
    with pytest.raises(NoStamp):
        taken(trust, forged(authority)[name])


def test_how_many_forgeries_there_are() -> None:
    figure(f"time stamps: kinds of forged answers {len(NAMES)}, taken 0")
    assert len(NAMES) > 30


def test_an_answer_of_yesterday_is_no_answer(authority: Authority, trust: Trust) -> None:
    """Replayed: its nonce is another question's."""
    kept = []
    taken(trust, lambda asked: kept.append(honest(authority, asked)) or kept[0])
    with pytest.raises(NoStamp, match="Nonce"):
        taken(trust, lambda _: kept[0])


def test_a_seal_of_tomorrow_is_not_stamped(authority: Authority, trust: Trust) -> None:
    with pytest.raises(NoStamp, match="clock"):
        taken(trust, lambda asked: honest(authority, asked), sealed=now() + timedelta(minutes=6))


def test_an_old_seal_is_stamped_by_a_clock_that_is_right(authority: Authority, trust: Trust) -> None:
    old = now() - timedelta(days=3)
    assert taken(trust, lambda asked: honest(authority, asked), sealed=old)
    with pytest.raises(NoStamp, match="clock"):
        taken(trust, lambda asked: honest(authority, asked, at=now() - timedelta(minutes=6)), sealed=old)


def test_a_token_is_of_one_seal(authority: Authority, trust: Trust) -> None:
    stamp = taken(trust, lambda asked: honest(authority, asked))
    for look in (trust.moment, compared):
        for signature in (SIGNATURE + "=", ""):
            with pytest.raises(NoStamp):
                look(stamp.token, signature)
    with pytest.raises(NoStamp):
        Trust([Authority().root.certificate]).moment(stamp.token, SIGNATURE)


def test_no_altered_byte_makes_another_token(authority: Authority, trust: Trust) -> None:
    """Whatever the bytes are: an exception of ours, or what was signed."""
    stamp = taken(trust, lambda asked: honest(authority, asked))
    dice, held = random.Random(20261127), 0  # noqa: S311 - a test's dice, not a secret
    for _ in range(1500):
        altered = bytearray(stamp.token)
        for _ in range(dice.choice((1, 1, 2, 5))):
            altered[dice.randrange(len(altered))] = dice.randrange(256)
        if dice.random() < 0.1:
            del altered[dice.randrange(len(altered)) :]
        try:
            assert trust.moment(bytes(altered), SIGNATURE) == stamp.at
            held += 1
        except NoStamp:
            pass
    assert held < 30  # places outside what is signed


def test_any_bytes_are_no_token(trust: Trust) -> None:
    dice = random.Random(20261127)  # noqa: S311 - as above
    for _ in range(300):
        with pytest.raises(NoStamp):
            taken(trust, lambda _: dice.randbytes(dice.randrange(200)))
        with pytest.raises(NoStamp):
            compared(dice.randbytes(dice.randrange(200)), SIGNATURE)


def test_roots_are_read_from_a_file(authority: Authority, tmp_path: Path) -> None:
    file = authority.roots(tmp_path)
    other = Authority().root.certificate.public_bytes(Encoding.PEM)
    file.write_bytes(other + file.read_bytes())
    assert taken(Trust.load(file), lambda asked: honest(authority, asked)).at.tzinfo == UTC
    file.write_text("nothing of the kind")
    with pytest.raises(ValueError):
        Trust.load(file)
