"""`sampan eval`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sampan.cli.options import Json, Model
from sampan.cli.parameters import Option

if TYPE_CHECKING:
    from pathlib import Path

MAX_CANDIDATES = 5
PRECISIONS = ("int8", "int4", "bf16", "fp16", "fp32")


def evaluate(
    *,
    model: Model = None,
    reference: Annotated[
        str | None, Option("what to compare with; unset: MODEL as it is stored", metavar="MODEL")
    ] = None,
    reference_precision: Annotated[
        str | None, Option("of its weights, such as bf16; unset: as they are stored", metavar="P")
    ] = None,
    precision: Annotated[
        str, Option("of the weights; several are compared, as in int8,int4", metavar="P,P,...")
    ] = "auto",
    kv_cache: Annotated[
        str, Option("of keys and values", metavar="P", choices=("auto", "fp16", "bf16", "int8", "fp32"))
    ] = "auto",
    data: Annotated[
        str | None, Option("texts and tasks of yours, instead of Sampan's: text or .jsonl", metavar="FILE")
    ] = None,
    calibration: Annotated[
        str | None, Option("what quantising saw: left out of the evaluation", metavar="FILE")
    ] = None,
    max_tasks: Annotated[int | None, Option("ask fewer tasks; 0: none, and only read")] = None,
    max_tokens: Annotated[int, Option("most tokens of thought and answer together")] = 2048,
    max_loss: Annotated[float | None, Option("fail where the loss is, or may be, more than X per cent")] = None,
    output: Annotated[str | None, Option("write quality.json and quality.html there", metavar="DIR")] = None,
    threads: Annotated[int | None, Option("threads that compute; unset: one for each core")] = None,
    json: Json = False,
) -> int:
    """Measures what a model lost beside a reference: KL, perplexity, top-1 agreement, tasks, loops.

    The loss is by how many per cent the perplexity of what the reference would write rises when MODEL
    reads it; --max-loss fails unless it is less with 95 % confidence. Models are in memory one at a
    time.
      sampan eval qwen-1.5b --precision int8,int4 --output quality
      sampan eval ./my-int4 --reference qwen-1.5b --max-loss 2
    """
    from sampan.cli.eval_report import show
    from sampan.cli.interrupts import exit_on_interrupt, on_interrupt
    from sampan.cli.output import print_json
    from sampan.cli.progress import progress

    subjects = read_precisions(precision)
    check_limits(max_tasks, max_tokens, max_loss, threads)
    folder = None if output is None else make_folder(output)
    with on_interrupt(exit_on_interrupt), progress("Reading texts and tasks") as report:
        from sampan.evaluation import Subject, read_material, read_texts, write_quality
        from sampan.evaluation import evaluate as measure

        compared = reference or model
        material = read_material(data).limited(max_tasks)
        if calibration is not None:
            material = material.without(read_texts(calibration))
        quality = measure(
            [Subject(model, each, kv_cache) for each in subjects],
            Subject.exact(compared) if reference_precision is None else Subject(compared, reference_precision),
            material=material,
            max_tokens=max_tokens,
            threads=threads,
            progress=report,
        )
    if folder is not None:
        write_quality(quality, folder, max_loss=max_loss)
    if json:
        print_json(quality.to_dict(max_loss))
    else:
        show(quality, folder)
    if max_loss is not None:
        quality.check(max_loss)
    return 0


def read_precisions(text: str) -> tuple[str, ...]:
    """`int8,int4`, each once.

    Raises:
        UsageError: a part is no precision, or there are too many.
    """
    from sampan.errors import UsageError

    known = ("auto", *PRECISIONS)
    parts = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    if len(parts) > MAX_CANDIDATES or not set(parts) <= set(known):
        raise UsageError(
            f"--precision {text!r} is no list of precisions",
            remedy=f"name up to {MAX_CANDIDATES} of {', '.join(known)}, as in int8,int4",
        )
    return parts


def make_folder(name: str) -> Path:
    """Makes what would else fail only after all was measured. Raises UsageError where it cannot be."""
    from pathlib import Path

    from sampan.errors import UsageError

    try:
        Path(name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {name} is no folder: {error.strerror}", remedy="name another one") from error
    return Path(name)


def check_limits(max_tasks: int | None, max_tokens: int, max_loss: float | None, threads: int | None) -> None:
    """Raises UsageError for a number out of range."""
    from sampan.errors import UsageError

    for flag, value, least in (
        ("--max-tasks", max_tasks, 0),
        ("--max-tokens", max_tokens, 1),
        ("--threads", threads, 1),
    ):
        if value is not None and value < least:
            raise UsageError(f"{flag} {value} is out of range", remedy=f"use at least {least}")
    if max_loss is not None and not max_loss > 0.0:  # also NaN
        raise UsageError(f"--max-loss {max_loss:g} is out of range", remedy="use more than 0, in per cent, such as 1")
