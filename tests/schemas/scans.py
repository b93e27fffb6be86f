"""Small files of each kind that may be kept as evidence, whole and broken, made here byte by byte."""

import struct
import zlib


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


PNG = b"".join(
    (
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(b"\0\0")),
        chunk(b"IEND", b""),
    )
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def pdf(*objects: bytes, tail: bytes = b"") -> bytes:
    """A PDF of one empty page and these objects beside it."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", pages, page, *objects]
    numbered = (b"%d 0 obj\n%b\nendobj\n" % (number, part) for number, part in enumerate(parts, 1))
    return b"%PDF-1.5\n" + b"".join(numbered) + tail + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def stream(content: bytes, told: bytes = b"", *, keyword: bytes = b"stream\n") -> bytes:
    """A stream object."""
    return b"<< /Length %d %b >>\n" % (len(content), told) + keyword + content + b"\nendstream"


def packed(content: bytes) -> bytes:
    """Objects packed into a stream, as PDF does since 1.5."""
    return stream(zlib.compress(content), b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode")


PDF = pdf(stream(JPEG, b"/Subtype /Image /Filter /DCTDecode"), packed(b"7 0 << /Producer (scanner) >>"))
