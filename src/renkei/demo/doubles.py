"""Two of the demo's people were registered a second time: one awaits a decision, one is linked already (名寄せ)."""

from datetime import date
from typing import Any, NamedTuple

from renkei.demo.people import Person, people


class Double(NamedTuple):
    """Who, and which office registered them again. born: as misread there; none: rightly, but without an insured number."""

    key: str
    by: str
    born: date | None

    @property
    def person(self) -> Person:
        """Who it is."""
        return next(person for person in people() if person.key == self.key)

    @property
    def linked(self) -> bool:
        """Whether somebody who cares for both has decided."""
        return self.born is None

    def registration(self, local_number: str) -> dict[str, Any]:
        """The body of the second ``POST /v1/patients``."""
        person = self.person
        ltci = {"system": "ltci", "insurer": person.ltci[0], "value": person.ltci[1]}
        return {
            "identifiers": [*([ltci] if self.born else []), {"system": "local", "value": local_number}],
            "name": person.person_name,
            "name_kana": person.person_name_kana,
            "birth_date": (self.born or person.birth).isoformat(),
            "sex": person.sex.value,
        }


def doubles() -> tuple[Double, ...]:
    """The day of the month misread, and nothing but a name and a birth date."""
    kuwabara = next(person for person in people() if person.key == "kuwabara")
    misread = kuwabara.birth.replace(day=kuwabara.birth.day % 28 + 1)
    return Double("kuwabara", "hospital", misread), Double("shimazaki", "support-centre", None)


REASON = "介護保険証と住所で本人と確かめた"
"""Why the second pair is linked."""
