from __future__ import annotations

import pytest

from sampan.evaluation.grading import is_right


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("92", "34 + 58 = 92"),
        ("92", "The sum is **92**."),
        ("92", r"So \boxed{92}, as 34 and 58 are both even; check 1, 2, 3."),
        ("92", r"\boxed{\text{92}}"),
        ("1234.5", "总共 1,234.50 元"),
        ("-19", "52 - 71 = -19"),
        ("-19", "结果是 −19。"),
        ("5", "It is 10-5"),  # a difference, and not minus five
        ("29.2", "Each pays 29.20"),
        ("B", "B"),
        ("B", "The answer is (B) Mercury."),
        ("B", "**答案：B**"),
        ("B", "应选 B，因为 A 离得更远。"),
        ("B", r"\boxed{B}"),
        ("B", "B. Mercury"),
        ("[1, 2, 3]", "It prints `[1,2,3]`."),
        ("guest network", "Switch the Guest Network on"),
        ("% 400", "return year%400 == 0"),
    ],
)
def test_right(expected, answer):
    assert is_right(expected, answer)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("92", ""),
        ("92", "93"),
        ("92", "92 is near, but it is 93"),
        ("5", "-5"),
        ("B", "The answer is C, not B."),
        ("B", "Because it is so"),
        ("B", ""),
        ("[1, 2, 3]", "[3, 2, 1]"),
    ],
)
def test_wrong(expected, answer):
    assert not is_right(expected, answer)
