"""Cells that spreadsheets would compute (数式インジェクション)."""

DANGEROUS = frozenset("=+-@\t\r\n＝＋－＠")
"""What spreadsheets, some of them in full width too, take for the beginning of a formula or of another cell."""


def guarded(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would compute it. Numbers are given as numbers, not as text."""
    return f"'{text}" if text[:1] in DANGEROUS and text else text


def unguarded(text: str) -> str:
    """The same back, so that what was written out can be read in."""
    return text[1:] if text[:1] == "'" and text[1:2] in DANGEROUS and len(text) > 1 else text
