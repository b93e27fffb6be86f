"""Pictures keep every point and lose everything else; Pillow, which decodes them, is the judge."""

import io
import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from tests.schemas.scans import PDF, PNG, chunk

from renkei.errors import Invalid
from renkei.schemas.pictures import LARGEST_SIDE, without_traces

HOME = {1: "N", 2: (35.0, 41.0, 22.5), 3: "E", 4: (139.0, 45.0, 18.25)}
HTML = b"<html><script>alert(1)</script></html>"


def picture(width: int = 40, height: int = 24) -> Image.Image:
    dice = random.Random(1)  # noqa: S311 - a picture of noise, no secret
    made = Image.new("RGB", (width, height))
    made.putdata([(dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(width * height)])
    return made


def jpeg(orientation: int | None = 6, **options: object) -> bytes:
    """A photo as a telephone makes it: where, when, by what, and a comment."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x010F], exif[0x0110], exif[0x0132] = "Secret Maker", "Secret Model", "2026:11:20 09:30:00"
    exif.get_ifd(0x8825).update(HOME)
    out = io.BytesIO()
    picture().save(out, "JPEG", exif=exif, comment=b"Secret comment", icc_profile=b"profile" * 9, quality=90, **options)
    return out.getvalue()


def png() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Author", "Secret author")
    told.add_itxt("XML:com.adobe.xmp", "Secret xmp")
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(HOME)
    out = io.BytesIO()
    picture().save(out, "PNG", pnginfo=told, exif=exif)
    return out.getvalue()


def points(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as opened:
        return opened.convert("RGB").tobytes()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"optimize": True}])
def test_a_photo_keeps_its_points_and_which_way_is_up_and_loses_the_place(options: dict[str, object]) -> None:
    sent = jpeg(**options)
    assert b"Secret" in sent and Image.open(io.BytesIO(sent)).getexif().get_ifd(0x8825)
    kept = without_traces("image/jpeg", sent)
    assert points(kept) == points(sent)
    with Image.open(io.BytesIO(kept)) as opened:
        exif = opened.getexif()
        assert dict(exif) == {0x0112: 6}
        assert not exif.get_ifd(0x8825)
        assert opened.info["icc_profile"] == b"profile" * 9
    assert b"Secret" not in kept and b"2026:" not in kept
    assert without_traces("image/jpeg", kept) == kept


@pytest.mark.parametrize(("orientation", "told"), [(1, {}), (None, {}), (8, {0x0112: 8}), (9, {})])
def test_the_orientation_is_told_only_where_it_turns(orientation: int | None, told: dict[int, int]) -> None:
    kept = without_traces("image/jpeg", jpeg(orientation))
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == told


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_order_of_bytes_is_read(order: str) -> None:
    tiff = struct.pack(order + "2sHIHHHIHHI", b"II" if order == "<" else b"MM", 42, 8, 1, 0x0112, 3, 1, 3, 0, 0)
    segment = struct.pack(">BBH", 0xFF, 0xE1, 8 + len(tiff)) + b"Exif\0\0" + tiff
    plain = without_traces("image/jpeg", jpeg(None))
    kept = without_traces("image/jpeg", plain[:2] + segment + plain[2:])
    assert Image.open(io.BytesIO(kept)).getexif()[0x0112] == 3


def test_a_second_picture_and_a_film_behind_the_first_are_gone() -> None:
    sent = jpeg()
    assert without_traces("image/jpeg", sent + b"ftypmp4 Secret film" + jpeg()) == without_traces("image/jpeg", sent)


@pytest.mark.parametrize("marker", [0xE1, 0xE2, 0xE3, 0xED, 0xEF, 0xFE])
def test_a_page_hidden_in_a_photo_is_gone(marker: int) -> None:
    sent = jpeg()
    hidden = struct.pack(">BBH", 0xFF, marker, 2 + len(HTML)) + HTML
    for polyglot in (sent[:2] + hidden + sent[2:], sent + HTML + b"\xff\xd9"):
        kept = without_traces("image/jpeg", polyglot)
        assert HTML not in kept
        assert points(kept) == points(sent)


def test_a_png_keeps_its_points_and_loses_the_rest() -> None:
    sent = png()
    kept = without_traces("image/png", sent + HTML)
    assert points(kept) == points(sent)
    assert b"Secret" not in kept and HTML not in kept and b"eXIf" not in kept
    assert not Image.open(io.BytesIO(kept)).getexif()
    assert without_traces("image/png", PNG) == PNG


def size(width: int, height: int) -> bytes:
    return PNG[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + PNG[33:]


def test_a_bomb_is_refused_without_being_opened() -> None:
    sent = jpeg()
    frame = sent.index(b"\xff\xc0")
    bomb = sent[: frame + 5] + struct.pack(">HH", 65535, 65535) + sent[frame + 9 :]
    for media, content in (
        ("image/jpeg", bomb),
        ("image/png", size(100_000, 100_000)),
        ("image/png", size(LARGEST_SIDE, 4001)),
    ):
        with pytest.raises(Invalid) as refused:
            without_traces(media, content)
        assert [fault.code for fault in refused.value.faults] == ["bounds"]
    assert without_traces("image/png", size(LARGEST_SIDE, 4000))


BROKEN = {
    "nothing": ("image/jpeg", b""),
    "no picture": ("image/jpeg", b"\xff\xd8\xff\xd9"),
    "another form": ("image/jpeg", PNG),
    "no end": ("image/jpeg", jpeg()[:-2]),
    "no height": ("image/png", size(1, 0)),
    "a chunk too long": ("image/png", PNG[:8] + struct.pack(">I", 2**31) + PNG[12:]),
    "no beginning": ("image/png", PNG[:8] + PNG[33:]),
    "two beginnings": ("image/png", PNG[:33] + PNG[8:]),
    "a chunk nobody knows": ("image/png", PNG[:33] + chunk(b"XxXx", b"") + PNG[33:]),
    "nothing drawn": ("image/png", PNG[:33] + chunk(b"IEND", b"")),
    "a vector drawing": ("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        without_traces(*BROKEN[name])
    assert [fault.code for fault in refused.value.faults] == ["format"]


def test_a_pdf_comes_back_as_it_is() -> None:
    assert without_traces("application/pdf", PDF) is PDF


PHOTO, DRAWING = jpeg(), png()


@given(st.sampled_from(["image/jpeg", "image/png"]), st.integers(0, 4000), st.binary(max_size=6), st.integers(0, 8))
def test_whatever_is_altered_nothing_but_a_refusal_comes_of_it(media: str, at: int, put: bytes, gone: int) -> None:
    whole = PHOTO if media == "image/jpeg" else DRAWING
    at %= len(whole)
    altered = whole[:at] + put + whole[at + gone :]
    try:
        kept = without_traces(media, altered)
    except Invalid:
        return
    assert len(kept) <= len(altered) + 64
    assert without_traces(media, kept) == kept
