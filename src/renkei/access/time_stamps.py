"""Time stamps (タイムスタンプ, RFC 3161) of seals: asked for, checked, and checked again years later. Pure, no SQL, no clock.

An authority outside this house signs that something was before it at a moment. Here that is a seal's ``signature``, letter
for letter: its statement and who signed it. Whoever holds every key of this house, and the database, can then still not make
a seal of the past. DER, CMS and the chain of certificates are ``rfc3161-client``'s; what is asked of a stamp is said here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from cryptography.x509 import Certificate, ObjectIdentifier, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)

from renkei.access.seals import SKEW

SHA256 = "2.16.840.1.101.3.4.2.1"
DIGESTS = {SHA256, "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"}
"""By which an authority may sign: SHA-256, SHA-384, SHA-512."""
GRANTED = {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}
"""The second says that something is otherwise than asked: all that was asked is compared."""
_GRANTED_STATUS = bytes.fromhex("3003020100")
_REASON = re.compile('Verify error: [^"]+')
_SEQUENCE, _CERTIFICATES = 0x30, 0xA0


class NoStamp(ValueError):
    """An answer or a token that is no time stamp of this seal, or none that is to be trusted. Says why."""


class Stamp(NamedTuple):
    """token: the authority's, in DER. at: the moment it says (genTime)."""

    token: bytes
    at: datetime


class Moments(NamedTuple):
    """sealed: by the database's clock. asked, answered: by ours."""

    sealed: datetime
    asked: datetime
    answered: datetime


def question(signature: str) -> TimeStampRequest:
    """What an authority is asked: the digest, a number used once, and its certificate."""
    asked = TimestampRequestBuilder(signature.encode(), HashAlgorithm.SHA256, nonce=True, cert_req=True)
    return asked.build()


@dataclass(frozen=True, slots=True)
class Trust:
    """The authorities' roots that the operator has chosen. policy: the only one that is taken, if any."""

    roots: Sequence[Certificate]
    policy: ObjectIdentifier | None = None

    @classmethod
    def load(cls, file: Path, policy: str | None = None) -> Self:
        """Of a file of PEM certificates; policy: a number with dots. Raises OSError, ValueError."""
        return cls(load_pem_x509_certificates(file.read_bytes()), ObjectIdentifier(policy) if policy else None)

    def take(self, answer: bytes, signature: str, asked: TimeStampRequest, moments: Moments) -> Stamp:
        """The stamp that an authority has answered with, all of it checked. Raises NoStamp."""
        try:
            response = decode_timestamp_response(_sorted(answer))
            if response.status not in GRANTED:
                raise NoStamp(f"status {PKIStatus(response.status).name} {', '.join(response.status_string)}")
            token = response.time_stamp_token()
        except NoStamp:
            raise
        except Exception as error:  # whatever the parser makes of what a stranger sends
            raise NoStamp(f"no answer of a time-stamping authority: {error}") from error
        at = self._checked(token, signature, asked.nonce, self.policy)
        if not max(moments.sealed, moments.asked) - SKEW <= at <= moments.answered + SKEW:
            raise NoStamp(f"its clock or ours is wrong: it says {at.isoformat()}")
        return Stamp(token, at)

    def moment(self, token: bytes, signature: str) -> datetime:
        """The moment that a kept token says, if it holds; certificates as they were then. Raises NoStamp."""
        return self._checked(token, signature, None, None)

    def _checked(self, token: bytes, signature: str, nonce: int | None, policy: ObjectIdentifier | None) -> datetime:
        response, at = _read(token, signature)
        try:
            if not {one.dotted_string for one in response.signed_data.digest_algorithms} <= DIGESTS:
                raise NoStamp("signed by a digest that is too weak")
            builder = VerifierBuilder(roots=list(self.roots), nonce=nonce, policy_id=policy)
            builder.build().verify(response, sha256(signature.encode()).digest())
        except NoStamp:
            raise
        except Exception as error:
            why = _REASON.search(str(error))
            raise NoStamp(why.group() if why else str(error).partition(": ErrorStack")[0]) from error
        return at


def compared(token: bytes, signature: str) -> datetime:
    """The moment that a token says of this signature, without knowing who says so. Raises NoStamp."""
    return _read(token, signature)[1]


def _read(token: bytes, signature: str) -> tuple[TimeStampResponse, datetime]:
    """A token as an answer that grants it, since only such are read; and its moment. It must be of this signature."""
    body = _GRANTED_STATUS + token
    size = len(body).to_bytes(4, "big").lstrip(b"\0")
    try:
        response = decode_timestamp_response(bytes([_SEQUENCE, 0x80 | len(size)]) + size + body)
        info = response.tst_info
        imprint, at = info.message_imprint, info.gen_time
    except Exception as error:
        raise NoStamp(f"no time stamp: {error}") from error
    if (imprint.hash_algorithm.dotted_string, imprint.message) != (SHA256, sha256(signature.encode()).digest()):
        raise NoStamp("of something else")
    return response, at


def _sorted(answer: bytes) -> bytes:
    """An answer with its certificates in DER's order of a set, outside what is signed.

    Authorities that are made with OpenSSL send them as they come, and the parser then reads nothing.
    """
    inside = [*_parts(answer, 0, len(answer))]
    for place in (0, 1, 1, 0):  # the answer, its token, the token's content, the signed data
        if len(inside) <= place:
            return answer
        inside = [*_parts(answer, *inside[place][1:])]
    for tag, begin, end in inside:
        if tag == _CERTIFICATES:
            kept = sorted(answer[start:stop] for start, stop in _places(answer, begin, end))
            return answer[:begin] + b"".join(kept) + answer[end:]
    return answer


def _parts(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Tag, begin and end of the content of each value of a constructed one."""
    for start, stop in _places(data, begin, end):
        size = data[start + 1]
        yield data[start], start + 2 + (size & 0x7F if size & 0x80 else 0), stop


def _places(data: bytes, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each value between two places."""
    while begin < end:
        size = data[begin + 1]
        head = 2 + (size & 0x7F if size & 0x80 else 0)
        stop = begin + head + (int.from_bytes(data[begin + 2 : begin + head], "big") if size & 0x80 else size)
        if stop > end:
            raise ValueError("longer than what holds it")
        yield begin, stop
        begin = stop
