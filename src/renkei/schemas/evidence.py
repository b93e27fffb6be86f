"""同意書の写し: what a scan must be to be kept. Pure.

A copy is never run and never shown inside a page of ours; still, somebody will open it at a desk. So what is kept is what
it says it is, from its first byte to its last, and a PDF carries nothing that acts.
"""

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from string import ascii_letters

from renkei.errors import Fault, Invalid
from renkei.schemas.fields import ShortLine, Strict

LARGEST_INFLATED = 32_000_000
"""Bytes that the packed parts of one PDF may come to. A bomb ends here; a scan's come to some kilobytes."""

_LETTERS = [(form % ord(letter), letter.encode()) for letter in ascii_letters for form in (b"#%02x", b"#%02X")]
_ENDS = rb"(?=[\s/<>()\[\]{}%]|$)"
# /Encrypt: what cannot be looked into cannot be judged, nor read in ten years without its password.
_ACTIVE = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|OpenAction|RichMedia|SubmitForm|ImportData|GoToR|GoToE|Encrypt)" + _ENDS
)
# So short that in the bytes of a picture they come up by chance: looked for outside of streams only.
_SHORT = re.compile(rb"/(JS|AA|XFA)" + _ENDS)
_STREAM = re.compile(rb"\bstream[ \t]*(\r\n|\n|\r)")
# By its type, or by the place of its first object; an outline's /First is a reference.
_PACKS_OBJECTS = re.compile(rb"/ObjStm" + _ENDS + rb"|/First\s+\d+(?!\d|\s+\d+\s+R)")


class EvidenceQuery(Strict):
    """``POST …/evidence``: what a reader is to see in the list (題名)."""

    title: ShortLine | None = None


def require_whole(media_type: str, content: bytes) -> None:
    """Raises Invalid unless the content is what its media type says and, in a PDF, nothing acts."""
    if not FORMS[media_type](content):
        raise Invalid([Fault("", None, "format", {"expected": media_type})])
    if media_type == "application/pdf" and (found := _active(content)):
        raise Invalid([Fault("", None, "format", {"expected": f"PDF without {found}"})])


def _is_pdf(content: bytes) -> bool:
    return re.match(rb"%PDF-[12]\.\d", content) is not None and b"%%EOF" in content[-1024:]


def _is_png(content: bytes) -> bool:
    begins = content.startswith(b"\x89PNG\r\n\x1a\n") and content[8:16] == b"\0\0\0\rIHDR"
    return begins and content.endswith(b"\0\0\0\0IEND\xaeB\x60\x82")


def _is_jpeg(content: bytes) -> bool:
    # Scanners fill up to a whole block with zeros.
    return content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\0").endswith(b"\xff\xd9")


FORMS: Mapping[str, Callable[[bytes], bool]] = {
    "application/pdf": _is_pdf,
    "image/jpeg": _is_jpeg,
    "image/png": _is_png,
}
MEDIA_TYPES = frozenset(FORMS)
EXTENSIONS: Mapping[str, str] = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


def _active(content: bytes) -> str | None:
    """The first name of something that acts, wherever a reader of PDF would find it; or why that cannot be told."""
    try:
        packed = b"\n".join(_packed(content))
    except zlib.error:
        return "unreadable object streams"
    places = ((_ACTIVE, content), (_SHORT, b"\n".join(_outside(content))), (_ACTIVE, packed), (_SHORT, packed))
    found = next((found for names, text in places if (found := names.search(_plain(text)))), None)
    return found[0].decode("ascii") if found else None


def _plain(text: bytes) -> bytes:
    """Names as they are meant: ``/J#61vaScript`` is ``/JavaScript``."""
    if b"#" in text:
        for escaped, letter in _LETTERS:
            text = text.replace(escaped, letter)
    return text


def _outside(content: bytes) -> Iterator[bytes]:
    """A PDF without the contents of its streams."""
    begins = 0
    while found := _STREAM.search(content, begins):
        yield content[begins : found.start()]
        ends = content.find(b"endstream", found.end())
        begins = ends if ends >= 0 else len(content)
    yield content[begins:]


def _packed(content: bytes) -> Iterator[bytes]:
    """The streams in which objects are packed, unpacked. Each ``stream`` is tried, so that none hides inside another.

    Raises zlib.error for one that is packed in another way than scanners do, or comes to too much.
    """
    begins, left, view = 0, LARGEST_INFLATED, memoryview(content)
    for found in _STREAM.finditer(content):
        head, begins = _plain(content[begins : found.start()]), found.end()
        if _PACKS_OBJECTS.search(head):
            unpacked = _inflate(view[begins:], left)
            left -= len(unpacked)
            yield unpacked


def _inflate(content: memoryview, most: int) -> bytes:
    """The zlib stream that begins here. Raises zlib.error when there is none, or it comes to more than ``most`` bytes."""
    inflating, unpacked, size = zlib.decompressobj(), list[bytes](), 0
    # By the piece: what follows the stream is copied each time, and a file may hold thousands of them.
    for at in range(0, len(content), 8192):
        unpacked.append(inflating.decompress(content[at : at + 8192], most + 1 - size))
        size += len(unpacked[-1])
        if size > most:
            break
        if inflating.eof:
            return b"".join(unpacked)
    raise zlib.error
