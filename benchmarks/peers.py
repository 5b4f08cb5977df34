"""Sampan beside OpenVINO GenAI and llama.cpp: the same work, the same random weights, the same machine, in turn.

    python -m benchmarks.peers

The first run makes a virtual environment for each engine and the model in each engine's form under --work: about half
an hour, 20 GB and, for llama.cpp, a compiler. Later runs measure at once. An engine that cannot be set up is left out,
and said to be.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.comparison.contenders import CONTENDERS, Contender
from benchmarks.comparison.environments import SetupError
from benchmarks.comparison.measurements import WORKS, Measurements
from benchmarks.comparison.models import Workspace
from benchmarks.comparison.plot import svg
from benchmarks.comparison.report import tables
from benchmarks.comparison.results import Comparison
from benchmarks.comparison.rounds import measure_group
from sampan import zoo
from sampan.errors import SampanError
from sampan.evaluation.provenance import commit
from sampan.machine import read_processor

ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _options(arguments)
    console = Console()
    workspace = Workspace(options.work.resolve(), options.model.config, options.tokenizer)
    chosen = [contender for contender in CONTENDERS if not options.only or contender.name in options.only]
    left_out = _prepare(chosen, workspace, options.threads, console)
    ready = [contender for contender in chosen if contender.name not in left_out]
    if not options.prepare_only:
        measurements: dict[str, Measurements] = {}
        for bits in sorted({contender.bits for contender in ready}, reverse=True):
            found, failed = _measure([c for c in ready if c.bits == bits], workspace, options, console)
            measurements |= found
            left_out |= failed
        if measurements:
            _report(Comparison(options.model.name, options.threads, WORKS, measurements, left_out), options, console)
    for name, reason in left_out.items():
        console.print(f"LEFT OUT: {name}: {reason}", style="bold red", markup=False, highlight=False)
    return 1 if left_out else 0


def _prepare(contenders: Sequence[Contender], workspace: Workspace, threads: int, console: Console) -> dict[str, str]:
    """Makes what is missing, one contender after the other; returns the reasons for those where it fails."""
    left_out = {}
    for contender in contenders:
        with console.status(f"setting up {contender.name} (the first time this takes minutes)"):
            try:
                contender.prepare(workspace, threads)
            except (SetupError, SampanError) as error:
                left_out[contender.name] = f"cannot be set up: {error}"
    return left_out


def _measure(
    group: Sequence[Contender], workspace: Workspace, options: argparse.Namespace, console: Console
) -> tuple[dict[str, Measurements], dict[str, str]]:
    with console.status("") as status:
        return measure_group(
            group,
            WORKS,
            workspace=workspace,
            threads=options.threads,
            rounds=options.rounds,
            tell=lambda step: status.update(step),
        )


def _report(comparison: Comparison, options: argparse.Namespace, console: Console) -> None:
    """Prints the tables and writes `peers-<commit>.json` and `.svg`."""
    for table in tables(comparison):
        console.print(table)
    target = options.output / f"peers-{commit() or 'unknown'}.json"
    comparison.write(target)
    drawing = target.with_suffix(".svg")
    drawing.write_text(svg(comparison, read_processor().name), encoding="utf-8")
    console.print(f"written: {target} and {drawing.name}", highlight=False)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--model", type=_model, default="deepseek-r1-distill-qwen-1.5b", help="whose shape (default: %(default)s)"
    )
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "peers", help="where environments and models are kept"
    )
    parser.add_argument(
        "--tokenizer", type=Path, help="a folder with the model's tokenizer (default: the embedded model's)"
    )
    parser.add_argument("--threads", type=int, default=read_processor().physical, help="default: one for each core")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=[c.name for c in CONTENDERS], help="may be given repeatedly")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results", help="default: %(default)s")
    parser.add_argument("--prepare-only", action="store_true", help="set the engines up and measure nothing")
    return parser.parse_args(arguments)


def _model(name: str) -> zoo.ZooEntry:
    try:
        entry = zoo.find(name)
    except SampanError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if entry.config is None or entry.config.model_type != "qwen2":
        raise argparse.ArgumentTypeError(f"{entry.name} is none of the Qwen distills")
    return entry


if __name__ == "__main__":
    raise SystemExit(main())
