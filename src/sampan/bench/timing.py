"""Times an engine's steps. Requests go the way that all requests go; nothing here is special to measuring.

Decode: prompts of random tokens are read until each step draws one token for each request; then stretches of steps are
timed. Prefill: one prompt at a time, from its arrival to its first token. All is greedy and goes on past end tokens.
The machine's limits are read between the stretches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from statistics import median
from time import perf_counter

import numpy as np

from sampan.bench.limits import LimitReader
from sampan.bench.plan import DECODE, Plan, Workload
from sampan.bench.work import Limits, ModelCost, Work
from sampan.engine import Engine, Request, SamplingParams
from sampan.errors import EngineError, UsageError

THOUSANDTHS = 1000

Report = Callable[[str, int, int], None]
"""Is told what goes on, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A workload's figures.

    Args:
        seconds: of a stretch, the median.
        work: that a stretch must do at least.
    """

    workload: Workload
    seconds: float
    work: Work

    @property
    def tokens_per_s(self) -> float:
        """Of all requests together."""
        return self.workload.batch * self.workload.tokens / self.seconds

    @property
    def gmac_s(self) -> float:
        """10^9 multiply-accumulates a second."""
        return self.work.macs / self.seconds / 1e9

    def fraction_of_limit(self, limits: Limits) -> float:
        """The least time that the machine allows, over the time that it took. Above 1 where weights stay in the cache,
        which is faster than the memory that the limit is about."""
        return self.work.seconds(limits) / self.seconds


def measure(engine: Engine, cost: ModelCost, plan: Plan, reader: LimitReader, report: Report) -> list[Measurement]:
    """Measures each workload.

    Args:
        engine: made with `plan.engine_limits()`.
        reader: takes a reading before each stretch and one at the end.

    Raises:
        UsageError: a workload does not fit the model's context; before anything is measured.
        EngineError: the model computes NaN or Inf.
    """
    for workload in plan.workloads:
        if plan.max_tokens(workload) > engine.max_model_len:
            raise UsageError(
                f"{workload.name}: {plan.max_tokens(workload)} tokens exceed the context of {engine.max_model_len}",
                remedy="lower --context, --tokens, --repeat or --prompt-tokens",
            )
    requests, progress = _Requests(engine), _Progress(plan, cost, reader.limits, report)
    measurements = []
    for workload in plan.workloads:
        time_stretches = _time_decode if workload.phase == DECODE else _time_prefill
        work, seconds = plan.work(workload, cost), []
        with closing(time_stretches(engine, requests, workload)) as stretches:
            progress.tell(f"Preparing {workload.name}")
            next(stretches)
            progress.done(plan.preparation(workload, cost))
            for _ in range(plan.repeat):
                progress.tell(f"Measuring {workload.name}")
                reader.read()
                seconds.append(next(stretches))
                progress.done(work)
        measurements.append(Measurement(workload, median(seconds), work))
    reader.read()
    return measurements


class _Progress:
    """Counts work by the time that it would take at the limit: some share of the limit is reached throughout."""

    def __init__(self, plan: Plan, cost: ModelCost, limits: Limits, report: Report) -> None:
        self._limits, self._report = limits, report
        self._done, self._total = 0.0, 0.0
        for workload in plan.workloads:
            work = plan.preparation(workload, cost) + plan.work(workload, cost) * plan.repeat
            self._total += self._seconds(work)

    def tell(self, what: str) -> None:
        """Says what goes on."""
        self._report(what, round(THOUSANDTHS * self._done / self._total), THOUSANDTHS)

    def done(self, work: Work) -> None:
        """Counts it."""
        self._done += self._seconds(work)

    def _seconds(self, work: Work) -> float:
        return work.seconds(self._limits)


class _Requests:
    """Adds requests of random tokens to an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids = count()
        self._rng = np.random.default_rng(0)

    def add(self, num_tokens: int, max_tokens: int | None) -> str:
        """Adds one and returns its id."""
        request_id = f"bench-{next(self._ids)}"
        params = SamplingParams(temperature=0.0, max_tokens=max_tokens, ignore_eos=True)
        prompt = self._rng.integers(0, self._engine.vocab_size, num_tokens).tolist()
        self._engine.add_request(Request(request_id, prompt, params))
        return request_id


def _time_decode(engine: Engine, requests: _Requests, workload: Workload) -> Generator[float, None, None]:
    """0 once the prompts are read, then seconds of stretch after stretch; closing the iterator ends the requests."""
    request_ids = [requests.add(workload.context, None) for _ in range(workload.batch)]
    try:
        reading = set(request_ids)
        while reading:
            reading -= _step(engine)
        yield 0.0
        while True:
            _step(engine)  # brings the caches back to where a stream of steps has them
            begin = perf_counter()
            for _ in range(workload.tokens):
                _step(engine)
            yield perf_counter() - begin
    finally:
        for request_id in request_ids:
            engine.abort(request_id)


def _time_prefill(engine: Engine, requests: _Requests, workload: Workload) -> Generator[float, None, None]:
    """0, as nothing is to be prepared, then seconds of prompt after prompt."""
    yield 0.0
    while True:
        request_id = requests.add(workload.tokens, 1)
        try:
            begin = perf_counter()
            while not _step(engine):
                pass
            yield perf_counter() - begin
        finally:
            engine.abort(request_id)


def _step(engine: Engine) -> set[str]:
    """One step; the requests that it drew a token for."""
    outputs = engine.step()
    if not all(output.new_token_ids for output in outputs):
        raise EngineError("the model computed NaN or Inf", remedy="use weights or a precision that it can compute with")
    return {output.request_id for output in outputs}
