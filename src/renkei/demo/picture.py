"""A drawing for the demo where a photo would be: skin with a reddened spot and a ruler beside it. Of nobody."""

import struct
import zlib

WIDTH, HEIGHT = 240, 160
SKIN, RED, RULER, MARK = (236, 200, 176), (196, 92, 84), (250, 250, 246), (60, 60, 60)


def drawing() -> bytes:
    """A PNG, the same every time."""
    rows = b"".join(b"\0" + b"".join(bytes(_point(x, y)) for x in range(WIDTH)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _point(x: int, y: int) -> tuple[int, int, int]:
    if y >= HEIGHT - 24:
        return MARK if x % 20 == 0 and y < HEIGHT - (8 if x % 100 == 0 else 14) else RULER
    away = ((x - 110) / 46) ** 2 + ((y - 66) / 30) ** 2
    share = max(0.0, min(1.0, 1.6 - away))
    red, green, blue = (round(skin + (spot - skin) * share) for skin, spot in zip(SKIN, RED, strict=True))
    return red, green, blue


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
