"""職員名簿: a staff list as offices keep it, in CSV or pasted from a sheet (tabs), UTF-8 or MS932. Every fault at once, by line."""

import csv
import io
import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from renkei.catalogue import load_catalogue
from renkei.errors import Fault, Invalid
from renkei.schemas.fields import faults_of
from renkei.schemas.members import MemberIn
from renkei.vocabulary import Office

MOST = 500
LARGEST = 1_000_000
MEDIA_TYPES = {"text/csv"}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "name": ("氏名", "名前"),
    "name_kana": ("氏名カナ", "フリガナ", "ふりがな"),
    "email": ("メールアドレス", "メール"),
    "profession": ("職種",),
    "office": ("役割",),
    "valid_from": ("開始日", "入職日"),
    "valid_until": ("終了日", "退職日"),
}
"""Member of MemberIn → what its column may be called, besides its own name. The first three but kana must be there."""
REQUIRED = ("name", "email")
_OFFICES = {"一般": Office.ordinary, "管理者": Office.organization_admin, "事業所の管理者": Office.organization_admin}
_DAY = re.compile(r"(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?")


def read_staff_list(raw: bytes) -> list[MemberIn]:
    """The posts a list names. Raises Invalid: pointers are ``/line/column``, the heading is line 1."""
    lines = _lines(text_of(raw))
    heading = [_column(cell) for cell in lines[0]] if lines else []
    missing = [Fault(f"/1/{name}", None, "required") for name in REQUIRED if name not in heading]
    unknown = [Fault(f"/1/{n + 1}", None, "unknown") for n, name in enumerate(heading) if name is None]
    twice = [Fault(f"/1/{name}", None, "repeated") for name in COLUMNS if heading.count(name) > 1]
    if found := missing + unknown + twice:
        raise Invalid(found)
    if len(lines) > MOST + 1:
        raise Invalid([Fault("", None, "bounds", {"min": 1, "max": MOST})])
    members, faults, seen = [], list[Fault](), set[tuple[str, str, str | None]]()
    for number, cells in enumerate(lines[1:], 2):
        said = {str(name): _said(str(name), cell) for name, cell in zip(heading, cells, strict=False) if cell}
        if not said:
            continue
        try:
            member = MemberIn.model_validate(said)
        except ValidationError as error:
            faults += faults_of(({**one, "loc": one["loc"]} for one in error.errors()), said, f"/{number}")
            continue
        post = (member.email.lower(), member.office, member.profession)
        if post in seen or len(cells) > len(heading):
            faults.append(Fault(f"/{number}/email", None, "repeated" if post in seen else "unknown"))
        seen.add(post)
        members.append(member)
    if faults:
        raise Invalid(faults)
    return members


def text_of(raw: bytes) -> str:
    """A list as text, whichever of the two it is written in. Raises Invalid."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid([Fault("", None, "format", {"expected": "UTF-8, MS932"})])


def _lines(text: str) -> list[list[str]]:
    tabs = "\t" in text.partition("\n")[0]
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if tabs else ",", strict=True)
        return list(_trimmed(rows))
    except csv.Error:
        raise Invalid([Fault("", None, "format", {"expected": "CSV"})]) from None


def _trimmed(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    for row in rows:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _column(cell: str) -> str | None:
    return next((name for name, words in COLUMNS.items() if cell == name or cell in words), None)


def _said(name: str, cell: str) -> str:
    """A cell as the API would have it: codes for words, days with hyphens. What is neither stays, and is refused as it is."""
    if name == "profession":
        codes = load_catalogue().value_sets["profession"].codes
        return next((code for code, words in codes.items() if cell == words.ja), cell)
    if name == "office":
        return str(_OFFICES.get(cell, cell))
    if name in ("valid_from", "valid_until") and (day := _DAY.fullmatch(cell)):
        return f"{day[1]}-{int(day[2]):02}-{int(day[3]):02}"
    return cell
