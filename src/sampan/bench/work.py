"""What a step must do at least, and the least time that takes: the roofline model.

A step reads every weight and the keys and values that it attends to, and it multiplies. Neither can be done faster than
the machine reads and multiplies, and at best both happen at the same time (S. Williams, A. Waterman, D. Patterson,
"Roofline: an insightful visual performance model for multicore architectures", CACM 52(4), 2009)::

    seconds >= max(bytes / read speed, products of weights / their speed + products of attention / fp32 speed)

Decoding one stream multiplies each weight once, so that reading binds; many rows share one reading, so that
multiplying binds. Products are those of the linear layers (integer ones where the weights are int8 or int4) and of
attention (always float). What a step does besides (norms, quantisation, sampling) counts as lost time, and so does
every byte that is read twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from sampan.config import ModelConfig
from sampan.quant.layout import QUANTIZED, Part, choose_formats, parts_of

SCALE_BITS = 32  # of an int8 KV cache, for each token and head


@dataclass(frozen=True, slots=True)
class Limits:
    """Of all threads together: 10^9 bytes, or 10^9 multiply-accumulates, a second."""

    read_gb_s: float
    int8_gmac_s: float
    fp32_gmac_s: float


@dataclass(frozen=True, slots=True)
class Work:
    """Bytes read and multiply-accumulates (MACs). Work of several steps adds up."""

    bytes: float = 0.0
    int8_macs: float = 0.0
    fp32_macs: float = 0.0

    def __add__(self, other: Work) -> Work:
        return Work(self.bytes + other.bytes, self.int8_macs + other.int8_macs, self.fp32_macs + other.fp32_macs)

    def __mul__(self, count: float) -> Work:
        return Work(count * self.bytes, count * self.int8_macs, count * self.fp32_macs)

    @property
    def macs(self) -> float:
        """Of both kinds."""
        return self.int8_macs + self.fp32_macs

    @property
    def intensity(self) -> float:
        """MACs a byte."""
        return self.macs / self.bytes

    def read_seconds(self, limits: Limits) -> float:
        """The least time for reading."""
        return self.bytes / (limits.read_gb_s * 1e9)

    def mac_seconds(self, limits: Limits) -> float:
        """The least time for multiplying; both kinds want the same units of the processor, so their times add up."""
        return self.int8_macs / (limits.int8_gmac_s * 1e9) + self.fp32_macs / (limits.fp32_gmac_s * 1e9)

    def seconds(self, limits: Limits) -> float:
        """The least time for all."""
        return max(self.read_seconds(limits), self.mac_seconds(limits))

    def bound(self, limits: Limits) -> str:
        """What limits it: `memory` or `arithmetic`."""
        return "memory" if self.read_seconds(limits) >= self.mac_seconds(limits) else "arithmetic"


class Row(NamedTuple):
    """What one request brings to a step: new tokens, and the tokens of its context once the step has run."""

    num_new_tokens: int
    context: float
    samples: bool = True


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What the steps of one model cost.

    Args:
        precision: of the weights, one of `sampan.quant.PRECISIONS`.
        kv_cache: of keys and values: int8, fp16, bf16 or fp32.
    """

    config: ModelConfig
    precision: str
    kv_cache: str

    def step(self, rows: Sequence[Row]) -> Work:
        """One step. Weights are read once for all rows, the output matrix only if a row samples."""
        layers, head = _linear(self.config, self.precision)
        num_samples = sum(row.samples for row in rows)
        linear_macs = layers.num_weights * sum(row.num_new_tokens for row in rows) + head.num_weights * num_samples
        attention_macs = sum(self._attention_macs(row) for row in rows)
        weight_bytes = layers.num_bytes + (head.num_bytes if num_samples else 0)
        integer = self.precision in QUANTIZED
        return Work(
            bytes=weight_bytes + self._kv_bytes * sum(row.context for row in rows),
            int8_macs=linear_macs if integer else 0.0,
            fp32_macs=attention_macs + (0.0 if integer else linear_macs),
        )

    def decode(self, batch: int, context: float) -> Work:
        """A step of `batch` streams, each at that context."""
        return self.step([Row(1, context)] * batch)

    def prefill(self, num_tokens: int, chunk: int) -> Work:
        """One prompt, in as many steps as chunks of it, up to the first token drawn."""
        ends = [*range(chunk, num_tokens, chunk), num_tokens]
        starts = [0, *ends[:-1]]
        steps = [
            self.step([Row(end - start, end, samples=end == num_tokens)])
            for start, end in zip(starts, ends, strict=True)
        ]
        return sum(steps, Work())

    @property
    def _kv_bytes(self) -> float:
        """Of one token: what each step reads again, and once writes."""
        config = self.config
        head_bits = config.head_dim * {"int8": 8, "bf16": 16, "fp16": 16, "fp32": 32}[self.kv_cache]
        head_bits += SCALE_BITS if self.kv_cache == "int8" else 0
        return 2 * config.num_hidden_layers * config.num_key_value_heads * head_bits / 8

    def _attention_macs(self, row: Row) -> float:
        """A token at position p attends to p + 1 tokens: a product with each key and each value."""
        attended = row.num_new_tokens * (row.context - (row.num_new_tokens - 1) / 2)
        return 2 * self.config.num_hidden_layers * self.config.num_attention_heads * self.config.head_dim * attended


class _Weights(NamedTuple):
    num_weights: int
    num_bytes: int

    @classmethod
    def of(cls, parts: Sequence[Part]) -> _Weights:
        return cls(sum(part.n * part.k for part in parts), sum(part.n * sum(part.row_bytes()) for part in parts))


@cache
def _linear(config: ModelConfig, precision: str) -> tuple[_Weights, _Weights]:
    """Of all layers, and of the output matrix, as they are packed. Norms and biases are too few to count."""
    matrices = [part for part in parts_of(config, choose_formats(config, precision)) if part.kind == "panels"]
    layers = _Weights.of([part for part in matrices if part.name != "lm_head"])
    return layers, _Weights.of([part for part in matrices if part.name == "lm_head"])
