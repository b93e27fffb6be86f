"""What is kept as evidence is what it says it is; and of a PDF nothing acts, wherever it is written."""

import time
import zlib
from contextlib import suppress

import pytest
from tests.schemas.scans import JPEG, PDF, PNG, packed, pdf, stream

from renkei.errors import Invalid
from renkei.schemas.evidence import LARGEST_INFLATED, require_whole

SCRIPT = b"<< /S /JavaScript /JS (app.alert(1)) >>"


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/pdf", PDF),
        ("application/pdf", b"%PDF-2.0\n%%EOF"),
        ("application/pdf", PDF + b"\r\n"),
        ("image/png", PNG),
        ("image/jpeg", JPEG),
        ("image/jpeg", JPEG + b"\0" * 100),
        # In a picture the letters come up by chance, and words in what is written.
        ("application/pdf", pdf(stream(b"\xff\xd8 /JS /AA /XFA (x) \xff\xd9", b"/Filter /DCTDecode"))),
        ("application/pdf", pdf(stream(zlib.compress(b"BT (/JS) Tj ET"), b"/Filter /FlateDecode"))),
        ("application/pdf", pdf(b"<< /Title (JavaScript and Launch) /JavaScripts 1 /JSON 2 >>")),
        ("application/pdf", pdf(b"<< /Type /Outlines /First 5 0 R >>", stream(JPEG, b"/Filter /DCTDecode"))),
    ],
)
def test_a_scan_is_taken(media_type: str, content: bytes) -> None:
    require_whole(media_type, content)


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/pdf", PNG),
        ("application/pdf", b" " + PDF),
        ("application/pdf", PDF[:-8]),
        ("application/pdf", PDF + b"<html>" * 200),
        ("application/pdf", b"%PDF-\n%%EOF"),
        ("image/png", JPEG),
        ("image/png", PNG[:-1]),
        ("image/png", PNG + b"<script>"),
        ("image/png", PNG[:8] + PNG[33:]),
        ("image/jpeg", PNG),
        ("image/jpeg", JPEG[:-1]),
        ("image/jpeg", JPEG + b"<script>"),
        ("image/jpeg", b"\xff\xd9"),
    ],
)
def test_what_is_not_what_it_says_is_refused(media_type: str, content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        require_whole(media_type, content)
    assert [(f.pointer, f.code, f.params["expected"]) for f in refused.value.faults] == [("", "format", media_type)]


NESTED = stream(packed(SCRIPT), keyword=b"stream\r\n")
ACTIVE = {
    "a script": pdf(SCRIPT),
    "opened with": pdf(b"<< /Type /Catalog /OpenAction 5 0 R >>"),
    "a program": pdf(b"<< /S/Launch/F(cmd.exe) >>"),
    "a file inside": pdf(b"<< /Type /EmbeddedFile >>"),
    "names of files inside": pdf(b"<< /EmbeddedFiles 9 0 R >>"),
    "written with escapes": pdf(b"<< /S /J#61vaScr#69pt >>"),
    "only the script": pdf(b"<< /JS(app.alert) >>"),
    "on a page": pdf(b"<< /AA << /O 5 0 R >> >>"),
    "a form that computes": pdf(b"<< /XFA [] >>"),
    "locked": pdf(tail=b"<< /Encrypt 4 0 R >>"),
    "packed": pdf(packed(SCRIPT)),
    "packed under escapes": pdf(packed(SCRIPT).replace(b"/ObjStm", b"/Obj#53tm").replace(b"/First", b"/F#69rst")),
    "packed, of no type": pdf(packed(SCRIPT).replace(b"/Type /ObjStm", b"/X (obj)")),
    "packed inside a stream": pdf(NESTED),
    "behind a word that begins no stream": pdf(b"(stream\n)", SCRIPT, b"(endstream)"),
    "behind another carriage": pdf(packed(SCRIPT).replace(b"stream\n", b"stream\r", 1)),
    "packed as nobody can read": pdf(stream(b"\0\1", b"/Type /ObjStm /First 4 /Filter /LZWDecode")),
    "a bomb": pdf(packed(b"\0" * (LARGEST_INFLATED + 1))),
    "two halves of a bomb": pdf(*[packed(b"\0" * (LARGEST_INFLATED // 2 + 1))] * 3),
}


@pytest.mark.parametrize("content", ACTIVE.values(), ids=ACTIVE.keys())
def test_a_pdf_that_acts_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        require_whole("application/pdf", content)
    assert str(refused.value.faults[0].params["expected"]).startswith("PDF without ")


@pytest.mark.parametrize(
    "filling", [b"stream\n", b"/ObjStm stream\n", b"#41", b" ", b"obj", packed(b"7 0 <<>>")], ids=lambda f: f[:14].decode("latin1")
)  # fmt: skip
def test_none_takes_long(filling: bytes) -> None:
    content = pdf(filling * (5_000_000 // len(filling)))
    began = time.process_time()
    with suppress(Invalid):
        require_whole("application/pdf", content)
    assert time.process_time() - began < 4
