"""Scores a model folder on the held-out questions, through the engine that serves it, greedily.

python -m recipes.tiny.evaluate [FOLDER] [--failures] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from recipes.tiny.heldout import Question, is_right, load_questions
from sampan import LLM, SamplingParams

HELDOUT = Path(__file__).parents[2] / "tests" / "data" / "tiny_heldout"
# What the model must reach; `talk` is reported only.
TARGETS = {"network": 0.90, "arithmetic": 0.90, "python": 0.92}
_MAX_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Graded:
    """A question with what the model said to it."""

    question: Question
    thought: str
    answer: str
    right: bool


def grade(llm: LLM, questions: Sequence[Question]) -> list[Graded]:
    """Answers all questions together, greedily, and grades them in their order."""
    params = SamplingParams(temperature=0.0, max_tokens=_MAX_TOKENS)
    conversations = [[{"role": "user", "content": question.prompt}] for question in questions]
    with Progress() as progress:
        answering = progress.add_task("answering", total=len(questions))
        outputs = llm.chat(conversations, params, on_finished=lambda _: progress.advance(answering))
        graded = []
        for question, output in zip(questions, progress.track(outputs, description="grading"), strict=True):
            completion = output.outputs[0]
            answer = completion.content or ""
            graded.append(Graded(question, completion.reasoning_content or "", answer, is_right(question, answer)))
    return graded


def scores(graded: Sequence[Graded]) -> dict[str, tuple[int, int]]:
    """(right, asked) for each kind; `arithmetic` besides its three operators."""
    table: dict[str, tuple[int, int]] = {}
    for item in graded:
        kind = item.question.kind
        for name in (kind,) if len(kind) > 1 else (f"arithmetic {kind}", "arithmetic"):
            right, asked = table.get(name, (0, 0))
            table[name] = (right + item.right, asked + 1)
    return table


def evaluate(folder: Path | None = None, *, show_failures: bool = False) -> dict[str, tuple[int, int]]:
    """Grades the model in `folder` (the embedded one where None), prints the table and returns the scores."""
    console = Console()
    graded = grade(LLM(str(folder) if folder else None), load_questions(HELDOUT))
    result = scores(graded)
    table = Table("questions", "right", "of", "score", "target")
    for name, (right, asked) in sorted(result.items()):
        target = f"{TARGETS[name]:.0%}" if name in TARGETS else ""
        table.add_row(name, str(right), str(asked), f"{right / asked:.1%}", target)
    console.print(table)
    for item in graded if show_failures else ():
        if not item.right:
            console.rule(f"{item.question.kind} {item.question.intent}")
            console.print(f"{item.question.prompt}\n{item.thought}\n{item.answer}", markup=False, highlight=False)
    return result


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Score a model folder on the held-out questions.")
    parser.add_argument("folder", nargs="?", type=Path, help="a model folder (default: the embedded model)")
    parser.add_argument("--failures", action="store_true", help="print every wrong answer")
    parser.add_argument("--json", type=Path, help="write the scores to this file")
    arguments = parser.parse_args()
    result = evaluate(arguments.folder, show_failures=arguments.failures)
    if arguments.json:
        text = json.dumps({name: {"right": right, "asked": asked} for name, (right, asked) in result.items()}, indent=2)
        arguments.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
