"""How much int8 and int4 lose, beside llama.cpp on the same weights.

    python -m benchmarks.quality --llama-cpp PYTHON

Prints a table and writes it as JSON and as a drawing. An engine that cannot be measured here is left out, and said to
be. `--parts` adds what each part of a format costs alone, simulated in numpy.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from rich.console import Console

from benchmarks.quality import engines
from benchmarks.quality.divergence import divergence
from benchmarks.quality.parts import PARTS
from benchmarks.quality.plot import svg
from benchmarks.quality.report import Report, Row, table
from benchmarks.quality.simulated_decoder import Array, simulate
from benchmarks.quality.subjects import Subject, embedded, planted
from sampan.checkpoint import open_checkpoint
from sampan.evaluation.provenance import commit

ROOT = Path(__file__).parents[2]
# With the formats of the KV cache.
PRECISIONS = {"fp32": ("fp32",), "bf16": ("fp16",), "int8": ("fp16", "bf16", "int8"), "int4": ("fp16", "int8")}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _options(arguments)
    console = Console()
    report = Report([], {}, {})
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for make in (lambda: planted(work, options.tokens), lambda: embedded(options.tokens)):
            with console.status("making a model and its reference"):
                subject = make()
                reference = subject.reference()
            _measure(subject, reference, work, options, report, console)
    for subject_name in dict.fromkeys(row.subject for row in report.rows):
        console.print(table(report, subject_name))
    target = options.output / f"quality-{commit() or 'unknown'}.json"
    report.write(target)
    drawing = target.with_suffix(".svg")
    drawing.write_text(svg(report), encoding="utf-8")
    console.print(f"written: {target} and {drawing.name}", highlight=False)
    for engine, reason in report.left_out.items():
        console.print(f"LEFT OUT: {engine}: {reason}", style="bold red", markup=False, highlight=False)
    return 1 if report.left_out else 0


def _measure(
    subject: Subject,
    reference: Sequence[Array],
    work: Path,
    options: argparse.Namespace,
    report: Report,
    console: Console,
) -> None:
    """Adds everything about one subject to the report."""
    checkpoint = open_checkpoint(subject.folder)
    config = checkpoint.config
    embedding = 0 if config.tie_word_embeddings else config.vocab_size * config.hidden_size
    report.weights_read[subject.name] = config.num_parameters - embedding

    def add(engine: str, format: str, cache: str, bytes_read: int | None, logits: Sequence[Array]) -> None:
        console.print(f"{subject.name}: {engine} {format} {cache}", highlight=False)
        result = divergence(reference, logits, subject.texts)
        report.rows.append(Row(subject.name, engine, format, cache, bytes_read, result))

    try:
        for measured in chain(engines.native(subject, PRECISIONS), engines.llama_cpp(subject, work, options.llama_cpp)):
            add(measured.engine, measured.format, measured.cache, measured.bytes_read, measured.logits)
    except engines.UnavailableError as error:
        report.left_out["llama.cpp"] = str(error)
    if options.parts:
        tensors = {name: checkpoint.get(name) for name in checkpoint.names()}
        for name, numerics in PARTS.items():
            add("simulated", name, "", None, simulate(config, tensors, numerics, subject.texts))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.quality", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=2048, help="of each model's texts (default: %(default)s)")
    parser.add_argument("--llama-cpp", type=Path, help="an interpreter that has llama-cpp-python (default: this one)")
    parser.add_argument("--parts", action="store_true", help="also simulate each part of a format alone (minutes)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results", help="default: %(default)s")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
