"""Pictures without what a camera wrote beside them: where, when, by which device (位置情報などの除去). Pure.

A photo of a wound taken at home carries the coordinates of the home, often a second, unchanged picture of the scene, sometimes
a film. So of a JPEG or PNG only what draws the picture is kept, byte for byte: nothing is decoded, so nothing is lost, and a
picture of a hundred thousand times a hundred thousand points costs nobody its memory. Which way is up is kept as a number.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping

from renkei.errors import Fault, Invalid

LARGEST_SIDE = 30_000
LARGEST_PICTURE = 120_000_000
"""Points: more than the finest telephone makes. Who opens a larger one needs gigabytes."""

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# What follows 0xFF within a scan and does not end it: a stuffed zero, a restart, another fill byte.
_ENDS_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_DRAWS = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}
_ORIENTATION, _SHORT = 0x0112, 3
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DRAWS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs"}
)


class _Broken(Exception):
    """Not the form it claims to be."""


def without_traces(media_type: str, content: bytes) -> bytes:
    """The picture alone. Raises Invalid for one that is broken or too large to be opened; a PDF comes back as it is."""
    strip = _STRIP.get(media_type)
    if strip is None:
        return content
    try:
        return b"".join(strip(content))
    except (_Broken, struct.error, IndexError):
        raise Invalid([Fault("", None, "format", {"expected": media_type})]) from None


def _require_size(width: int, height: int) -> None:
    if not (width and height):
        raise _Broken
    if max(width, height) > LARGEST_SIDE or width * height > LARGEST_PICTURE:
        largest = f"{LARGEST_PICTURE // 1_000_000} megapixel"
        raise Invalid([Fault("", None, "bounds", {"min": 1, "max": largest})])


def _jpeg(content: bytes) -> Iterator[bytes]:
    """Segments up to the end of the first picture; what follows it is another one, or a film."""
    at, size, scanned = 2, len(content), False
    if content[:2] != b"\xff\xd8":
        raise _Broken
    yield content[:2]
    while True:
        marker, at = _marker(content, at)
        if marker == _EOI:
            if not scanned:
                raise _Broken
            yield b"\xff\xd9"
            return
        (length,) = struct.unpack_from(">H", content, at)
        end = at + length
        if length < 2 or end > size or marker in (0, _SOI) or 0xD0 <= marker <= 0xD7:
            raise _Broken
        segment = content[at - 2 : end]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, at + 3)
            _require_size(width, height)
        if marker == _SOS:
            found = _ENDS_SCAN.search(content, end)
            if found is None:
                raise _Broken
            scanned, segment, end = True, content[at - 2 : found.start()], found.start()
        if (kept := _kept(marker, segment)) is not None:
            yield kept
        at = end


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """The marker at this place, and where its segment's length stands."""
    if content[at] != 0xFF:
        raise _Broken
    while content[at] == 0xFF:  # any marker may be preceded by fill bytes
        at += 1
    return content[at], at + 1


def _kept(marker: int, segment: bytes) -> bytes | None:
    """A segment as it stays: whole, without all but the orientation, or not at all."""
    said = segment[4:]
    if marker == _APP1:
        turned = _orientation(said[6:]) if said.startswith(b"Exif\0\0") else None
        return _turned(turned) if turned else None
    if marker == _COM or (_APP0 <= marker <= _APP15 and not said.startswith(_DRAWS.get(marker, b"\0none"))):
        return None
    return segment


def _orientation(tiff: bytes) -> int | None:
    """Which way is up, 2 to 8; None for 1 (as it is), and for what cannot be read."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, entry)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return value if 2 <= value <= 8 else None
    except struct.error:
        return None
    return None


def _turned(orientation: int) -> bytes:
    """An Exif segment that says nothing else."""
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, _SHORT, 1, orientation, 0, 0)
    return struct.pack(">BBH", 0xFF, _APP1, 2 + 6 + len(tiff)) + b"Exif\0\0" + tiff


def _png(content: bytes) -> Iterator[bytes]:
    """The chunks that draw, up to the first end."""
    if not content.startswith(_PNG_SIGNATURE):
        raise _Broken
    yield _PNG_SIGNATURE
    at, drawn = len(_PNG_SIGNATURE), False
    while True:
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content) or (at == len(_PNG_SIGNATURE)) != (kind == b"IHDR"):
            raise _Broken
        if kind == b"IHDR":
            _require_size(*struct.unpack_from(">II", content, at + 8))
        if kind in _PNG_DRAWS:
            yield content[at:end]
        elif not kind[0] & 0x20:  # a critical chunk nobody knows: without it, it is another picture
            raise _Broken
        drawn = drawn or kind == b"IDAT"
        if kind == b"IEND":
            if not drawn:
                raise _Broken
            return
        at = end


_STRIP: Mapping[str, Callable[[bytes], Iterator[bytes]]] = {"image/jpeg": _jpeg, "image/png": _png}
