"""How much memory a model takes in each precision and context, and whether this machine has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from sampan.checkpoint import Checkpoint
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, SampanError
from sampan.examination.files import Report
from sampan.examination.subject import Subject
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.machine import read_memory
from sampan.quant import AUTO, DEFAULT_PRECISION
from sampan.quant.layout import choose_formats
from sampan.quant.sizes import default_kv_format, kv_cache_bytes, packed_bytes, weight_sizes
from sampan.quant.taking_over import formats_of
from sampan.units import human_bytes

CONTEXTS = (2048, 8192, 32768)
TYPICAL = 8192  # tokens of KV cache that a model should have room for
HEADROOM = 0.9  # of the free memory that a model may take


@dataclass(frozen=True)
class Need:
    """Bytes that a model takes in one precision."""

    precision: str
    weights: int
    kv_per_token: int

    def total(self, num_tokens: int) -> int:
        """With the keys and values of one request of that length."""
        return self.weights + self.kv_per_token * num_tokens


def served_as(config: ModelConfig, checkpoint: Checkpoint | None) -> tuple[str, int] | None:
    """What `auto` serves a model as, and the bytes of that; None where it cannot be packed so."""
    precision, formats = DEFAULT_PRECISION, choose_formats(config, DEFAULT_PRECISION)
    if checkpoint is not None:
        with suppress(SampanError):  # a tensor is missing, which another check says
            precision, formats = formats_of(checkpoint, AUTO)
    try:
        return precision, packed_bytes(config, formats)
    except CheckpointError:
        return None


def needs_of(config: ModelConfig) -> Mapping[str, Need]:
    """By precision, the widest last."""
    sizes = weight_sizes(config)
    return {
        precision: Need(precision, size, kv_cache_bytes(config, 1, default_kv_format(precision)))
        for precision, size in sorted(sizes.items(), key=lambda item: item[1])
    }


def check_memory(subject: Subject, report: Report, available: int | None = None) -> Iterator[Finding]:
    """`auto` fits, with a context of `TYPICAL` tokens or the model's own where that is shorter."""
    config = subject.config
    if config is None:
        return
    auto = served_as(config, subject.checkpoint)
    needs = needs_of(config)
    if auto is None:
        wide = "bf16, fp16 or fp32"
        detail = f"the matrices' rows are no whole groups: {DEFAULT_PRECISION} cannot serve it"
        yield Finding("memory", WARN, detail, f"serve it with --precision {wide}")
        return
    precision, size = auto
    need = Need(precision, size, kv_cache_bytes(config, 1, default_kv_format(precision)))
    free = read_memory().available if available is None else available
    context = min(TYPICAL, config.max_position_embeddings)
    wanted = f"{human_bytes(need.total(context))} as {precision} with {context:,} tokens"
    if need.total(context) <= free * HEADROOM:
        longest = int((free * HEADROOM - need.weights) // need.kv_per_token)
        whole = config.max_position_embeddings
        room = "the whole context" if longest >= whole else f"{longest:,} of {whole:,} tokens"
        yield Finding("memory", OK, f"{wanted}; {human_bytes(free)} are free, room for {room}")
        return
    fitting = [other for other in needs.values() if other.total(context) <= free * HEADROOM]
    if fitting:
        remedy = f"serve it with --precision {fitting[-1].precision}, or close programs"
        yield Finding("memory", WARN, f"{wanted}, and {human_bytes(free)} are free", remedy)
    else:
        smallest = min(other.total(context) for other in needs.values())
        remedy = f"use a smaller model, or a machine with {human_bytes(smallest / HEADROOM)} free for int4"
        yield Finding("memory", FAIL, f"{wanted}, and {human_bytes(free)} are free", remedy)
