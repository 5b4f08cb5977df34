"""What `sampan eval` found, as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sampan.cli.output import print_table
from sampan.cli.sizes import human_bytes
from sampan.cli.terminal import printable
from sampan.evaluation.quality import Candidate, ModelFacts, Quality, TaskScores

DISTANCES = ("model", "size", "bits", "loss", "95 % sure", "mean KL", "KL, 99 %", "KL, most", "same top", "perplexity")
TASKS = ("model", "tasks right", "of", "thinking", "loops", "reads", "answers")


def show(quality: Quality, folder: Path | None) -> None:
    """A table of distances, one of tasks, and where the page is."""
    material = quality.material
    print(
        printable(
            f"{material.positions} positions of {material.passages} passages, {material.tasks} tasks; beside "
            f"{quality.reference.title}",
            lines=False,
        )
    )
    for text in material.dropped:
        print(printable(f"left out, the calibration has it: {text}", lines=False))
    print()
    rows = [_reference_row(quality), *(_distance_row(each) for each in quality.candidates)]
    print_table(DISTANCES, rows, ["dim", *[None] * len(quality.candidates)], ())
    print()
    if quality.reference_tasks is not None:
        models = [
            (quality.reference, quality.reference_tasks),
            *((each.model, each.tasks) for each in quality.candidates),
        ]
        kinds = tuple(quality.reference_tasks.by_kind)
        rows = [_task_row(model, tasks, kinds) for model, tasks in models if tasks is not None]
        print_table((*TASKS, *kinds), rows, ["dim", *[None] * len(quality.candidates)], ())
        print()
    if folder is None:
        print("--output DIR writes this with plots and examples, as quality.html and quality.json")
    else:
        print(printable(f"written: {folder}/quality.html and quality.json", lines=False))


def _reference_row(quality: Quality) -> tuple[str, ...]:
    reference = quality.reference
    perplexity = quality.candidates[0].distance.reference_perplexity
    return (reference.title, *_size(reference), *("",) * 6, f"{perplexity:.4g}")


def _distance_row(candidate: Candidate) -> tuple[str, ...]:
    distance, loss = candidate.distance, candidate.loss_percent
    return (
        candidate.model.title,
        *_size(candidate.model),
        f"{loss.value:.3g} %",
        f"{loss.low:.3g} to {loss.high:.3g}",
        f"{distance.kl.value:.2g}",
        f"{distance.kl_p99:.2g}",
        f"{distance.kl_max:.2g}",
        f"{distance.top1_agreement.value:.2%}",
        f"x {distance.perplexity_ratio.value:.4f}",
    )


def _size(model: ModelFacts) -> tuple[str, str]:
    return human_bytes(model.weight_bytes), f"{model.bits:.2f}"


def _task_row(model: ModelFacts, tasks: TaskScores, kinds: Sequence[str]) -> tuple[str, ...]:
    asked = sum(count for _, count in tasks.by_kind.values())
    speed = "" if model.answer_tokens_per_s is None else f"{model.answer_tokens_per_s:.0f}/s"
    return (
        model.title,
        f"{tasks.score.value:.1%}",
        str(asked),
        f"{tasks.thinking_tokens.value:.0f}",
        f"{tasks.loop_rate:.1%}",
        f"{model.read_tokens_per_s:.0f}/s",
        speed,
        *(f"{tasks.by_kind[kind][0]}/{tasks.by_kind[kind][1]}" for kind in kinds),
    )
