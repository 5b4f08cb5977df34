"""`sampan bench`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from sampan.cli.options import Json, Model
from sampan.cli.parameters import Option

if TYPE_CHECKING:
    from sampan.bench import Limits, Measurement

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
    kv_cache: Annotated[str, Option("of keys and values", metavar="P", choices=("bf16", "int8", "fp32"))] = "bf16",
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
    for name, value in (
        ("--tokens", tokens),
        ("--context", context),
        ("--prompt-tokens", prompt_tokens),
        ("--repeat", repeat),
        ("--threads", threads),
    ):
        check_positive(name, value)
    if plot is not None:
        check_plot(plot)

    from dataclasses import asdict
    from time import perf_counter

    from sampan.backends.threads import default_threads
    from sampan.bench import LimitReader, ModelCost, Plan, measure, roofline_svg
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
    machine, limits = describe_machine(threads), reader.limits
    facts = {
        "name": loaded.name,
        "parameters": loaded.config.num_parameters,
        "kv_cache": kv_cache,
        "load_format": load_format,
        "load_seconds": round(load_seconds, 3),
        "resident_bytes": read_resident() - reader.buffer_bytes,
    }
    if plot is not None:
        title = f"{loaded.name}, {precision}"
        note = f"{machine['processor']}, {machine['isa']}, {machine['threads']} threads"
        write_plot(plot, roofline_svg(measurements, limits, precision=precision, title=title, note=note))
    if json:
        results = [as_json(measurement, precision, limits) for measurement in measurements]
        rounded = {name: round(value, 3) for name, value in asdict(limits).items()}
        print_json({"machine": machine, "model": facts, "limits": rounded, "results": results})
    else:
        print_results(machine, facts, precision, limits, measurements)
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


def check_positive(name: str, value: int | None) -> None:
    """Raises UsageError for less than one."""
    from sampan.errors import UsageError

    if value is not None and value < 1:
        raise UsageError(f"{name} {value} is out of range", remedy="use at least 1")


def check_plot(path: str) -> None:
    """Raises UsageError for what would fail only after all was measured."""
    from pathlib import Path

    from sampan.errors import UsageError

    if Path(path).suffix.lower() != ".svg":
        raise UsageError(f"--plot {path}: only SVG is drawn", remedy="name a file that ends in .svg")
    if not Path(path).parent.is_dir():
        raise UsageError(f"--plot {path}: the folder does not exist", remedy=f"make it: mkdir -p {Path(path).parent}")


def write_plot(path: str, svg: str) -> None:
    """Writes the picture."""
    from pathlib import Path

    Path(path).write_text(svg, encoding="utf-8")


def describe_machine(threads: int) -> dict[str, Any]:
    """What the figures hold for."""
    from sampan.backends import native
    from sampan.machine import read_memory, read_processor

    processor = read_processor()
    return {
        "processor": processor.name,
        "cores": processor.physical,
        "memory_bytes": read_memory().total,
        "isa": native.isa(),
        "threads": threads,
    }


def as_json(measurement: Measurement, precision: str, limits: Limits) -> dict[str, Any]:
    """One entry of `results`."""
    workload = measurement.workload
    return {
        "phase": workload.phase,
        "batch": workload.batch,
        "tokens": workload.tokens,
        "context": workload.context,
        "precision": precision,
        "tokens_per_s": round(measurement.tokens_per_s, 3),
        "fraction_of_limit": round(measurement.fraction_of_limit(limits), 4),
        "bound": measurement.work.bound(limits),
    }


def print_results(
    machine: dict[str, Any], facts: dict[str, Any], precision: str, limits: Limits, measurements: list[Measurement]
) -> None:
    """A line each for machine, limits and model, then the table."""
    from sampan.cli.output import print_table
    from sampan.cli.sizes import human_bytes, human_count
    from sampan.cli.terminal import printable

    print(printable(f"{machine['processor']}: {machine['isa']}, {machine['threads']} threads", lines=False))
    print(
        f"limits: read {limits.read_gb_s:.1f} GB/s, int8 {limits.int8_gmac_s:.0f} and fp32 {limits.fp32_gmac_s:.0f} "
        "G products/s"
    )
    print(
        printable(
            f"{facts['name']}: {human_count(facts['parameters'])} parameters in {precision}, "
            f"{human_bytes(facts['resident_bytes'])} resident, loaded in {facts['load_seconds']:.1f} s\n"
        )
    )
    rows = []
    for measurement in measurements:
        fraction, rate = measurement.fraction_of_limit(limits), measurement.tokens_per_s
        workload = measurement.workload
        cells = (workload.phase, str(workload.batch), str(workload.tokens), f"{rate:.1f}", f"{rate / fraction:.1f}")
        rows.append((*cells, f"{100 * fraction:.1f} %", measurement.work.bound(limits)))
    columns = ("phase", "batch", "tokens", "tokens/s", "limit", "reached", "bound by")
    print_table(columns, rows, [None] * len(rows), set())
