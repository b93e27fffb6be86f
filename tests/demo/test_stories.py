"""The stories: every document valid on any day, and each promised case there, once."""

import json
import re
from collections import defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from renkei.catalogue import load_catalogue
from renkei.catalogue.checks import CHECKS
from renkei.demo.dates import TOKYO
from renkei.demo.people import people
from renkei.demo.region import BY_LABEL
from renkei.demo.stories import (
    CONFLICT,
    CORRECTED_RECORD,
    EMERGENCY,
    LATE_ARRIVAL,
    STALE_ALLERGY,
    WITHDRAWN_RECORD,
    stories,
)
from renkei.schemas.documents import read_document
from renkei.vocabulary import Part, Profession, RecordKind

TODAY = date(2026, 11, 23)
DAYS = [TODAY, date(2026, 12, 31), date(2027, 1, 1), date(2028, 2, 29), date(2030, 7, 6)]


@pytest.fixture(scope="module")
def told():
    return stories(TODAY)


def keys(told, holds):
    """The keys of the patients for whom ``holds(story)``."""
    return [story.person.key for story in told if holds(story)]


def sheets(story):
    return [s for s in story.submissions if s.kind is RecordKind.face_sheet]


def reports(story):
    return [s for s in story.submissions if s.kind is RecordKind.care_report]


@pytest.mark.parametrize("today", DAYS)
def test_every_document_is_valid_and_lies_before_the_day(today):
    midnight = datetime(today.year, today.month, today.day, tzinfo=TOKYO)
    for story in stories(today):
        for submission in story.submissions:
            read = read_document(submission.kind, submission.body, load_catalogue(), midnight)
            assert read.as_of < midnight, read.document_id


def test_the_same_day_tells_the_same(told):
    assert stories(TODAY) == told


def test_two_dozen_people_each_with_months_of_history(told):
    assert len(told) == 24
    for story in told:
        start = next(s for s in sheets(story) if s.by == story.person.registrar and s.body["coverage"] == "complete")
        assert 20 <= sum(len(group) for group in start.body["items"].values()) <= 63
        assert 4 <= len(reports(story)) <= 21
        newest = max(s.as_of for s in story.submissions)
        assert datetime(2026, 11, 16, tzinfo=TOKYO) <= newest
        offices = {s.by for s in sheets(story)}
        assert "pharmacy" in offices and offices & {"clinic", "deputy-clinic"}


def test_a_document_id_is_used_once_but_for_the_correction(told):
    seen = defaultdict(list)
    for story in told:
        for s in story.submissions:
            seen[story.person.key, s.by, s.body["source"]["document_id"]].append(s.body["source"]["version"])
    corrected = [key for key, versions in seen.items() if versions != versions[:1]]
    assert [key[0] for key in corrected] == ["yamazaki"]
    assert seen[corrected[0]] == [1, 2]


def test_authors_are_staff_of_offices_in_the_team(told):
    for story in told:
        standing = {p.label for p in story.places if p.valid_until is None and p.valid_from <= TODAY}
        for s in story.submissions:
            assert s.by in standing
            author = BY_LABEL[s.by].member(s.author)
            said = s.body.get("author") or s.body["items"]["care_report"]["author"]
            assert said["profession"] == author.profession


def test_numbers_are_sound_and_cannot_be_real(told):
    for person in people():
        assert person.ltci[0].startswith("99") and CHECKS["insurer_check_digit"](person.ltci[0])
        insurer = person.health["insurer"]
        assert insurer[-6:-4] == "99" and CHECKS["health_insurer_check_digit"](insurer)
    assert len({person.ltci for person in people()}) == 24
    assert len({person.ltci[0] for person in people()}) >= 3
    text = json.dumps([s.body for story in told for s in story.submissions], ensure_ascii=False)
    phones = re.findall(r'"(?:phone|fax|\w+_phone)": "([^"]+)"', text)
    assert phones and all(re.fullmatch(r"0470-00-\d{4}|0[89]0-0000-\d{4}", phone) for phone in phones)
    postal_codes = re.findall(r'"postal_code": "([^"]+)"', text)
    assert postal_codes and all(code.startswith("000") for code in postal_codes)


def test_names_are_written_as_on_the_card():
    written = "".join(person.name[0] for person in people())
    for character in "髙邉﨑\ufa19齋濵邊德𠮷櫻澤國齊桒栁眞":
        assert character in written
    assert "葛\U000e0100城" in written
    births = [person.birth for person in people()]
    assert sum(birth < date(1926, 12, 25) for birth in births) >= 3  # 大正
    assert sum(date(1926, 12, 25) <= birth < date(1989, 1, 8) for birth in births) >= 18  # 昭和


def test_reports_read_differently(told):
    for story in told:
        bodies = [s.body["items"]["care_report"]["body"] for s in reports(story)]
        assert len(set(bodies)) >= len(bodies) * 0.7, story.person.key


# The promised cases, each exactly once.


def allergies(story):
    stated = [(s.by, s.as_of, s.body["items"].get("medical", {}).get("allergy")) for s in sheets(story)]
    return [(by, as_of, value) for by, as_of, value in stated if value]


def test_one_conflict_between_two_offices(told):
    def differs(story):
        return len({json.dumps(value, sort_keys=True) for _, _, value in allergies(story)}) > 1

    assert keys(told, differs) == ["saito-fumi"]
    (conflict,) = [story for story in told if story.person.key == "saito-fumi"]
    assert [by for by, _, _ in allergies(conflict)] == ["clinic", "pharmacy"]
    insulin = [s.body["items"]["medical"]["medication"][0]["dose"] for s in sheets(conflict)[1:]]
    assert insulin == ["1回8単位", "1回10単位"]


def test_one_stale_allergy(told):
    two_years_ago = datetime(2024, 11, 23, tzinfo=TOKYO)
    assert keys(told, lambda story: any(at < two_years_ago for _, at, _ in allergies(story))) == ["watanabe-tatsuo"]


def test_one_withdrawn_consent_one_in_part_and_one_patient_without(told):
    ended = {story.person.key: c["withdrawn"] for story in told for c in story.person.consents if "withdrawn" in c}
    assert {key: "only" in how for key, how in ended.items()} == {"tokunaga": False, "sakurai": True}
    assert keys(told, lambda story: not story.person.consents) == ["sawaguchi"]


def test_one_emergency_access_by_an_office_without_a_tie(told):
    assert keys(told, lambda story: story.emergency is not None) == ["kunieda"]
    (story,) = [story for story in told if story.emergency]
    assert "hospital" not in story.person.team


def test_one_asks_to_join_and_one_for_a_consent(told):
    ((joining, story),) = [(story.joins, story) for story in told if story.joins]
    assert joining not in story.person.team
    ((asks, story),) = [(story.asks, story) for story in told if story.asks]
    assert asks["wants"] == "consent"
    assert "nurse-station" in story.person.team


def test_one_withdrawn_record(told):
    assert keys(told, lambda story: any(s.withdrawn for s in story.submissions)) == ["hamada"]


def test_one_late_arrival_that_hides_nothing(told):
    def late(story):
        """Something an office sends with an older as_of than what it has sent on the same item before."""
        newest = {}
        for s in sheets(story):
            for code in [f"{group}.{item}" for group, items in s.body["items"].items() for item in items]:
                if newest.get((s.by, code), s.as_of) > s.as_of:
                    return True
                newest[s.by, code] = s.as_of
        return False

    assert keys(told, late) == ["yoshida"]


def test_absent_says_each_of_its_reasons(told):
    said = {reason for story in told for s in sheets(story) for reason in s.body.get("absent", {}).values()}
    assert said == {"none", "unknown", "not_asked", "declined"}
    (sakiyama,) = [story for story in told if story.person.key == "sakiyama"]
    assert {r for s in sheets(sakiyama) for r in s.body.get("absent", {}).values()} == said


def test_teams_with_a_deputy_physician_and_a_place_that_has_ended(told):
    deputies = keys(told, lambda story: any(p.part is Part.deputy_physician for p in story.places))
    assert {"takahashi", "saito-fumi", "hamada"} <= set(deputies)
    ended = keys(told, lambda story: any(p.valid_until and p.valid_until < TODAY for p in story.places))
    assert "watanabe-kazuko" in ended
    for story in told:
        attending = [p.label for p in story.places if p.part is Part.attending_physician]
        assert attending == [story.person.physician]
        assert all(p.valid_from <= (p.valid_until or TODAY + timedelta(days=99)) for p in story.places)


def test_restricted_items_are_stated_with_and_without_a_consent_that_names_them(told):
    restricted = load_catalogue().restricted
    stated, named = defaultdict(set), {}
    for story in told:
        for s in sheets(story):
            codes = {f"{group}.{item}" for group, items in s.body["items"].items() for item in items}
            stated[story.person.key] |= codes & restricted
        named[story.person.key] = {code for c in story.person.consents for code in c.get("restricted", ())}
    assert any(codes & named[key] for key, codes in stated.items())
    assert any(codes - named[key] for key, codes in stated.items())


def test_many_professions_write(told):
    professions = {BY_LABEL[s.by].member(s.author).profession for story in told for s in story.submissions}
    assert {
        Profession.physician,
        Profession.nurse,
        Profession.pt,
        Profession.pharmacist,
        Profession.care_manager,
        Profession.home_helper,
        Profession.service_manager,
        Profession.daily_life_counselor,
        Profession.facility_care_staff,
        Profession.other,
    } <= professions


def test_the_page_names_every_office_and_every_case(told):
    page = (Path(__file__).parents[2] / "docs" / "demo.md").read_text(encoding="utf-8")
    for organization in BY_LABEL.values():
        row = f"| `{organization.label}` | {organization.code} | {organization.name}"
        assert row in page and f"| {organization.kind} | {organization.system} |" in page
    cases = {CONFLICT, STALE_ALLERGY, LATE_ARRIVAL, WITHDRAWN_RECORD, CORRECTED_RECORD, EMERGENCY}
    for story in told:
        if story.person.key in cases:
            assert " ".join(story.person.name[:2]) in page
