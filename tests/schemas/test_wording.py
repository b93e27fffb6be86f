"""The access log's sentences: every code has a word, and a sentence reads as one would say it."""

import inspect
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from renkei.catalogue import load_catalogue
from renkei.schemas.wording import DONE, GROUNDS, OFFICES, OPERATOR, REASONS, SEEN, sentence
from renkei.vocabulary import ActorKind, Basis, Permission, Profession, Reason

CLIENT = UUID(int=7)


@dataclass
class Event:
    """The columns a sentence is made of."""

    at: datetime = datetime(2026, 11, 22, 19, 5, 59, tzinfo=UTC)
    action: str = "summary.read"
    outcome: str = "allowed"
    reason: str | None = None
    actor_kind: str = "client"
    client_id: UUID = CLIENT
    organization_name: str | None = "こもれび訪問看護ステーション"
    user_id: str | None = "u-1"
    user_name: str | None = "検査花子"
    profession: str | None = "nurse"
    basis: list[str] = field(default_factory=lambda: ["care_team"])
    groups: list[str] = field(default_factory=lambda: ["person", "medical"])


SYSTEM: dict[str, Any] = {"user_id": None, "user_name": None, "profession": "system"}
OFFICE = {**SYSTEM, "profession": None, "basis": ["administration"], "groups": []}
WHEN = "2026年11月23日 4時05分、"
STATION = "こもれび訪問看護ステーション"
SAID = [
    (
        Event(action="change.notify", groups=[], **SYSTEM),
        f"{STATION}の連携システムに、更新情報を通知しました。根拠:ケアチームの一員。",
    ),
    (Event(), f"{STATION}の看護師 検査花子さんが、共有サマリー(本人情報、医療情報)を見ました。根拠:ケアチームの一員。"),
    (
        Event(outcome="refused", reason="profession", basis=[], groups=[]),
        f"{STATION}の看護師 検査花子さんが、共有サマリーを見ようとしましたが、見せませんでした。理由:職種の権限がない。",
    ),
    (
        Event(action="care_report.submit", basis=["care_team", "own"], groups=["care_report"]),
        f"{STATION}の看護師 検査花子さんが、ケアレポートを提出しました。根拠:ケアチームの一員、自機関の記録がある。",
    ),
    (
        Event(action="consent.withdraw", outcome="refused", reason="not-found", basis=[], groups=[]),
        f"{STATION}の看護師 検査花子さんが、同意の撤回を記録しようとしましたが、認めませんでした。"
        "理由:この利用者とのつながりがない、または指定したものがない。",
    ),
    (
        Event(action="face_sheet.submit", outcome="refused", reason="lower_version", basis=[], groups=[]),
        f"{STATION}の看護師 検査花子さんが、フェイスシートを提出しようとしましたが、認めませんでした。理由:既にある記録と合わない。",
    ),
    (
        Event(action="face_sheet.read", basis=["emergency"], groups=["medical"], **SYSTEM),
        f"{STATION}の連携システムが、フェイスシート(医療情報)を見ました。根拠:緊急閲覧。",
    ),
    (
        Event(action="access_log.read", actor_kind="admin", organization_name=None, **OFFICE),
        "基盤の管理者が、閲覧記録を見ました。根拠:基盤の管理・監査。",
    ),
    (
        Event(action="audit.read", actor_kind="auditor", organization_name=None, **OFFICE),
        "基盤の監査人が、監査記録を見ました。根拠:基盤の管理・監査。",
    ),
    (
        Event(action="audit.read", actor_kind="organization_admin", **OFFICE),
        f"{STATION}の事業所管理者が、監査記録を見ました。根拠:基盤の管理・監査。",
    ),
    (
        Event(
            action="breach.read",
            actor_kind="auditor",
            client_id=UUID(int=0),
            user_id="op",
            user_name="op",
            organization_name=None,
            profession=None,
            basis=["administration"],
            groups=[],
        ),
        "サーバーの運用者 opが、漏えいの影響範囲を見ました。根拠:基盤の管理・監査。",
    ),
    (
        Event(action="care_team.hand_over", actor_kind="worker", organization_name=None, **{**OFFICE, "basis": []}),
        "基盤の定期処理が、ケアチームの役割の引継ぎを記録しました。",
    ),
]


@pytest.mark.parametrize(("event", "text"), SAID)
def test_it_is_said_plainly(event: Event, text: str) -> None:
    assert sentence(event) == WHEN + text


def test_every_code_has_a_word() -> None:
    assert SEEN.keys() | DONE.keys() == set(Permission) and not SEEN.keys() & DONE.keys()
    assert GROUNDS.keys() == set(Basis) and OFFICES.keys() == set(ActorKind)
    assert set(Reason) <= REASONS.keys()
    words = load_catalogue().value_sets["profession"].codes
    assert {p for p in Profession if p not in words} == {Profession.system}  # told as the system it is


def test_the_words_of_reasons_and_grounds_are_those_of_the_vocabulary() -> None:
    """The comment beside each code, of which the generated pages are made."""
    for kind, told in ((Basis, GROUNDS), (Reason, REASONS)):
        for code, word in re.findall(r'^ +\w+ = "([a-z_]+)"  # (.+)$', inspect.getsource(kind), re.M):
            known = word.split(":")[0].replace("基盤の管理者・監査人", "基盤の管理・監査")
            assert known.replace("番号で照合し参加を申請中", "番号で照合し、参加を申請中").startswith(told[code][:4]), (
                code
            )


def test_every_act_makes_a_sentence() -> None:
    for permission in Permission:
        for outcome, end in (
            ("allowed", "ました。根拠:ケアチームの一員。"),
            ("refused", "せんでした。理由:同意がない。"),
        ):
            text = sentence(Event(action=permission, outcome=outcome, reason="no_consent"))
            assert text.endswith(end) and "「" not in text and "{" not in text, text
    assert OPERATOR in sentence(Event(client_id=UUID(int=0), user_id=None, user_name=None, actor_kind="worker"))
    assert "「unknown.act」" in sentence(Event(action="unknown.act"))
