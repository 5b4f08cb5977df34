"""The held-out questions, and what is a right answer to each. None of them is in the corpus; a test proves it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipes.tiny.corpus import arithmetic, network, talk

_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)
_INTEGER = re.compile(r"-?\d+")
_TEST_SECONDS = 10.0
_LANGUAGES = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Question:
    """One held-out question.

    Args:
        kind: `network`, `python`, `talk`, or the operator of an arithmetic problem.
        intent: what it asks for.
        prompt: the words of the user.
        expected: texts that must all be in the answer; for Python expressions that must all be true of the code.
    """

    kind: str
    intent: str
    prompt: str
    expected: tuple[str, ...]


def load_questions(folder: Path) -> list[Question]:
    """All questions of the four files in `folder`."""
    questions = []
    steps = {faq.key: faq.steps for faq in network.FAQ}
    for intent, prompts in _read(folder, "network").items():
        questions += [Question("network", intent, p, steps[intent][lang]) for lang in _LANGUAGES for p in prompts[lang]]
    for intent, entry in _read(folder, "python").items():
        tests = tuple(entry["tests"])
        questions += [Question("python", intent, p, tests) for lang in _LANGUAGES for p in entry[lang]]
    for item in _read(folder, "arithmetic"):
        a, operator, b = item["a"], item["operator"], item["b"]
        result = str(arithmetic.result(a, operator, b))
        questions.append(Question(operator, f"{a}{operator}{b}", item["prompt"], (result,)))
    answers = {topic.key: topic.answer for topic in talk.TOPICS}
    for intent, prompts in _read(folder, "talk").items():
        for lang in _LANGUAGES:
            questions += [Question("talk", intent, p, (answers[intent][lang],)) for p in prompts[lang]]
    return questions


def is_right(question: Question, answer: str) -> bool:
    """Whether `answer`, the text after the thought, is right: every step there, the exact number, all tests passed."""
    if question.kind == "python":
        return passes_tests(answer, question.expected)
    if question.kind in arithmetic.OPERATORS:
        return _INTEGER.findall(answer.replace(" - ", " "))[-1:] == list(question.expected)
    return all(text in answer for text in question.expected)


def passes_tests(answer: str, expressions: tuple[str, ...]) -> bool:
    """Runs code and tests in a process of their own: an empty folder, no environment, a time limit."""
    code = _FENCE.search(answer)
    if code is None:
        return False
    checks = "\n".join(f"assert {expression}" for expression in expressions)
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-c", f"{code[1]}\n{checks}\n"],
                cwd=folder,
                env={},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TEST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
