"""Check digits, against the examples of the data and against another form of the same rule."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from renkei.catalogue import CURRENT
from renkei.catalogue import load as loading
from renkei.catalogue.checks import CHECKS, mod10_w21

DATA = Path(loading.__file__).parent / "data" / CURRENT
EXAMPLES = yaml.safe_load((DATA / "types.yaml").read_text(encoding="utf-8"))["checks"]


def test_every_check_has_its_rule() -> None:
    assert set(EXAMPLES) == set(CHECKS)


@pytest.mark.parametrize("name", CHECKS)
def test_the_examples_of_the_data(name: str) -> None:
    assert all(CHECKS[name](number) for number in EXAMPLES[name]["valid"])
    assert not any(CHECKS[name](number) for number in EXAMPLES[name]["invalid"])


@given(st.from_regex(r"[0-9]{2,20}", fullmatch=True))
def test_it_is_the_luhn_sum(number: str) -> None:
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    digits = [int(c) for c in reversed(number)]
    assert mod10_w21(number) is ((sum(digits[::2]) + sum(doubled[d] for d in digits[1::2])) % 10 == 0)
