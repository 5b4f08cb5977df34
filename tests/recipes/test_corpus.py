"""The corpus: deterministic, right in every line, and without any held-out question."""

from __future__ import annotations

import random
import re
import unicodedata
from pathlib import Path

import pytest
from recipes.tiny.corpus import Sample, arithmetic, generate, network, python_tasks, talk
from recipes.tiny.corpus.tasks import TASKS
from recipes.tiny.heldout import is_right, load_questions
from recipes.tiny.steps import STAGES

HELDOUT = Path(__file__).parents[1] / "data" / "tiny_heldout"
QUESTIONS = load_questions(HELDOUT)
SHARES = STAGES[0].shares
_STEP = re.compile(r"(\d+)([-+×])(\d+)(?:([-+])(\d+))?=(-?\d+)")
_OPERATIONS = {"+": int.__add__, "-": int.__sub__, "×": int.__mul__}


def normal_form(text: str) -> str:
    """Letters and digits alone: case, width, punctuation and spaces do not make a question new."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum() or c in "+-*×")


def prompts_of(sample: Sample) -> list[str]:
    return [sample.prompt, *(question for question, _ in sample.history)]


def test_a_seed_says_everything() -> None:
    assert list(generate(5, 300, SHARES)) == list(generate(5, 300, SHARES))
    assert list(generate(5, 300, SHARES)) != list(generate(6, 300, SHARES))


def test_every_domain_and_both_languages_occur() -> None:
    samples = list(generate(1, 2000, SHARES))
    assert {sample.kind for sample in samples} == {"network", "python", "arithmetic", "talk", "chat"}
    assert {(s.intent, s.language) for s in samples if s.kind == "network"} == {
        (faq.key, language) for faq in network.FAQ for language in ("zh", "en")
    }


def test_chats_show_earlier_answers_without_their_thoughts() -> None:
    chats = [sample for sample in generate(2, 1000, SHARES) if sample.history]
    assert chats
    assert all(answer and "</think>" not in answer for sample in chats for _, answer in sample.history)


def test_no_held_out_question_is_generated() -> None:
    heldout = {normal_form(question.prompt) for question in QUESTIONS}
    generated = {normal_form(p) for sample in generate(99, 15_000, SHARES) for p in prompts_of(sample)}
    assert heldout & generated == set()


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_no_held_out_question_is_in_what_the_model_was_trained_on(stage) -> None:  # type: ignore[no-untyped-def]
    heldout = {normal_form(question.prompt) for question in QUESTIONS}
    samples = generate(stage.seed, stage.num_samples, stage.shares)
    assert heldout & {normal_form(p) for sample in samples for p in prompts_of(sample)} == set()


def test_held_out_operands_never_occur_in_training() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        sample = arithmetic.make(rng)
        a, operator, b = re.fullmatch(r"(\d+)([-+×])(\d+)", sample.intent).groups()  # type: ignore[union-attr]
        assert not arithmetic.held_out(int(a), operator, int(b))


def test_about_a_tenth_of_the_operands_is_held_out_and_every_held_out_question_is_of_it() -> None:
    pairs = [(a, b) for a in range(100) for b in range(100)]
    for operator in arithmetic.OPERATORS:
        assert 0.08 < sum(arithmetic.held_out(a, operator, b) for a, b in pairs) / len(pairs) < 0.12
    for question in QUESTIONS:
        if question.kind in arithmetic.OPERATORS:
            a, b = question.intent.split(question.kind)
            assert arithmetic.held_out(int(a), question.kind, int(b))


@pytest.mark.parametrize("operator", arithmetic.OPERATORS)
def test_every_line_of_worked_arithmetic_is_true(operator: str) -> None:
    for a in range(100):
        for b in range(0, 100, 3):
            for line in arithmetic.thought(a, operator, b, "en").splitlines()[1:]:
                step = _STEP.fullmatch(line)
                if step is None:
                    left, sign, right = re.fullmatch(r"(\d+)([<>=])(\d+)", line).groups()  # type: ignore[union-attr]
                    assert {"<": int(left) < int(right), ">": int(left) > int(right), "=": left == right}[sign]
                    continue
                value = _OPERATIONS[step[2]](int(step[1]), int(step[3]))
                assert _OPERATIONS[step[4] or "+"](value, int(step[5] or 0)) == int(step[6]), line
            assert arithmetic.answer(a, operator, b).endswith(f"= {arithmetic.result(a, operator, b)}")


def test_the_corpus_own_answers_are_right() -> None:
    """What is taught is what the held-out questions want: every FAQ step, code that passes its tests, the number."""
    answers = {(task.key, lang): python_tasks.answer(task, lang) for task in TASKS for lang in ("zh", "en")}
    answers |= {(faq.key, lang): network.answer(faq, lang) for faq in network.FAQ for lang in ("zh", "en")}
    answers |= {(topic.key, lang): topic.answer[lang] for topic in talk.TOPICS for lang in ("zh", "en")}
    for question in {(q.kind, q.intent, q.expected): q for q in QUESTIONS}.values():
        if question.kind in arithmetic.OPERATORS:
            a, b = question.intent.split(question.kind)
            assert is_right(question, arithmetic.answer(int(a), question.kind, int(b)))
        else:
            assert any(is_right(question, answers[question.intent, lang]) for lang in ("zh", "en"))


def test_wrong_answers_are_seen_as_wrong() -> None:
    by_kind = {question.kind: question for question in QUESTIONS}
    steps = network.answer(network.FAQ[-1], "en").splitlines()
    assert not is_right(by_kind["network"], "\n".join(steps[:-1]))
    assert not is_right(by_kind["python"], "```python\ndef even_numbers(numbers):\n    return numbers\n```")
    assert not is_right(by_kind["python"], "```python\nwhile True: pass")
    assert not is_right(by_kind["+"], "1 + 1 = 2")
