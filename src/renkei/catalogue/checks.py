"""Check digits of the numbers on insurance cards (検証番号)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType


def mod10_w21(number: str) -> bool:
    """Whether the last digit is right: modulus 10, weights 2-1.

    From the digit before it, going left, digits are multiplied by 2, 1, 2, 1 …; a two-digit product counts as the sum
    of its digits. number: decimal digits only, checked by its pattern before. Source: 保険者番号等の設定要領 別表.
    """
    total = 0
    for place, digit in enumerate(reversed(number[:-1])):
        product = int(digit) * (1 if place % 2 else 2)
        total += product // 10 + product % 10
    return (10 - total % 10) % 10 == int(number[-1])


CHECKS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "insurer_check_digit": mod10_w21,  # 介護保険 保険者番号
        "health_insurer_check_digit": mod10_w21,  # 医療保険 保険者番号
        "public_expense_check_digit": mod10_w21,  # 公費負担者番号
    }
)
"""The rules that the columns and sub-field rules name under ``check``."""
