"""What is to be measured, and the engine that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sampan.backends.native import BLOCK_SIZE
from sampan.bench.work import ModelCost, Work

DECODE, PREFILL = "decode", "prefill"
MIN_BATCHED_TOKENS = 512  # a step's budget, as the server has it


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing to measure.

    Args:
        phase: `DECODE` or `PREFILL`.
        batch: requests at the same time.
        tokens: that each of them decodes in a timed stretch, or that its prompt has.
        context: tokens of each request when decoding begins.
    """

    phase: str
    batch: int
    tokens: int
    context: int = 0

    @property
    def name(self) -> str:
        """For people."""
        return f"decode, batch {self.batch}" if self.phase == DECODE else f"prefill, {self.tokens} tokens"


@dataclass(frozen=True, slots=True)
class Plan:
    """Workloads, each of them timed in `repeat` stretches."""

    workloads: tuple[Workload, ...]
    repeat: int

    @classmethod
    def of(cls, batches: Sequence[int], *, tokens: int, context: int, prompt_tokens: int, repeat: int) -> Plan:
        """Decoding at each batch size, then prefill."""
        decode = (Workload(DECODE, batch, tokens, context) for batch in batches)
        return cls((*decode, Workload(PREFILL, 1, prompt_tokens)), repeat)

    @property
    def max_batched_tokens(self) -> int:
        """The budget of a step: every batch decodes in one, with as much left for prompts."""
        return max(MIN_BATCHED_TOKENS, 2 * max(workload.batch for workload in self.workloads))

    def max_tokens(self, workload: Workload) -> int:
        """Of one request, when its last stretch ends."""
        if workload.phase == PREFILL:
            return workload.tokens + 1
        # While the last prompts are read, the first requests decode already.
        per_step = self.max_batched_tokens - workload.batch
        num_prompt_steps = -(-workload.batch * workload.context // per_step) + 1
        return workload.context + num_prompt_steps + self.repeat * (1 + workload.tokens)

    def work(self, workload: Workload, cost: ModelCost) -> Work:
        """The least that a stretch does, at the context of the middle one."""
        if workload.phase == PREFILL:
            return cost.prefill(workload.tokens, self.max_batched_tokens)
        context = workload.context + self.repeat * (1 + workload.tokens) / 2
        return cost.decode(workload.batch, context) * workload.tokens

    def preparation(self, workload: Workload, cost: ModelCost) -> Work:
        """The least that is done before the first stretch."""
        return cost.prefill(workload.context, self.max_batched_tokens) * workload.batch if workload.context else Work()

    def engine_limits(self) -> dict[str, Any]:
        """Fields of `EngineConfig`. Nothing may be computed once and used twice, and a step brings each
        request one token."""
        blocks = (load.batch * -(-self.max_tokens(load) // BLOCK_SIZE) for load in self.workloads)
        return {
            "block_size": BLOCK_SIZE,
            "num_blocks": max(blocks),
            "max_num_seqs": max(workload.batch for workload in self.workloads),
            "max_num_batched_tokens": self.max_batched_tokens,
            "enable_prefix_caching": False,
            "speculation": "off",
        }
