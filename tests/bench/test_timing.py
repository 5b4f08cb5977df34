"""Which steps are taken and which of them count, on an engine that computes nothing."""

import numpy as np
import pytest

from sampan.backends.base import ForwardBatch, StepOutput
from sampan.bench import Limits, Measurement, ModelCost, Plan, Work, Workload, measure, timing
from sampan.config import EngineConfig, ModelConfig
from sampan.engine import Engine
from sampan.errors import EngineError, UsageError

CONFIG = ModelConfig("qwen2", 100, 64, 128, 1, 2, 1, 32)
EOS = 7


class Backend:
    """Notes the tokens that each request brings to each step, and draws the same token for all."""

    def __init__(self, token: int = EOS) -> None:
        self.steps: list[list[int]] = []
        self._token = token

    def execute(self, batch: ForwardBatch) -> StepOutput:
        self.steps.append(np.diff(batch.query_starts).tolist())
        return StepOutput(np.full(len(batch.sample_rows), self._token, np.int32), (None,) * len(batch.sample_rows))


class Reader:
    """Counts readings."""

    limits = Limits(1.0, 1.0, 1.0)

    def __init__(self) -> None:
        self.num_readings = 0

    def read(self) -> None:
        self.num_readings += 1


def make_engine(backend: Backend, plan: Plan, max_model_len: int = 4096) -> Engine:
    limits = plan.engine_limits()
    engine_config = EngineConfig(**limits)
    return Engine(
        backend,  # type: ignore[arg-type]
        engine_config,
        num_blocks=limits["num_blocks"],
        max_model_len=max_model_len,
        eos_token_ids=(EOS,),
        vocab_size=100,
    )


def run(plan: Plan, backend: Backend, reader: Reader) -> tuple[list[Measurement], list[tuple[str, int, int]], Engine]:
    engine, reports = make_engine(backend, plan), []
    cost = ModelCost(CONFIG, "int8", "bf16")
    measurements = measure(engine, cost, plan, reader, lambda *report: reports.append(report))  # type: ignore[arg-type]
    return measurements, reports, engine


def test_the_steps_of_a_run() -> None:
    backend, reader = Backend(), Reader()
    plan = Plan.of([1, 3], tokens=2, context=5, prompt_tokens=600, repeat=2)
    measurements, reports, engine = run(plan, backend, reader)
    alone, three, prompt = [[1]], [[1, 1, 1]], [[512], [88]]
    # Prompts; then twice a step to warm up and a stretch of two; the prompt twice, in chunks.
    assert backend.steps == [[5], *alone * 6, [5, 5, 5], *three * 6, *prompt * 2]
    assert reader.num_readings == 3 * 2 + 1
    assert [measurement.workload for measurement in measurements] == list(plan.workloads)
    assert [(what, total) for what, _, total in reports] == [
        (f"{verb} {workload}", 1000)
        for workload in ("decode, batch 1", "decode, batch 3", "prefill, 600 tokens")
        for verb in ("Preparing", "Measuring", "Measuring")
    ]
    done = [done for _, done, _ in reports]
    assert done == sorted(done)
    assert done[0] == 0
    assert done[-1] < 1000
    assert not engine.has_unfinished
    assert engine.kv_cache.pool.num_free == plan.engine_limits()["num_blocks"]


@pytest.mark.parametrize("context", [1, 40, 200])
@pytest.mark.parametrize("batches", [[1], [2, 64], [300]])
def test_the_blocks_of_the_plan_suffice(batches: list[int], context: int) -> None:
    backend = Backend()
    plan = Plan.of(batches, tokens=3, context=context, prompt_tokens=1, repeat=2)
    _, _, engine = run(plan, backend, Reader())
    assert engine.scheduler.num_preemptions == 0
    assert all(backend.steps.count([1] * batch) >= 6 for batch in batches)


def test_what_a_stretch_must_do() -> None:
    cost = ModelCost(CONFIG, "int8", "bf16")
    plan = Plan.of([4], tokens=6, context=10, prompt_tokens=700, repeat=2)
    decode, prefill = plan.workloads
    assert plan.work(decode, cost) == cost.decode(4, 10 + 7) * 6
    assert plan.work(prefill, cost) == cost.prefill(700, 512)
    assert plan.preparation(decode, cost) == cost.prefill(10, 512) * 4
    assert plan.preparation(prefill, cost) == Work()


def test_figures() -> None:
    measurement = Measurement(Workload("decode", 8, 16), seconds=2.0, work=Work(bytes=1e9, int8_macs=3e9))
    assert measurement.tokens_per_s == 64.0
    assert measurement.gmac_s == 1.5
    assert measurement.fraction_of_limit(Limits(1.0, 2.0, 1.0)) == 0.75


def test_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 9.0, 10.0, 11.0, 20.0, 22.0])
    monkeypatch.setattr(timing, "perf_counter", lambda: next(times))
    plan = Plan((Workload("decode", 1, 1, 1),), repeat=3)
    (measurement,) = run(plan, Backend(), Reader())[0]
    assert measurement.seconds == 2.0


def test_a_context_that_the_model_has_not_is_refused_before_any_step() -> None:
    backend = Backend()
    plan = Plan.of([1], tokens=1, context=100, prompt_tokens=1, repeat=1)
    with pytest.raises(UsageError, match=r"^decode, batch 1: 104 tokens exceed the context of 64 "):
        measure(make_engine(backend, plan, 64), ModelCost(CONFIG, "int8", "bf16"), plan, Reader(), print)  # type: ignore[arg-type]
    assert backend.steps == []


def test_nan_is_an_error_and_leaves_nothing_open() -> None:
    backend = Backend(token=-1)
    plan = Plan.of([2], tokens=1, context=4, prompt_tokens=1, repeat=1)
    engine = make_engine(backend, plan)
    with pytest.raises(EngineError, match="NaN or Inf"):
        measure(engine, ModelCost(CONFIG, "int8", "bf16"), plan, Reader(), print)  # type: ignore[arg-type]
    assert not engine.has_unfinished
