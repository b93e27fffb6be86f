"""What is sealed opens only whole, for its purpose, and by a key of the folder."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renkei.secret_box import CannotOpen, SecretBox

BOX = SecretBox({b"0001": bytes(range(32))})


@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_is_sealed_opens_again_and_never_looks_the_same(secret: bytes, purpose: str) -> None:
    sealed = BOX.seal(secret, purpose)
    assert BOX.open(sealed, purpose) == secret
    assert sealed != BOX.seal(secret, purpose)
    assert len(secret) < 4 or secret not in sealed


@given(st.data())
def test_an_altered_or_cut_text_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(BOX.seal(b"secret", "webhook:1"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotOpen):
        BOX.open(bytes(sealed), "webhook:1")
    with pytest.raises(CannotOpen):
        BOX.open(bytes(sealed[:place]), "webhook:1")


def test_a_secret_copied_to_another_row_does_not_open() -> None:
    with pytest.raises(CannotOpen):
        BOX.open(BOX.seal(b"secret", "webhook:1"), "webhook:2")


def test_a_newer_key_seals_and_the_older_still_opens(tmp_path: Path) -> None:
    old = SecretBox.load(tmp_path).seal(b"old", "x")
    (tmp_path / "0002.key").write_bytes(os.urandom(32))
    both = SecretBox.load(tmp_path)
    assert both.open(old, "x") == b"old"
    assert both.seal(b"new", "x").startswith(b"0002")
    (tmp_path / "0001.key").unlink()
    with pytest.raises(CannotOpen):
        SecretBox.load(tmp_path).open(old, "x")


def test_the_first_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "box"
    with ThreadPoolExecutor(8) as pool:
        boxes = list(pool.map(lambda _: SecretBox.load(folder), range(8)))
    assert {boxes[0].open(box.seal(b"a", "x"), "x") for box in boxes} == {b"a"}
    assert [file.name for file in folder.iterdir()] == ["0001.key"]
    assert stat.S_IMODE((folder / "0001.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(("name", "content"), [("0001.key", b"short"), ("one.key", bytes(32))])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"key"):
        SecretBox.load(tmp_path)
