"""How a server answers under load: latency, throughput and goodput, at given rates and concurrencies.

    python -m benchmarks.serving                                  # sampan serve with the embedded model
    python -m benchmarks.serving --url http://127.0.0.1:8000      # any server of OpenAI's chat completions

Requests stream. An open loop sends at each of --rates whatever the server does; a closed loop keeps each of
--concurrency requests open. Figures go to a table, a JSON file and a drawing.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from benchmarks.comparison.results import write_result
from benchmarks.load.client import Client
from benchmarks.load.exchange import Outcome
from benchmarks.load.loops import closed_loop, open_loop
from benchmarks.load.plot import svg
from benchmarks.load.report import table
from benchmarks.load.server import ServerError, cpu_seconds, sampan_serve
from benchmarks.load.summary import Counts, Objective, Point, summarise
from benchmarks.load.workload import Workload
from sampan.evaluation.provenance import commit
from sampan.machine import read_processor

FORMAT = 1
ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    options = _options(arguments)
    console = Console()
    counts = Counts()
    with ExitStack() as stack:
        url, pid = options.url, None
        if url is None:
            try:
                url, pid = stack.enter_context(sampan_serve([*options.model, *options.serve]))
            except ServerError as error:
                console.print(str(error), style="bold red", markup=False, highlight=False)
                return 1
        with console.status("") as status:
            points = uvloop.run(_measure(url, pid, options, counts, status.update))
    console.print(table(points))
    _write(points, counts, options, console)
    for point in points:
        for words, count in point.errors.items():
            console.print(f"{count} x {words}", style="bold red", markup=False, highlight=False)
    return 1 if any(point.failed for point in points) else 0


async def _measure(url: str, pid: int | None, options: argparse.Namespace, counts: Counts, tell: Any) -> list[Point]:
    """All loads, one after the other, each with requests of its own. `counts` takes in every request."""
    client = Client(url, api_key=os.environ.get(options.api_key_env, ""), timeout=options.timeout)
    workload, objective = _workload(options), _objective(options)
    tell("warming up")
    counts.add(await closed_loop(client, workload.bodies(-1), concurrency=8, count=options.warmup))
    loads = [("open", rate) for rate in options.rates] + [("closed", count) for count in options.concurrency]
    points = []
    for number, (kind, load) in enumerate(loads):
        tell(f"{load:g} requests {'a second' if kind == 'open' else 'at a time'}, for {options.seconds:g} s")
        bodies = workload.bodies(number)
        used, server_used = time.process_time(), cpu_seconds(pid) if pid is not None else 0.0
        outcomes: list[Outcome]
        if kind == "open":
            outcomes = await open_loop(client, bodies, rate=load, seconds=options.seconds, seed=number)
        else:
            outcomes = await closed_loop(client, bodies, concurrency=int(load), seconds=options.seconds)
        counts.add(outcomes)
        if outcomes:
            used, server = time.process_time() - used, None if pid is None else cpu_seconds(pid) - server_used
            points.append(summarise(kind, load, outcomes, objective, client_cpu_s=used, server_cpu_s=server))
    client.close()
    return points


def _write(points: Sequence[Point], counts: Counts, options: argparse.Namespace, console: Console) -> None:
    """The JSON file, a drawing of each kind of loop, and the counts where they are wanted."""
    if options.counts is not None:
        options.counts.write_text(json.dumps(asdict(counts), indent=2) + "\n")
    if options.output is None:
        return
    target = options.output / f"serving-{commit() or 'unknown'}.json"
    result = {
        "server": options.url or " ".join(["sampan serve", *options.model, *options.serve]),
        "workload": asdict(_workload(options)),
        "objective": asdict(_objective(options)),
        "seconds": options.seconds,
        "points": [point.to_dict() for point in points],
    }
    write_result(target, FORMAT, result)
    names = [target.name]
    subtitle = f"{result['server']}, {options.max_tokens} tokens an answer, {read_processor().name}"
    for kind in ("open", "closed"):
        chosen = [point for point in points if point.loop == kind]
        if len(chosen) > 1:
            drawing = target.with_suffix(".svg" if kind == "open" else ".closed.svg")
            drawing.write_text(svg(chosen, "Serving under load", subtitle), encoding="utf-8")
            names.append(drawing.name)
    console.print(f"written to {options.output}: {', '.join(names)}", highlight=False)


def _workload(options: argparse.Namespace) -> Workload:
    return Workload(
        model=options.model_name,
        shared_words=options.shared_words,
        own_words=options.own_words,
        max_tokens=options.max_tokens,
        ignore_eos=not options.until_eos,
        temperature=options.temperature,
    )


def _objective(options: argparse.Namespace) -> Objective:
    return Objective(options.first_token_ms, options.per_token_ms, options.end_to_end_ms)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_argument_group("the server")
    where.add_argument("--url", help="a server that runs already (default: `sampan serve` is started)")
    where.add_argument("--model", nargs=1, default=[], help="what `sampan serve` serves (default: the embedded model)")
    where.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="further arguments of it; last of all")
    where.add_argument("--api-key-env", default="SAMPAN_API_KEY", help="the variable that holds a key (%(default)s)")
    load = parser.add_argument_group("the load")
    load.add_argument("--rates", type=float, nargs="*", default=[25, 50, 100, 150, 200], help="requests/s: %(default)s")
    load.add_argument("--concurrency", type=int, nargs="*", default=[1, 8, 32], help="at a time: %(default)s")
    load.add_argument("--seconds", type=float, default=10.0, help="of each load (default: %(default)s)")
    load.add_argument("--warmup", type=int, default=16, help="requests before all (default: %(default)s)")
    load.add_argument("--timeout", type=float, default=120.0, help="seconds for a request (default: %(default)s)")
    what = parser.add_argument_group("the requests")
    what.add_argument("--model-name", default="", help="the field `model` (default: left out)")
    what.add_argument("--shared-words", type=int, default=0, help="that all prompts begin with (default: %(default)s)")
    what.add_argument("--own-words", type=int, default=12, help="of each question (default: %(default)s)")
    what.add_argument("--max-tokens", type=int, default=50, help="of an answer (default: %(default)s)")
    what.add_argument("--until-eos", action="store_true", help="answers may end earlier")
    what.add_argument("--temperature", type=float, default=0.6, help="default: %(default)s")
    good = parser.add_argument_group("what counts as good, in ms")
    good.add_argument("--first-token-ms", type=float, default=500.0, help="default: %(default)s")
    good.add_argument("--per-token-ms", type=float, default=50.0, help="default: %(default)s")
    good.add_argument("--end-to-end-ms", type=float, default=None, help="default: no bound")
    out = parser.add_argument_group("results")
    out.add_argument("--output", type=Path, help="a folder for JSON file and drawings (default: neither is written)")
    out.add_argument(
        "--counts", type=Path, help="a file for the exact counts of all requests, to compare counters with"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
