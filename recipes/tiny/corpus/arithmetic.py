"""Arithmetic with numbers of up to two digits. The thought works digit by digit, the answer states the result.

One problem in ten is never shown in training: `held_out` says which, by a hash of the problem itself.
"""

from __future__ import annotations

import hashlib
import random

from recipes.tiny.corpus.grammar import expand
from recipes.tiny.corpus.noise import embellish, roughen
from recipes.tiny.corpus.sample import Sample, language_of

OPERATORS = "+-×"

_LISTS: dict[str, list[str]] = {
    "+zh": ["+", "+", " + ", "加", "加", "加上", " 加 ", "＋"],
    "-zh": ["-", "-", " - ", "减", "减", "减去", " 减 ", "－"],
    "×zh": ["×", "*", "x", " × ", "乘", "乘以", "乘以", " * ", "乘上"],
    "+en": ["+", "+", " + ", " + ", " plus ", " plus ", " and "],
    "-en": ["-", "-", " - ", " - ", " minus ", " minus ", " take away "],
    "×en": ["×", "*", "x", " × ", " * ", " x ", " times ", " times ", " multiplied by "],
    "&": ["和", "与", "跟", "和", " 和 ", " 与 "],
    "end": ["得几", "得多少", "是多少", "是几", "等于几", "等于多少", "结果是什么", "{eq}", ""],
    "eq": ["=", "=?", " = ", " = ?", "=？", "等于", "等于几", "等于多少", "是多少", "得多少", "得几", "是几", "结果是多少", "等于什么", ""],
}  # fmt: skip

_WHOLE: dict[str, list[str]] = {
    "zh": ["{x}{eq}", "{x}{eq}", "{x}{eq}", "[计算|请计算|算|算一下|帮我算|请算一下|求|算算|口算|算出|麻烦算一下][：|:|一下|][ |]{x}{eq}", "{x}[怎么算|的结果|的答案|算出来是多少|，结果呢|得多少啊]", "[那|那么|还有|再来]{x}[呢|{eq}]", "[我想知道|告诉我|你知道|你会算|问一下]{x}{eq}[吗|]"],
    "en": ["what is {x}", "what's {x}", "{x}", "{x}[=| = | =? |=?| equals| equals what| is]", "[compute|calculate|work out|evaluate|solve|add up|do|find] {x}", "how much is {x}", "[tell me|give me|I need|can you compute|can you work out|please calculate] {x}", "[and|now|then|so] {x}", "what does {x} [make|equal|give|come to]", "the [result|answer|value] of {x}", "{x} [is what|makes what|gives]", "can you [do|solve|calculate] {x}"],
}  # fmt: skip

_SPECIAL: dict[str, list[str]] = {
    "+zh": ["{a}{&}{b}[的和|的总和]{end}", "{a}{&}{b}[加起来|相加|加在一起|合起来|合计|一共|求和]{end}", "{a}{&}{b}[加起来|相加|合起来]{end}", "[把|将]{a}{&}{b}[加起来|相加|合起来]{end}", "[我有|桌上有|先有]{a}[个苹果|本书|支笔|块糖]，[又|再][来了|买了|拿来]{b}[个|本|支|块]，{a}[+|加]{b}{end}", "[求|计算]{a}[与|和]{b}的和", "比{a}多{b}的数[是多少|]"],
    "-zh": ["{a}{&}{b}[的差|相减|之差]{end}", "[把|将]{a}{&}{b}相减{end}", "[我有|桌上有|先有]{a}[个苹果|本书|支笔|块糖]，[吃了|送了|丢了|用了]{b}[个|本|支|块]，{a}[-|减]{b}{end}", "{a}比{b}[多|大]多少", "[从|]{a}[里|]减掉{b}[{eq}|]", "{a}[少|去掉|拿走]{b}[还剩多少|剩多少|{eq}]", "比{a}少{b}的数[是多少|]"],
    "×zh": ["{a}{&}{b}的[积|乘积]{end}", "{a}个{b}[是多少|一共多少|等于多少]", "[把|将]{a}{&}{b}[相乘|乘起来]{end}", "{a}的{b}倍[是多少|等于多少|]", "{a}{&}{b}[相乘|乘起来]{end}"],
    "+en": ["the sum of {a} and {b}", "what is the sum of {a} and {b}", "add {a} [and|to] {b}", "what do {a} and {b} [make|add up to|give]", "{a} plus {b} [is what|please]", "{b} more than {a}"],
    "-en": ["the difference [between|of] {a} and {b}", "what is the difference between {a} and {b}", "subtract {b} from {a}", "take {b} [away |]from {a}", "{b} less than {a}", "what is left of {a} after taking {b}"],
    "×en": ["the product of {a} and {b}", "what is the product of {a} and {b}", "multiply {a} [by|with|and] {b}", "{a} times {b} [is what|please]", "{a} by {b} multiplied"],
}  # fmt: skip


def held_out(a: int, operator: str, b: int) -> bool:
    """Whether `a operator b` belongs to the held-out tenth. `a + b` and `b + a` go together."""
    if operator != "-":
        a, b = sorted((a, b))
    return hashlib.sha256(f"{a}{operator}{b}".encode()).digest()[0] % 10 == 0


def make(rng: random.Random, operator: str | None = None, language: str | None = None) -> Sample:
    """A problem that is not held out, asked in `language`, with worked steps."""
    operator = operator or rng.choices(OPERATORS, weights=(4, 6, 4))[0]
    language = language or rng.choice(["zh", "en"])
    while True:
        a, b = _operands(rng, operator)
        if not held_out(a, operator, b):
            break
    text = prompt(a, operator, b, language, rng)
    language = language_of(text)
    steps = thought(a, operator, b, language)
    return Sample("arithmetic", f"{a}{operator}{b}", language, text, steps, answer(a, operator, b))


def _operands(rng: random.Random, operator: str) -> tuple[int, int]:
    a, b = (rng.randrange(10, 100) if rng.random() < 0.8 else rng.randrange(0, 10) for _ in range(2))
    if operator == "-" and a < b and rng.random() < 0.6:
        a, b = b, a
    return a, b


def prompt(a: int, operator: str, b: int, language: str, rng: random.Random) -> str:
    """One way to ask."""
    lists = {**_LISTS, "a": [str(a)], "b": [str(b)], "x": [f"{a}{{{operator}{language}}}{b}"]}
    pattern = rng.choice(_SPECIAL[operator + language] if rng.random() < 0.35 else _WHOLE[language])
    text = expand(pattern, rng, lists)
    if rng.random() < 0.5:
        text = embellish(text, language, rng)
    return text if rng.random() < 0.3 else roughen(text, language, rng, typos=0.04)


def result(a: int, operator: str, b: int) -> int:
    """The value of the problem."""
    return a + b if operator == "+" else a - b if operator == "-" else a * b


def thought(a: int, operator: str, b: int, language: str) -> str:
    """Restates the problem, then works it out in figures, column by column."""
    head = f"用户要算{a}{operator}{b}。" if language == "zh" else f"The user wants {a}{operator}{b}."
    if operator == "+":
        steps = _add(a, b)
    elif operator == "×":
        steps = _multiply(a, b)
    elif a >= b:
        steps = [f"{a}{'=' if a == b else '>'}{b}", *_subtract(a, b)]
    else:
        steps = [f"{a}<{b}", *_subtract(b, a), f"{a}-{b}={a - b}"]
    return "\n".join([head, *steps])


def answer(a: int, operator: str, b: int) -> str:
    """The result as an equation."""
    return f"{a} {operator} {b} = {result(a, operator, b)}"


def _add(a: int, b: int) -> list[str]:
    """Columns from the right, each `digit+digit+carry=sum`."""
    lines = []
    carry, place = 0, 1
    while place <= max(a, b, 1):
        x, y = a // place % 10, b // place % 10
        lines.append(f"{x}+{y}+{carry}={x + y + carry}")
        carry = (x + y + carry) // 10
        place *= 10
    return [*lines, f"{a}+{b}={a + b}"]


def _subtract(a: int, b: int) -> list[str]:
    """Columns from the right, each `digit-digit-borrow=difference`, ten added where it would be negative. Needs a >= b."""
    lines = []
    borrow, place = 0, 1
    while place <= max(a, 1):
        x, y = a // place % 10, b // place % 10
        ten = 10 if x < y + borrow else 0
        lines.append(f"{x + ten}-{y}-{borrow}={x + ten - y - borrow}")
        borrow = ten // 10
        place *= 10
    return [*lines, f"{a}-{b}={a - b}"]


def _multiply(a: int, b: int) -> list[str]:
    """The first number times each digit of the second, then the sum of both parts."""
    ones, tens = b % 10, b // 10
    lines = _times_digit(a, ones)
    if tens:
        high = a * tens * 10
        lines += [*_times_digit(a, tens), f"{a}×{tens}0={high}", *_add(high, a * ones), f"{a}×{b}={a * b}"]
    return lines


def _times_digit(a: int, digit: int) -> list[str]:
    """Columns from the right: `digit×digit=product`, then `product+carry=sum` from the second column on."""
    lines = []
    carry, place = 0, 1
    while place <= max(a, 1):
        product = a // place % 10 * digit
        lines.append(f"{a // place % 10}×{digit}={product}")
        if place > 1:
            lines.append(f"{product}+{carry}={product + carry}")
        carry = (product + carry) // 10
        place *= 10
    return lines if a < 10 else [*lines, f"{a}×{digit}={a * digit}"]
