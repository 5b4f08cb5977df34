"""`sampan bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from sampan.cli.options import Json, Model
from sampan.cli.parameters import Option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BATCH = 1024


def bench(
    *,
    model: Model = None,
    batch: Annotated[str, Option("streams that decode at the same time", metavar="N,N,...")] = "1,8,32",
    tokens: Annotated[int, Option("tokens that each stream decodes in a repetition")] = 16,
    context: Annotated[int, Option("tokens of each stream when decoding begins")] = 16,
    prompt_tokens: Annotated[int, Option("length of the prompt whose prefill is measured")] = 512,
    repeat: Annotated[int, Option("repetitions; the median counts")] = 5,
    precision: Annotated[
        str, Option("of the weights", metavar="P", choices=("int8", "int4", "bf16", "fp16", "fp32"))
    ] = "int8",
    kv_cache: Annotated[
        str, Option("of keys and values", metavar="P", choices=("fp16", "bf16", "int8", "fp32"))
    ] = "fp16",
    threads: Annotated[int | None, Option("threads that compute; unset: one for each core")] = None,
    load_format: Annotated[str, Option("dummy: random weights", metavar="F", choices=("auto", "dummy"))] = "auto",
    json: Json = False,
    plot: Annotated[str | None, Option("also draw the roofline into an SVG file", metavar="FILE")] = None,
) -> int:
    """Measures how fast a model decodes and reads prompts, and how near that is to the machine's limits.

    The limits are the speeds of reading memory and of int8 and fp32 products, on the same threads. They
    are read throughout the run, and the best reading counts.
    With --load-format dummy any model of the zoo can be measured, without a download.
      sampan bench qwen-1.5b --load-format dummy --plot roofline.svg
    """
    batches = read_batches(batch)
    check_positive(
        {
            "--tokens": tokens,
            "--context": context,
            "--prompt-tokens": prompt_tokens,
            "--repeat": repeat,
            "--threads": threads,
        }
    )
    picture = check_picture(plot) if plot is not None else None

    from time import perf_counter

    from sampan.backends.threads import default_threads
    from sampan.bench import LimitReader, ModelCost, Plan, measure
    from sampan.cli.bench_report import BenchReport, describe_machine
    from sampan.cli.options import Engine
    from sampan.cli.output import print_json
    from sampan.cli.progress import progress
    from sampan.machine import read_resident

    plan = Plan.of(batches, tokens=tokens, context=context, prompt_tokens=prompt_tokens, repeat=repeat)
    threads = threads or default_threads()
    begin = perf_counter()
    engine = Engine(precision=precision, kv_cache=kv_cache, threads=threads, load_format=load_format)
    loaded = engine.open(model, **plan.engine_limits()).loaded
    load_seconds = perf_counter() - begin
    with progress("Reading the machine's limits") as report:
        reader = LimitReader(threads)
        measurements = measure(loaded.engine, ModelCost(loaded.config, precision, kv_cache), plan, reader, report)
    facts = {
        "name": loaded.name,
        "parameters": loaded.config.num_parameters,
        "kv_cache": kv_cache,
        "load_format": load_format,
        "load_seconds": round(load_seconds, 3),
        "resident_bytes": read_resident() - reader.buffer_bytes,
    }
    found = BenchReport(describe_machine(threads), facts, precision, reader.limits, measurements)
    if picture is not None:
        picture.write_text(found.picture(), encoding="utf-8")
    if json:
        print_json(found.document())
    else:
        found.show()
    return 0


def read_batches(text: str) -> tuple[int, ...]:
    """`1,8,32`, each size once.

    Raises:
        UsageError: a part is no number from 1 to `MAX_BATCH`.
    """
    from sampan.errors import UsageError

    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 5 and 1 <= int(part) <= MAX_BATCH for part in parts):
        raise UsageError(f"--batch {text!r} is not a list of sizes", remedy=f"write it as 1,8,32; 1 to {MAX_BATCH}")
    return tuple(dict.fromkeys(int(part) for part in parts))


def check_positive(values: Mapping[str, int | None]) -> None:
    """Raises UsageError for the first option that was given less than one."""
    from sampan.errors import UsageError

    for flag, value in values.items():
        if value is not None and value < 1:
            raise UsageError(f"{flag} {value} is out of range", remedy="use at least 1")


def check_picture(name: str) -> Path:
    """The file to draw into. Raises UsageError for what would else fail only after all was measured."""
    from pathlib import Path

    from sampan.errors import UsageError

    path = Path(name)
    if path.suffix.lower() != ".svg":
        raise UsageError(f"--plot {name}: only SVG is drawn", remedy="name a file that ends in .svg")
    if not path.parent.is_dir():
        raise UsageError(f"--plot {name}: the folder does not exist", remedy=f"make it: mkdir -p {path.parent}")
    return path
