"""Whether an answer is right, read off the answer that was expected: a number, a letter to choose, or a text.

A number is right where the answer's last number is equal to it, or the one in its last `\\boxed{}`, as R1 writes
results. A letter is right where it is what the answer settles on. A text is right where the answer holds it; blanks,
case and emphasis do not count.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
_LETTER = re.compile(r"[A-J]")
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
# A choice is often repeated with its words behind it: "the answer is (C) Paris".
_SETTLED = re.compile(
    r"(?:answer|choice|option|答案|选项|应选|选择|选)[^A-Za-z\n]{0,12}(?:is|为|是|选)?[^A-Za-z\n]{0,6}([A-J])(?![A-Za-z])"
)
_STANDALONE = re.compile(r"(?<![A-Za-z])([A-J])(?![A-Za-z'’])")
_MARKS = str.maketrans("", "", "*`_ \t\r\n\u3000")
_MINUS = str.maketrans({"−": "-", "–": "-", "，": ",", "（": "(", "）": ")"})


def is_right(expected: str, answer: str) -> bool:
    """Whether `answer`, the text behind the thought, says what was expected."""
    answer = answer.translate(_MINUS)
    if _NUMBER.fullmatch(expected):
        return _number(answer) == _decimal(expected)
    if _LETTER.fullmatch(expected):
        return _letter(answer) == expected
    return _plain(expected) in _plain(answer)


def _number(answer: str) -> Decimal | None:
    """The number that an answer ends with; a minus between two numbers is no sign."""
    boxed = [_NUMBER.findall(content) for content in _BOXED.findall(answer)]
    found = (
        boxed[-1] if boxed and boxed[-1] else _NUMBER.findall(re.sub(r"(?<=[0-9A-Za-z)])\s*-\s*(?=\d)", " ", answer))
    )
    return _decimal(found[-1]) if found else None


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _letter(answer: str) -> str | None:
    boxed = [letter for content in _BOXED.findall(answer) for letter in _STANDALONE.findall(content)]
    found = boxed or _SETTLED.findall(answer) or _STANDALONE.findall(answer)
    return found[-1] if found else None


def _plain(text: str) -> str:
    return text.translate(_MARKS).casefold()
