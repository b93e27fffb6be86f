"""Keys find one name however it was written, and keep different names apart."""

import unicodedata
from importlib.resources import files
from itertools import combinations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from renkei.schemas.search_keys import KANJI_VARIANTS, kana_key, name_key

# Ordinary pairs that people mix up although they are different names: a key must not.
DIFFERENT_NAMES = """
太田 大田 大坂 大阪 河野 川野 坂本 阪本 伊東 伊藤 荻野 萩野 菅原 管原 土田 士田 末広 未広 安部 阿部 新井 荒井
小川 小河 古川 古河 渡部 渡辺 中島 中縞 岡田 岡野 芝田 柴田 清水 青水 丸井 九井 石井 右井 村上 邨上 今井 令井
平野 半野 矢野 失野 加藤 佐藤 裕子 祐子 洋子 陽子 幸子 辛子 弘 広 浩 博 寛 昭 明 彰 ハナ はな
"""

COMPATIBILITY_FORMS = {
    "\ufa19": "神",
    "\ufa10": "塚",
    "\uf9dc": "隆",
    "\ufa1a": "祥",
    "\ufa1b": "福",
    "\ufa1c": "靖",
    "\ufa1d": "精",
    "\ufa12": "晴",
    "\ufa16": "猪",
    "\ufa1e": "羽",
    "\ufa22": "諸",
    "\ufa26": "都",
    "\ufa2b": "飼",
    "\ufa2d": "鶴",
    "\ufa30": "侮",
    "\ufa45": "海",
    "\ufa5b": "者",
    "\ufa68": "難",
    "\U0002f852": "城",
    "㈱": "株",
}


@pytest.mark.parametrize(
    "written", ["タカハシ", "ﾀｶﾊｼ", "たかはし", "タカ ハシ", " タカ\u3000ハシ", "タカ・ハシ", "タ\ufe00カハシ"]
)
def test_one_kana_name_has_one_key(written: str) -> None:
    assert kana_key(written) == "タカハシ"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ｶﾞﾝｼﾞ", "ガンジ"),
        ("か\u3099んし\u3099", "ガンジ"),
        ("カ゛ンシ゛", "ガンジ"),
        ("ハ゜パ", "パパ"),
        ("ｷﾖｳｺ", "キヨウコ"),
        ("きょうこ", "キヨウコ"),
        ("ハッチョウ", "ハツチヨウ"),
        ("ヶヵヮァィゥェォ", "ケカワアイウエオ"),
        ("シヅヱ", "シズエ"),
        ("しずえ", "シズエ"),
        ("ヰチヲ", "イチオ"),
        ("チヂミ", "チジミ"),
        ("みすゞ", "ミスズ"),
        ("ちゝぶ", "チチブ"),
        ("ツヾミ", "ツズミ"),
        ("バヾ", "ババ"),
        ("ヽタ", "タ"),
        ("ヾタ", "タ"),
        ("ｱﾝﾏﾘｰ", "アンマリー"),
        ("マリ－", "マリー"),
        ("マリ—", "マリー"),
        ("ジャン-ポール", "ジヤンポール"),
        ("ヴァン", "ヴアン"),
        ("ゔぁん", "ヴアン"),
        ("ｳﾞｧﾝ", "ヴアン"),
        ("ヷン", "ヴアン"),
        ("ヸヹヺ", "ヴイヴエヴオ"),
        ("Ｓｍｉｔｈ", "smith"),
        ("・ ゛", ""),
    ],
)
def test_kana_key(written: str, key: str) -> None:
    assert kana_key(written) == key


def test_sounds_that_differ_stay_apart() -> None:
    assert len({kana_key(name) for name in ("オオタ", "オータ", "オタ", "ブン", "ヴン", "ハハ", "ババ", "パパ")}) == 8


@pytest.mark.parametrize(("variant", "form"), KANJI_VARIANTS.items())
def test_every_variant_is_found_by_its_form(variant: str, form: str) -> None:
    assert name_key(variant + "田") == name_key(form + "田") == form + "田"


def test_the_table_is_sound() -> None:
    assert len(KANJI_VARIANTS) >= 120
    assert not set(KANJI_VARIANTS) & set(KANJI_VARIANTS.values()), "a form is itself folded away"
    lines = [*KANJI_VARIANTS, *KANJI_VARIANTS.values()]
    assert [line for line in lines if len(line) != 1] == []
    assert [line for line in lines if unicodedata.normalize("NFKC", line) != line] == [], "NFKC does these already"


def test_no_variant_stands_on_two_lines() -> None:
    sections = yaml.safe_load((files("renkei.schemas") / "data" / "kanji_variants.yaml").read_text(encoding="utf-8"))
    forms = [form for lines in sections.values() for form in lines]
    variants = [variant for lines in sections.values() for written in lines.values() for variant in written]
    assert len(forms) == len(set(forms))
    assert len(variants) == len(set(variants)) == len(KANJI_VARIANTS)


@pytest.mark.parametrize(("written", "form"), COMPATIBILITY_FORMS.items())
def test_compatibility_forms_fold(written: str, form: str) -> None:
    assert name_key(written) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("髙橋 誠一", "高橋誠一"),
        ("﨑山", "崎山"),
        ("碕山", "嵜山"),
        ("渡邉", "渡邊"),
        ("渡\U0002856b", "渡辺"),
        ("齋藤", "斉藤"),
        ("齊藤", "斎藤"),
        ("\U00020bb7田", "吉田"),
        ("葛\U000e0100城", "葛城"),
        ("辻\ufe00", "辻"),
        ("佐佐木", "佐々木"),
        ("野々村", "埜々村"),
        ("濵﨑", "浜崎"),
        ("櫻澤 惠德", "桜沢恵徳"),
        ("Ｏ’Ｂｒｉｅｎ", "o'brien"),
        ("ﾊﾅ", "ハナ"),
    ],
)
def test_one_name_written_two_ways_has_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_a_mark_that_repeats_nothing_is_dropped() -> None:
    assert name_key("々木") == "木"


def test_different_names_keep_different_keys() -> None:
    pairs = combinations(DIFFERENT_NAMES.split(), 2)
    assert [pair for pair in pairs if name_key(pair[0]) == name_key(pair[1])] == []


TEXT = st.text() | st.text(alphabet="カがｶﾞゞヽヾﾞー－ヴヷっ 々髙﨑\u3099\ufe00ǅİ", max_size=12)


@given(TEXT)
def test_a_key_is_its_own_key(text: str) -> None:
    assert kana_key(kana_key(text)) == kana_key(text)
    assert name_key(name_key(text)) == name_key(text)


@given(TEXT)
def test_keys_hold_letters_only(text: str) -> None:
    assert all(letter.isalnum() for letter in kana_key(text) + name_key(text))
