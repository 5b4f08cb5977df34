"""What the methods of `sampan quantize` lose, beside each other, on models that are served by the native backend.

    python -m benchmarks.quality.methods

Each model is quantised in each way, calibrated on other texts than it is measured on, and written; its folder is then
opened as `serve` would open it. A few minutes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from rich.console import Console

from benchmarks.quality.divergence import divergence
from benchmarks.quality.engines import native
from benchmarks.quality.planted import CONFIG, planted_texts
from benchmarks.quality.report import Report, Row, table
from benchmarks.quality.subjects import TEXT_LENGTH, Subject, embedded, planted
from sampan.checkpoint import open_checkpoint
from sampan.evaluation.provenance import commit
from sampan.ptq import METHODS, Calibration, Recipe, quantize, read_calibration

ROOT = Path(__file__).parents[2]
KEEPS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "int8": ("int8", ()),
    "int4, attention int8": ("int4", None),
    "int4": ("int4", ()),
}
CACHE = "fp16"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.quality.methods", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=2048, help="of each model's texts (default: %(default)s)")
    parser.add_argument("--subject", choices=("planted", "sampan-tiny"), help="only this one")
    parser.add_argument(
        "--formats", choices=tuple(KEEPS), action="append", help="only these; may be given several times"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results", help="default: %(default)s")
    options = parser.parse_args(arguments)
    console, report = Console(), Report([], {}, {})
    with tempfile.TemporaryDirectory() as temporary:
        for subject, calibration in _subjects(Path(temporary), options.tokens, options.subject):
            _measure(subject, calibration, options.formats or tuple(KEEPS), Path(temporary), report, console)
            console.print(table(report, subject.name))
    target = options.output / f"methods-{commit() or 'unknown'}.json"
    report.write(target)
    console.print(f"written: {target}", highlight=False)
    return 0


def _subjects(work: Path, num_tokens: int, only: str | None) -> Iterator[tuple[Subject, Calibration]]:
    if only != "planted":
        subject = embedded(num_tokens)
        yield subject, read_calibration(open_checkpoint(subject.folder))
    if only != "sampan-tiny":
        texts = planted_texts(CONFIG, 24, TEXT_LENGTH, seed=7)
        yield planted(work, num_tokens), Calibration("planted", tuple(tuple(text) for text in texts))


def _measure(
    subject: Subject, calibration: Calibration, formats: Sequence[str], work: Path, report: Report, console: Console
) -> None:
    """Adds all ways of one subject to the report."""
    checkpoint = open_checkpoint(subject.folder)
    config = checkpoint.config
    embedding = 0 if config.tie_word_embeddings else config.vocab_size * config.hidden_size
    report.weights_read[subject.name] = config.num_parameters - embedding
    reference = subject.reference()
    for name, method in product(formats, METHODS):
        scheme, keep = KEEPS[name]
        folder = work / "quantized"
        quantize(checkpoint, folder, Recipe(scheme, method, keep), calibration=calibration, force=True)
        served = Subject(subject.name, folder, subject.texts)
        [measured] = native(served, {"auto": (CACHE,)})
        result = divergence(reference, measured.logits, subject.texts)
        report.rows.append(Row(subject.name, method, name, CACHE, measured.bytes_read, result))
        console.print(f"{subject.name}: {name} by {method}: mean KL {result.mean_kl:.1e}", highlight=False)


if __name__ == "__main__":
    raise SystemExit(main())
