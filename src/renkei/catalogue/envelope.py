"""The two documents whole: what stands around the items (フェイスシート, ケアレポート), as shapes."""

import functools
from types import MappingProxyType

from renkei.catalogue.items import Catalogue, Code, Item, ValueSet
from renkei.catalogue.shapes import Coded, Member, Moment, Number, Record, Text, item_shape, record
from renkei.vocabulary import Group, RecordKind, Tier

TIER_TITLES = MappingProxyType({Tier.basic: ("基本情報", "basic"), Tier.optional: ("選択情報", "optional")})
GROUP_TITLES = MappingProxyType(
    {
        Group.person: ("本人情報", "The person"),
        Group.family: ("家族・介護者情報", "Family and caregivers"),
        Group.medical: ("医療情報", "Medical"),
        Group.living: ("生活・介護情報", "Living and care"),
        Group.care_report: ("ケアレポート", "Care report"),
    }
)
KIND_TITLES = MappingProxyType(
    {RecordKind.face_sheet: ("フェイスシート", "Face sheet"), RecordKind.care_report: ("ケアレポート", "Care report")}
)
LARGEST_VERSION = 2**31 - 1


def _own_set(name: str, ja: str, en: str, *codes: tuple[str, str, str]) -> ValueSet:
    words = {code: Code(code, code_ja, code_en) for code, code_ja, code_en in codes}
    return ValueSet(name, ja, en, "renkei", None, MappingProxyType(words))


CORRECTION = ("correction", "訂正", "Correction")
COVERAGE = _own_set(
    "coverage",
    "記載の範囲",
    "Coverage",
    ("complete", "全体(以前の記載を置き換える)", "Complete: replaces the earlier statement"),
    ("partial", "一部(書いた項目だけを改める)", "Partial: restates only the items it names"),
)
_NOT_NONE = (
    ("unknown", "不明", "Unknown"),
    ("not_asked", "未聴取", "Not asked"),
    ("declined", "回答拒否", "Declined"),
)
ABSENCE = _own_set("absent", "記載がない理由", "Why an item is absent", ("none", "なし(確認済み)", "None"), *_NOT_NONE)
ABSENCE_NOT_NONE = _own_set("absent", "記載がない理由", "Why an item is absent", *_NOT_NONE)


def reasons(catalogue: Catalogue) -> ValueSet:
    """Why a face sheet is sent: the study's four occasions of sharing (共有の契機), or a correction."""
    occasions = [(c.code, c.ja, c.en) for c in catalogue.value_sets["share_trigger"].codes.values()]
    return _own_set("reason", "作成の契機", "Reason", *occasions, CORRECTION)


@functools.cache
def document_shape(kind: RecordKind, catalogue: Catalogue) -> Record:
    """The whole body of such a document. Rules between values (rules.py) come on top."""
    groups = {
        group.value: Member(_group(group, catalogue), required=False, title=GROUP_TITLES[group])
        for group in kind.groups
    }
    source = {"source": Member(_source(), required=True, title=("文書の出所", "Source"))}
    items = {"items": Member(record(groups), required=True, title=("項目", "Items"))}
    if kind is RecordKind.care_report:
        return record(source | items)
    return record(source | _statement(catalogue) | items | {"absent": _absent(kind, catalogue)})


@functools.cache
def document_items(kind: RecordKind, catalogue: Catalogue) -> tuple[Item, ...]:
    """The items such a document may carry, in catalogue order."""
    return tuple(item for item in catalogue.items.values() if item.group in kind.groups)


def _source() -> Record:
    return record(
        {
            "document_id": Member(Text(100), required=True, title=("文書番号", "Document id")),
            "version": Member(Number(True, 1, LARGEST_VERSION), required=True, title=("版", "Version")),
            "system": Member(Text(100), required=False, title=("送信システム", "Sending system")),
        }
    )


def _statement(catalogue: Catalogue) -> dict[str, Member]:
    author = {
        "name": Member(Text(100), required=True, title=("氏名", "Name")),
        "profession": Member(Coded(catalogue.value_sets["profession"]), required=True, title=("職種", "Profession")),
    }
    return {
        "reason": Member(Coded(reasons(catalogue)), required=True, title=("作成の契機", "Reason")),
        "as_of": Member(Moment(timed=True), required=True, title=("記載時点", "As of")),
        "author": Member(record(author), required=True, title=("記載者", "Author")),
        "coverage": Member(Coded(COVERAGE), required=True, title=("記載の範囲", "Coverage")),
    }


def _group(group: Group, catalogue: Catalogue) -> Record:
    # No item is required here: which are depends on `coverage` and `reason`, and on the group being there (rules.py).
    return record(
        {
            item.name: Member(item_shape(item, catalogue), False, (item.name_ja, item.name_en), item)
            for item in catalogue.group(group)
        }
    )


def _absent(kind: RecordKind, catalogue: Catalogue) -> Member:
    members = {
        item.code: Member(
            Coded(ABSENCE if item.may_be_none else ABSENCE_NOT_NONE), False, (item.name_ja, item.name_en), item
        )
        for item in document_items(kind, catalogue)
    }
    return Member(record(members), required=False, title=("記載がない項目とその理由", "Absent items and why"))
