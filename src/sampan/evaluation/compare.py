"""From what two models thought and said to how far they are apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sampan.errors import QualityError
from sampan.evaluation.answers import Answer
from sampan.evaluation.divergence import BoolArray, Float64Array
from sampan.evaluation.estimates import Estimate, mean_of
from sampan.evaluation.material import Task
from sampan.evaluation.quality import (
    Candidate,
    Curve,
    DifferentAnswer,
    Disagreement,
    Distance,
    ModelFacts,
    TaskScores,
)
from sampan.evaluation.reading import Passage, Reading
from sampan.text import Tokenizer

SHOWN = 12  # examples of each kind
CONTEXT = 40  # tokens before a disagreement that are shown
LENGTH = 600  # characters of an answer that are shown
KL_EDGES = np.round(np.arange(-8.0, 1.5, 0.5), 1)  # log10 of nats
SPANS = (0, 4, 16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048)  # positions of a passage


class Readings(NamedTuple):
    """What a reference and a candidate thought of the same passages."""

    passages: Sequence[Passage]
    reference: Reading
    candidate: Reading
    kl: Float64Array  # [P]

    @property
    def groups(self) -> npt.NDArray[np.intp]:
        """The passage [P] of each position."""
        return np.repeat(np.arange(len(self.passages)), [passage.num_positions for passage in self.passages])

    @property
    def same_top(self) -> BoolArray:
        """Where both find the same token most probable [P]."""
        return np.equal(self.reference.top_tokens, self.candidate.top_tokens)


def compare(
    facts: ModelFacts,
    readings: Readings,
    tasks: Sequence[Task],
    expected: Sequence[Answer],
    got: Sequence[Answer],
    tokenizer: Tokenizer,
) -> Candidate:
    """One candidate beside the reference; answers are in the order of the tasks.

    Raises:
        QualityError: the candidate computes NaN or infinity.
    """
    check_finite(facts, readings.kl)
    domains = np.array([passage.domain for passage in readings.passages])[readings.groups]
    different = [
        (task, mine, theirs) for task, mine, theirs in zip(tasks, expected, got, strict=True) if _differ(mine, theirs)
    ]
    # Where one is right and the other is not comes first.
    different.sort(key=lambda entry: entry[1].right == entry[2].right)
    change = np.array([theirs.right for theirs in got], float) - np.array([mine.right for mine in expected], float)
    return Candidate(
        model=facts,
        distance=_distance(readings, np.ones(len(readings.kl), bool)),
        domains={name: _distance(readings, domains == name) for name in dict.fromkeys(domains.tolist())},
        tasks=summarise_tasks(tasks, got),
        score_change=mean_of(change, np.ones(len(change))) if tasks else None,
        num_different_answers=len(different),
        different_answers=[_different_answer(*entry) for entry in different[:SHOWN]],
        disagreements=_disagreements(readings, tokenizer),
        curve=_curve(readings),
    )


def check_finite(facts: ModelFacts, values: Float64Array) -> None:
    """Raises QualityError where a model's logits give NaN or infinity at some positions [P]."""
    broken = int((~np.isfinite(values)).sum())
    if broken:
        raise QualityError(
            f"{facts.title} computes NaN or infinity at {broken} of {len(values)} positions",
            remedy="its weights are damaged: make or fetch it again",
        )


def summarise_tasks(tasks: Sequence[Task], answers: Sequence[Answer]) -> TaskScores | None:
    """None where there are no tasks."""
    if not tasks:
        return None
    kinds: dict[str, tuple[int, int]] = {}
    for task, answer in zip(tasks, answers, strict=True):
        right, asked = kinds.get(task.kind, (0, 0))
        kinds[task.kind] = (right + answer.right, asked + 1)
    ones = np.ones(len(tasks))
    return TaskScores(
        score=mean_of([answer.right for answer in answers], ones),
        by_kind=kinds,
        thinking_tokens=mean_of([answer.thought_tokens for answer in answers], ones),
        loop_rate=sum(answer.looped for answer in answers) / len(answers),
    )


def _distance(readings: Readings, chosen: BoolArray) -> Distance:
    """Over the chosen positions."""
    groups, kl = readings.groups[chosen], readings.kl[chosen]
    reference, candidate = readings.reference.losses[chosen], readings.candidate.losses[chosen]
    _, owners = np.unique(groups, return_inverse=True)
    counts = np.bincount(owners)

    def mean(values: npt.NDArray[np.generic]) -> Estimate:
        return mean_of(np.bincount(owners, weights=values), counts)

    mean_kl = mean(kl)
    return Distance(
        positions=len(kl),
        loss_percent=mean_kl.map(np.expm1, 100.0),
        kl=mean_kl,
        kl_p99=float(np.quantile(kl, 0.99)),
        kl_max=float(kl.max()),
        top1_agreement=mean(readings.same_top[chosen]),
        perplexity=float(np.exp(candidate.mean())),
        reference_perplexity=float(np.exp(reference.mean())),
        perplexity_ratio=mean(candidate - reference).map(np.exp),
    )


def _curve(readings: Readings) -> Curve:
    powers = np.log10(np.maximum(readings.kl, 1e-300))
    counts, _ = np.histogram(np.clip(powers, KL_EDGES[0], KL_EDGES[-1]), KL_EDGES)
    places = np.concatenate([np.arange(passage.num_positions) for passage in readings.passages])
    spans = []
    for first, behind in pairwise(SPANS):
        inside = (places >= first) & (places < behind)
        if inside.any():
            agreement, kl = readings.same_top[inside].mean(), readings.kl[inside].mean()
            spans.append((first, behind - 1, float(agreement), float(kl)))
    return Curve(KL_EDGES.tolist(), counts.tolist(), spans)


def _disagreements(readings: Readings, tokenizer: Tokenizer) -> list[Disagreement]:
    """Where KL is greatest among positions whose most probable tokens differ, one in each passage."""
    groups, found, taken = readings.groups, [], set()
    starts = np.concatenate([[0], np.cumsum([passage.num_positions for passage in readings.passages])])
    for position in np.argsort(-readings.kl, kind="stable").tolist():
        passage = readings.passages[groups[position]]
        if readings.same_top[position] or int(groups[position]) in taken:
            continue
        taken.add(int(groups[position]))
        row = passage.first_row + position - int(starts[groups[position]])
        before = tokenizer.decode(passage.token_ids[max(row + 1 - CONTEXT, 0) : row + 1])
        found.append(
            Disagreement(
                passage.domain,
                before,
                _token(readings.reference, position, tokenizer),
                _token(readings.candidate, position, tokenizer),
                float(readings.kl[position]),
            )
        )
        if len(found) == SHOWN:
            break
    return found


def _token(reading: Reading, position: int, tokenizer: Tokenizer) -> tuple[str, float]:
    text = tokenizer.decode([int(reading.top_tokens[position])], skip_special_tokens=False)
    return text, float(np.exp(reading.top_logprobs[position]))


def _differ(mine: Answer, theirs: Answer) -> bool:
    return mine.content != theirs.content or mine.right != theirs.right


def _different_answer(task: Task, mine: Answer, theirs: Answer) -> DifferentAnswer:
    return DifferentAnswer(task.kind, task.prompt, task.answer, _shown(mine), _shown(theirs), mine.right, theirs.right)


def _shown(answer: Answer) -> str:
    """The answer, or what there is of a thought that never ended."""
    text = answer.content.strip() or f"{answer.thought.strip()[-LENGTH:]} …"
    return text if len(text) <= LENGTH else f"{text[:LENGTH]} …"
