"""The catalogue's data are sound, whole and frozen; unsound data are refused."""

import dataclasses
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from renkei.catalogue import CURRENT, load_catalogue
from renkei.catalogue import load as loading
from renkei.catalogue.load import UnsoundCatalogue, read_catalogue
from renkei.catalogue.shapes import item_shape
from renkei.vocabulary import Group, Profession, Tier

CATALOGUE = load_catalogue()
DATA = Path(loading.__file__).parent / "data" / CURRENT
NUMBERS = {"integer", "decimal", "quantity"}


def test_the_ten_counts_are_those_of_the_study() -> None:
    columns = (Group.person, Group.family, Group.medical, Group.care_report, Group.living)
    assert [len(CATALOGUE.group(group, Tier.basic)) for group in columns] == [15, 9, 35, 4, 23]
    assert [len(CATALOGUE.group(group, Tier.optional)) for group in columns] == [18, 14, 24, 67, 28]
    assert sum(len(CATALOGUE.group(group)) for group in columns) == len(CATALOGUE.items) == 237


def test_the_always_items_are_five_and_four() -> None:
    always = [item for item in CATALOGUE.items.values() if item.required == "always"]
    assert Counter(item.group for item in always) == {Group.person: 5, Group.care_report: 4}
    assert all(item.tier is Tier.basic for item in always)


def test_restricted_items_are_named_once() -> None:
    assert CATALOGUE.restricted == {code for code, item in CATALOGUE.items.items() if item.sensitivity == "restricted"}
    assert {
        "medical.infection",
        "family.abuse_concern",
        "medical.prognosis",
        "living.home_access",
    } < CATALOGUE.restricted


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("family.member", True),  # a list that cannot say none itself
        ("living.bpsd_response", True),  # `none` is a code of a sub-field, not its own
        ("medical.allergy", False),  # has `presence`
        ("medical.special_treatment", False),  # its own set has `none`
        ("medical.weight", False),  # does not repeat
    ],
)
def test_who_may_be_declared_none(code: str, allowed: bool) -> None:
    assert CATALOGUE.items[code].may_be_none is allowed


def test_review_days_follow_item_then_group() -> None:
    days = {
        code: CATALOGUE.items[code].review_days for code in ("medical.pressure_ulcer", "medical.device", "living.sleep")
    }
    assert days == {"medical.pressure_ulcer": 14, "medical.device": 90, "living.sleep": 180}
    assert all(item.review_days is None for item in CATALOGUE.group(Group.care_report))


def test_professions_are_the_vocabulary_s() -> None:
    assert set(CATALOGUE.value_sets["profession"].codes) == {p.value for p in Profession} - {Profession.system.value}


def test_every_item_is_complete_in_itself() -> None:
    for item in CATALOGUE.items.values():
        assert re.fullmatch(rf"{item.group.value}\.[a-z][a-z0-9_]*", item.code)
        assert item.name_ja.strip() and item.name_en.strip() and item.source and item.fhir
        assert item.sensitivity in {"normal", "sensitive", "restricted"}
        assert item.required in {"always", "recommended", "optional"}
        assert (item.max_length is not None) == (item.type in {"string", "text"}), item.code
        assert (item.unit is not None) == (item.type in {"decimal", "quantity"}), item.code
        assert (item.pattern is not None) or item.type != "identifier", item.code
        assert item.loinc is None or re.fullmatch(r"[0-9]{3,5}-[0-9]", item.loinc)
        if item.type in NUMBERS:
            assert item.minimum < item.maximum, item.code


def test_names_are_used_once_in_a_group() -> None:
    for group in Group:
        for names in ([i.name_ja for i in CATALOGUE.group(group)], [i.name_en for i in CATALOGUE.group(group)]):
            assert len(names) == len(set(names))


def test_value_sets_have_words_and_are_used() -> None:
    used = {f.value_set for item in CATALOGUE.items.values() for f in (item, *item.fields)} - {None}
    assert used == set(CATALOGUE.value_sets)
    for value_set in CATALOGUE.value_sets.values():
        assert len(value_set.codes) >= 2 and value_set.title_ja and value_set.title_en and value_set.source
        assert all(code.ja.strip() and code.en.strip() for code in value_set.codes.values())


def test_other_has_a_place_for_free_text() -> None:
    for item in CATALOGUE.items.values():
        offers = any(f.value_set and "other" in CATALOGUE.value_sets[f.value_set].codes for f in item.fields)
        assert not offers or {"string", "text"} & {f.type for f in item.fields}, item.code


def test_every_sub_field_rule_is_used_and_every_number_has_bounds() -> None:
    fields = [f for item in CATALOGUE.items.values() for f in item.fields]
    fields += [f for composite in CATALOGUE.composites.values() for f in composite]
    pairs = {(f.name, f.type) for f in fields}
    assert {(rule.name, rule.type) for rule in CATALOGUE.field_rules.values()} <= pairs
    ruled = {name for name, kind in pairs if kind in NUMBERS | {"identifier", "phone", "email", "postal_code"}}
    assert ruled <= set(CATALOGUE.field_rules)


def test_the_catalogue_is_frozen() -> None:
    with pytest.raises(TypeError):
        CATALOGUE.items["x"] = CATALOGUE.items["person.name"]  # type: ignore[index]  # what must not be possible
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE.items["person.name"].name_ja = "x"  # type: ignore[misc]  # nor this either
    assert load_catalogue() is CATALOGUE and CATALOGUE.version == CURRENT


@pytest.mark.parametrize("version", ["", "1999.1", "..", "2026.1/.."])
def test_an_unknown_version_is_a_lookup_error(version: str) -> None:
    with pytest.raises(LookupError):
        load_catalogue(version)


def test_a_second_version_is_one_more_folder(tmp_path: Path) -> None:
    folder = tmp_path / "2027.1"
    shutil.copytree(DATA, folder)
    rows = (folder / "items.csv").read_text(encoding="utf-8")
    (folder / "items.csv").write_text(
        rows.replace("person.preferred_name,optional,person,通称", "person.nickname,optional,person,通称")
    )
    second = read_catalogue(folder, "2027.1")
    assert second.version == "2027.1" and "person.nickname" in second.items
    assert "person.preferred_name" in CATALOGUE.items


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("items.csv", "person.phone,", "person.name,", "used twice"),
        ("items.csv", "person.sex,basic,person", "family.sex,basic,person", "group or repeats"),
        ("items.csv", "性別,Sex,code,false,,sex,", "性別,Sex,code,false,,sexx,", "no value set 'sexx'"),
        ("items.csv", "性別,Sex,code,false,,sex,", "性別,Sex,string,false,,sex,", "goes with type code"),
        ("items.csv", "性別,Sex,code,false,,sex,", "性別,Sex,codes,false,,sex,", "no type 'codes'"),
        ("items.csv", "status:code:residence_status;", "since:date;", "each name once"),
        ("items.csv", ",insurer_check_digit,", ",luhn,", "no check 'luhn'"),
        ("types.yaml", "check: public_expense_check_digit, note", "check: luhn, note", "no check 'luhn'"),
        ("types.yaml", "item: person.birth_date", "item: person.birthday", "no item 'person.birthday'"),
        ("types.yaml", "fields: [start, end]}", "fields: [begin, end]}", "no such field"),
        ("value_sets.yaml", '{code: "male"', '{code: "female"', "used twice"),
        ("value_sets.yaml", '{code: "01", ja: "非該当"', '{code: 1, ja: "非該当"', "not a text"),
        ("freshness.yaml", "groups:", "- groups:", "not a mapping"),
    ],
)
def test_unsound_data_are_refused(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(DATA, folder)
    content = (folder / file).read_text(encoding="utf-8")
    assert old in content
    content = "- a list" if file == "freshness.yaml" else content.replace(old, new, 1)
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(UnsoundCatalogue, match=re.escape(says)):
        read_catalogue(folder, "bad")


def test_a_number_needs_bounds() -> None:
    without = dataclasses.replace(CATALOGUE, field_rules={})
    with pytest.raises(LookupError, match="members: a number without bounds"):
        item_shape(CATALOGUE.items["family.household"], without)
