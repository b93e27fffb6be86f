"""The consents of the demo: the bodies sent, from the short form of ``data/people.yaml``."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from renkei.demo.people import Person
from renkei.demo.region import BY_LABEL
from renkei.vocabulary import Group

_WORDING = (
    "あなたの病気や暮らしの様子を、家に来る医師・看護師・薬剤師・介護の職員が同じ画面で見られるようにしてよいですか。"
)
_FAMILY_WORDING = (
    "ご家族のお名前、連絡先、介護の様子を、家に来る医師・看護師・薬剤師・介護の職員が見られるようにしてよいですか。"
)
_PROXIES = {  # by: what they are called, the document that shows it
    "family": ("家族", "本人の意思を推定した話し合いの記録"),
    "guardian": ("成年後見人", "登記事項証明書"),
}
_GUARDIAN = "小早川 司"


def consent(
    person: Person, short: Mapping[str, Any], since: date, organization_ids: Mapping[str, str]
) -> dict[str, Any]:
    """The body of ``POST …/consents``. ``organization_ids``: label → id, for recipients named one by one."""
    about_family = short.get("about") == "family"
    until = since + timedelta(days=30 * (short["until_months"] + person.months)) if "until_months" in short else None
    body: dict[str, Any] = {
        "form": short["form"],
        "given_by": _given_by(person, short),
        "given_on": since.isoformat(),
        "valid_from": since.isoformat(),
        "valid_until": until.isoformat() if until else None,
        "recipients": {
            "care_team": short.get("care_team", True),
            "organizations": [organization_ids[label] for label in short.get("organizations", ())],
            "professions": list(short.get("professions", ())),
        },
        "groups": ["family"] if about_family else list(short.get("groups", [group.value for group in Group])),
        "restricted": list(short.get("restricted", ())),
    }
    if short["form"] == "oral":
        recorder = BY_LABEL[person.registrar].staff[0]
        body |= {"wording": _FAMILY_WORDING if about_family else _WORDING, "recorded_by": recorder.name}
    if about_family:
        body |= {"about": "family", "family_name": person.relative_name}
    return body


def _given_by(person: Person, short: Mapping[str, Any]) -> dict[str, Any]:
    by = short.get("by", "self")
    if by == "self":
        return {"relation": "self"}
    kind, document = _PROXIES[by]
    name = _GUARDIAN if by == "guardian" else " ".join(person.relative[:2])
    return {"relation": "proxy", "kind": kind, "name": name, "document": document, "valid_until": None}
