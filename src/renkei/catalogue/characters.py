"""What text may contain. Said once as ranges; everything else that needs to know is made from them.

The patterns are written so that Rust's regex (pydantic), ECMA 262 with ``u`` (JSON Schema) and Python read them alike.
"""

import re

CONTROLS = ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F))
LINE_CONTROLS = ((0x09, 0x0A),)  # tab and newline: only in type `text`
# They reorder what is read: "10 mg" can be made to look like "01 mg".
BIDI = ((0x061C, 0x061C), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069))
SURROGATES = ((0xD800, 0xDFFF),)
# Private use shows a 外字 only on the terminal that made it. Planes 15 and 16 whole, with their noncharacters.
PRIVATE_USE = ((0xE000, 0xF8FF), (0xF0000, 0x10FFFF))
NONCHARACTERS = ((0xFDD0, 0xFDEF), *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(15)))
REFUSED = (*CONTROLS, *BIDI, *SURROGATES, *PRIVATE_USE, *NONCHARACTERS)
"""Refused in every text. Variation selectors, rare kanji and compatibility ideographs pass: names come back as sent."""

# Nothing to see: besides white space the default-ignorable code points, and the empty braille pattern.
UNSEEN = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200D)),
    *((0x2060, 0x2065), (0x206A, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xE0000, 0xE0FFF)),
)

_NAME_SHOWN = 100


def _letter(code_point: int) -> str:
    # Only the four-digit escape is common to all three engines; beyond it the character itself is.
    return f"\\u{code_point:04x}" if code_point <= 0xFFFF else chr(code_point)


def _class(ranges: tuple[tuple[int, int], ...]) -> str:
    # Surrogates cannot be written in a Rust pattern, nor be in a text that it is given: those fail as not Unicode.
    return "".join(f"{_letter(low)}-{_letter(high)}" for low, high in ranges if (low, high) not in SURROGATES)


MULTILINE = f"^[^{_class(REFUSED)}]*$"
"""Text without refused characters, tab and newline allowed."""
LINE = f"^[^{_class((*LINE_CONTROLS, *REFUSED))}]*$"
"""The same without tab and newline."""
VISIBLE = f"[^\\s{_class(UNSEEN)}]"
"""At least one character that can be seen."""


_SHOWN_AS_CODES = re.compile(f"[{_class((*LINE_CONTROLS, *REFUSED))}\\ud800-\\udfff]")


def visible(name: str) -> str:
    """A member name as it may stand in an answer or a log: refused characters escaped, cut after 100 code points."""
    shown = _SHOWN_AS_CODES.sub(lambda found: f"\\u{ord(found[0]):04x}", name[:_NAME_SHOWN])
    return shown if len(name) <= _NAME_SHOWN else shown + "…"
