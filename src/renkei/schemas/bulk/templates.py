"""ひな形: a workbook to be filled in by an office that has no sheet of its own; its columns are known without being placed."""

import functools
import io
from collections.abc import Mapping

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from renkei.catalogue.shapes import Coded, Flag, Moment, Number
from renkei.schemas.bulk.targets import Sheet, Target, find_target, headings
from renkei.schemas.bulk.units import shown

TEMPLATES: Mapping[Sheet, str] = {
    Sheet.patients: "name* name_kana* birth_date* sex* identifiers.local* identifiers.ltci.insurer identifiers.ltci.value",
    Sheet.care_reports: "patient.local* care_report.observed_at.date* care_report.observed_at.time* care_report.author.name* "
    "care_report.author.profession* care_report.author.organization* care_report.body* care_report.urgency* "
    "care_report.body_temperature care_report.blood_pressure care_report.pulse_rate care_report.spo2",
    Sheet.face_sheets: "patient.local* as_of* author.name* author.profession* reason* coverage* person.care_level "
    "family.key_person.name family.key_person.relationship family.key_person.phone medical.diagnosis.name medical.diagnosis.role "
    "medical.present_illness medical.treatment_policy medical.allergy medical.height medical.weight medical.attending_physician.name "
    "medical.attending_physician.institution living.bedridden_level living.dementia_level",
}
"""The columns of each; ``*``: without it no row is taken in."""
MOST_CODES = 40


def template_columns(sheet: Sheet) -> dict[str, str]:
    """Heading → target."""
    return {_heading(sheet, target): target.name for target, _ in _targets(sheet)}


@functools.cache
def template(sheet: Sheet) -> bytes:
    """The workbook (.xlsx): the sheet to be filled in, all its cells text, so that numbers keep their zeros; then how to."""
    book = Workbook()
    page, guide = book.worksheets[0], book.create_sheet("書き方")
    page.title = "記入"
    page.append([_heading(sheet, target) for target, _ in _targets(sheet)])
    guide.append(["列", "必須", "書き方"])
    for place, (target, required) in enumerate(_targets(sheet), 1):
        column = page.column_dimensions[get_column_letter(place)]
        column.number_format, column.width = "@", 18
        guide.append([_heading(sheet, target), "必須" if required else "", _how(target)])
    for letter, width in (("A", 28), ("B", 8), ("C", 80)):
        guide.column_dimensions[letter].width = width
    for one in (*page[1], *guide[1]):
        one.font = Font(bold=True)
    page.freeze_panes = "A2"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def _targets(sheet: Sheet) -> list[tuple[Target, bool]]:
    found = [(find_target(sheet, name.rstrip("*")), name.endswith("*")) for name in TEMPLATES[sheet].split()]
    return [(target, required) for target, required in found if target is not None]


def _heading(sheet: Sheet, target: Target) -> str:
    # What offices write there, but for abbreviations (BT).
    return next((one for one in headings(sheet).get(target.name, ()) if not one.isascii()), target.title[0])


def _how(target: Target) -> str:
    """What a cell may say."""
    match target.shape:
        case Coded(value_set):
            words = [code.ja for code in value_set.codes.values()]
            return "次のどれか: " + " / ".join(words[:MOST_CODES]) + (" など" if len(words) > MOST_CODES else "")
        case _ if target.name.endswith(".time"):
            return "10:30、午後2時 など"
        case _ if len(target.paths) > 1:
            return "120/80"
        case Moment():
            return "2026/6/1、令和8年6月1日、R8.6.1 など"
        case Flag():
            return "はい・いいえ、○・×"
        case Number(unit=str(unit)):
            return f"数({shown(unit)})"
        case Number():
            return "数"
        case _:
            return "文字"
