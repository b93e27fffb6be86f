"""A time-stamping authority (時刻認証局, RFC 3161) on this machine, honest or not: real certificates, real DER, real signatures.

Its DER is put together here, by rules of X.690 that fit on a page, so that nothing of what judges the answers also makes them.
"""

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from renkei.ids import now

OLD = (-365, 365)
STAMPING = (ExtendedKeyUsageOID.TIME_STAMPING,)
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE = (
    "1.2.840.113549.1.9.3",
    "1.2.840.113549.1.9.4",
    "1.2.840.113549.1.9.16.2.47",
)
POLICY = "1.2.392.1.1"
OF_DIGEST = {"sha256": "2.16.840.1.101.3.4.2.1", "sha1": "1.3.14.3.2.26"}
BY_ECDSA = {"sha256": "1.2.840.10045.4.3.2", "sha1": "1.2.840.10045.4.1"}


def der(tag: int, *parts: bytes) -> bytes:
    """One value: tag, length, content."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes(4, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    return der(0x30, *parts)


def set_of(*parts: bytes) -> bytes:
    return der(0x31, *sorted(parts))


def integer(number: int) -> bytes:
    return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def octets(content: bytes) -> bytes:
    return der(0x04, content)


def identifier(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytes([first * 40 + second])
    for number in rest:
        groups = [number & 127]
        while number := number >> 7:
            groups.insert(0, number & 127 | 128)
        content += bytes(groups)
    return der(0x06, content)


class Holder(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def certified(
    name: str,
    by: Holder | None = None,
    *,
    usage: Sequence[x509.ObjectIdentifier] = (),
    critical: bool = True,
    days: tuple[float, float] = (-1, 30),
    serial: int | None = None,
) -> Holder:
    """A new key and its certificate, valid between these days from now. by: None for one that certifies itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(now() + timedelta(days=days[0]))
        .not_valid_after(now() + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=not usage, path_length=None), critical=True)
    )
    # By which one of several issuers of a name is found.
    named = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issued = x509.AuthorityKeyIdentifier.from_issuer_public_key((by.key if by else key).public_key())
    builder = builder.add_extension(named, critical=False).add_extension(issued, critical=False)
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical)
    return Holder(builder.sign(by.key if by else key, hashes.SHA256()), key)


class Question(NamedTuple):
    """What was asked: read where this authority's own requests have it, since their form is always the same."""

    imprint: bytes
    nonce: int

    @classmethod
    def read(cls, request: bytes) -> "Question":
        start = request.index(octets(b"")[:1] + b"\x20") + 2
        rest = request[start + 32 :]
        assert rest[0] == 0x02 and rest[2 + rest[1] :] == b"\x01\x01\xff"  # the nonce, and the certificate asked for
        return cls(request[start : start + 32], int.from_bytes(rest[2 : 2 + rest[1]], "big"))


class Saying(NamedTuple):
    """What a token is to say; all of it may be a lie."""

    imprint: bytes
    nonce: int | None
    at: datetime
    policy: str = POLICY
    digest: str = "sha256"


def token(saying: Saying, signer: Holder, sent: Sequence[Holder], signed_by: str = "sha256") -> bytes:
    """A signed TSTInfo in CMS. sent: the certificates that go with it, in this order if they are several."""
    algorithm = sequence(identifier(OF_DIGEST[saying.digest]))
    info = sequence(
        integer(1),
        identifier(saying.policy),
        sequence(algorithm, octets(saying.imprint)),
        integer(time.monotonic_ns()),
        der(0x18, saying.at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode()),
        b"" if saying.nonce is None else integer(saying.nonce),
    )
    by, chosen = sequence(identifier(OF_DIGEST[signed_by])), hashes.SHA256() if signed_by == "sha256" else hashes.SHA1()  # noqa: S303 - what must be refused
    named = sequence(sequence(sequence(octets(hashlib.sha256(signer.der).digest()))))
    attributes = (
        sequence(identifier(CONTENT_TYPE), set_of(identifier(TST_INFO))),
        sequence(identifier(MESSAGE_DIGEST), set_of(octets(hashlib.new(signed_by, info).digest()))),
        sequence(identifier(SIGNING_CERTIFICATE), set_of(named)),
    )
    signature = signer.key.sign(set_of(*attributes), ec.ECDSA(chosen))
    issuer = sequence(signer.certificate.issuer.public_bytes(), integer(signer.certificate.serial_number))
    signed = b"\xa0" + set_of(*attributes)[1:]
    signers = set_of(
        sequence(integer(1), issuer, by, signed, sequence(identifier(BY_ECDSA[signed_by])), octets(signature))
    )
    certificates = der(0xA0, *(holder.der for holder in sent)) if sent else b""
    content = sequence(identifier(TST_INFO), der(0xA0, octets(info)))
    return sequence(
        identifier(SIGNED_DATA), der(0xA0, sequence(integer(3), set_of(by), content, certificates, signers))
    )


def response(status: int, made: bytes = b"") -> bytes:
    return sequence(sequence(integer(status)), made)


class Authority:
    """A root, one that certifies below it, and one that stamps."""

    def __init__(self) -> None:
        self.root = certified("Invented Root", days=OLD)
        self.between = certified("Invented Issuer", self.root, days=OLD)
        self.stamper = certified("Invented Time Stamping", self.between, usage=STAMPING)

    @property
    def sent(self) -> list[Holder]:
        """Never in DER's order of a set: so do those made with OpenSSL send them."""
        return sorted((self.stamper, self.between), key=lambda holder: holder.der, reverse=True)

    def roots(self, folder: Path) -> Path:
        """A file of its root."""
        file = folder / "tsa-roots.pem"
        file.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))
        return file

    def stamp(self, signature: str, at: datetime) -> bytes:
        """The token of a signature at some moment, as it is kept."""
        return token(Saying(hashlib.sha256(signature.encode()).digest(), 1, at), self.stamper, self.sent[::-1])

    def answer(self, asked: bytes) -> bytes:
        """As an honest one answers."""
        question = Question.read(asked)
        return response(0, token(Saying(question.imprint, question.nonce, now()), self.stamper, self.sent))


class Server(ThreadingHTTPServer):
    """It, asked over HTTP. tell: status, headers and body for what was asked, changed by tests."""

    def __init__(self, authority: Authority) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.authority, self.asked = authority, list[tuple[str, bytes]]()
        self.authorizations = list[str | None]()
        self.drips = False
        self.tell = self.honest

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/tsa"

    def honest(self, asked: bytes) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/timestamp-reply"}, self.authority.answer(asked)

    def handle_error(self, *_: Any) -> None:
        """Quiet: who hangs up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.authorizations.append(self.headers["Authorization"])
        self.server.asked.append((self.headers["Content-Type"], content))
        status, headers, body = self.server.tell(content)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        step = 1 if self.server.drips else len(body) or 1
        for place in range(0, len(body), step):
            self.wfile.write(body[place : place + step])
            self.wfile.flush()
            time.sleep(0.05 if self.server.drips else 0)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@contextmanager
def serving(authority: Authority) -> Iterator[Server]:
    """While the block runs."""
    server = Server(authority)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
