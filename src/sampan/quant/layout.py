"""Which tensors a packed model has, and where each lies.

A model is a list of parts. A matrix in panels is what csrc/include/sampan/matmul.h describes, an embedding lies row by
row so that one token's row is one read, and a vector (norm, bias) is float32. Everything starts at a multiple of 64
bytes; where a size is none, a tensor called `padding.N` fills the gap, because safetensors allows no gaps.

=====================================  =============================================================================
`embed_tokens.codes`                   int8 or 16/32-bit [V, H]; `.scales` fp16 [V, H / 32] where int8
`layers.I.input_layernorm`             fp32 [H]; also `layers.I.post_attention_layernorm` and `norm`
`layers.I.qkv_proj.codes`              rows of the query heads, then of the key heads, then of the value heads
`layers.I.qkv_proj.bias`               fp32, in the same order (Qwen2 only)
`layers.I.o_proj.codes`
`layers.I.gate_up_proj.codes`          rows of gate_proj, then of up_proj
`layers.I.down_proj.codes`
`lm_head.codes`                        packed as well where it is tied to the embedding
=====================================  =============================================================================

Codes in panels: int8 u8 [panels, K / 4, 16, 4], int4 u8 [panels, K / 8, 16, 4], else [panels, K, 16]. Beside the codes
of int8 and int4 stand `.scales`, fp16 [panels, K / 32, 16].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampan import _native
from sampan.checkpoint.dtypes import BY_NAME
from sampan.checkpoint.safetensors.header import ALIGNMENT, Entry
from sampan.checkpoint.shapes import EMBEDDING, OUTPUT
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError

LAYOUT = "sampan-packed-1"
PRECISIONS = ("int8", "int4", "bf16", "fp16", "fp32")
QUANTIZED = ("int8", "int4")
PANEL = _native.PANEL
GROUP_SIZE = _native.GROUP_SIZE
PADDING = "padding."


@dataclass(frozen=True, slots=True)
class Part:
    """A matrix [n, k] or a vector [n] of a packed model.

    Args:
        kind: `panels`, `rows` or `vector`.
        k: 1 for a vector.
        format: one of `PRECISIONS`; `fp32` for a vector.
        sources: names of the checkpoint's tensors that it is made of, one below the other.
    """

    name: str
    kind: str
    n: int
    k: int
    format: str
    sources: tuple[str, ...]

    @property
    def num_rows(self) -> int:
        """Rows with those that fill the last panel."""
        return -(-self.n // PANEL) * PANEL if self.kind == "panels" else self.n

    def row_bytes(self) -> tuple[int, int]:
        """Bytes of codes and of scales that each row has."""
        if self.format in QUANTIZED:
            return self.k // (2 if self.format == "int4" else 1), self.k // GROUP_SIZE * 2
        return self.k * BY_NAME[self.format].storage.itemsize, 0

    def tensors(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Element type and shape of each tensor that it is stored as."""
        if self.kind == "vector":
            return {self.name: ("fp32", (self.n,))}
        panels = self.num_rows // PANEL
        codes: tuple[str, tuple[int, ...]]
        scales: tuple[str, tuple[int, ...]] = "fp16", (panels, self.k // GROUP_SIZE, PANEL)
        if self.kind == "rows":
            codes, scales = (self.format, (self.n, self.k)), ("fp16", (self.n, self.k // GROUP_SIZE))
        elif self.format in QUANTIZED:
            codes = "uint8", (panels, self.k // (4 if self.format == "int8" else 8), PANEL, 4)
        else:
            codes = self.format, (panels, self.k, PANEL)
        return {self.name + ".codes": codes, **({self.name + ".scales": scales} if self.format in QUANTIZED else {})}


def check_precision(precision: str) -> None:
    """Checks what a caller wants weights to be packed as.

    Raises:
        ConfigError: `precision` is none of `PRECISIONS`.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"precision={precision!r} is not known", remedy=f"use {', '.join(PRECISIONS)}")


def choose_formats(config: ModelConfig, precision: str) -> dict[str, str]:
    """The format of each matrix.

    The integer precisions keep the embedding in bf16: a step reads a few of its rows only, and errors there reach every
    layer. int4 keeps attention and output in int8: a tenth of the weights, which carries half of the loss
    (docs/quality.md).
    """
    check_precision(precision)
    formats = {name: precision for name in _matrix_names(config)}
    if precision in QUANTIZED:
        formats["embed_tokens"] = "bf16"
    if precision == "int4":
        formats |= {name: "int8" for name in formats if name.endswith(("qkv_proj", "o_proj", "lm_head"))}
    return formats


def _matrix_names(config: ModelConfig) -> list[str]:
    layers = range(config.num_hidden_layers)
    kinds = "qkv_proj", "o_proj", "gate_up_proj", "down_proj"
    return ["embed_tokens", *(f"layers.{layer}.{kind}" for layer in layers for kind in kinds), "lm_head"]


def parts_of(config: ModelConfig, formats: Mapping[str, str]) -> list[Part]:
    """All parts in the order of the forward pass, which is their order in memory.

    Raises:
        CheckpointError: a matrix cannot be packed in its format; names the tensor.
    """
    hidden, intermediate = config.hidden_size, config.intermediate_size
    query_size, kv_size = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    qkv_size = query_size + 2 * kv_size

    def matrix(name: str, n: int, k: int, *sources: str, kind: str = "panels") -> Part:
        if formats[name] in QUANTIZED and k % GROUP_SIZE:
            raise CheckpointError(
                f"tensor {sources[0]!r} has rows of {k} values, and {formats[name]} needs a multiple of {GROUP_SIZE}",
                remedy="use the precision bf16, fp16 or fp32 for this model",
            )
        if formats[name] == "int4" and kind == "rows":
            raise CheckpointError(f"{name} cannot be int4: its rows lie by themselves")
        return Part(name, kind, n, k, formats[name], sources)

    def vector(name: str, n: int, *sources: str) -> Part:
        return Part(name, "vector", n, 1, "fp32", sources)

    parts = [matrix("embed_tokens", config.vocab_size, hidden, EMBEDDING, kind="rows")]
    for layer in range(config.num_hidden_layers):
        name, source = f"layers.{layer}.", f"model.layers.{layer}."
        qkv = [f"{source}self_attn.{head}_proj." for head in "qkv"]
        gate_up = [f"{source}mlp.{half}_proj.weight" for half in ("gate", "up")]
        parts.append(vector(name + "input_layernorm", hidden, source + "input_layernorm.weight"))
        parts.append(matrix(name + "qkv_proj", qkv_size, hidden, *(head + "weight" for head in qkv)))
        if config.attention_bias:
            parts.append(vector(name + "qkv_proj.bias", qkv_size, *(head + "bias" for head in qkv)))
        parts.append(matrix(name + "o_proj", hidden, query_size, source + "self_attn.o_proj.weight"))
        parts.append(vector(name + "post_attention_layernorm", hidden, source + "post_attention_layernorm.weight"))
        parts.append(matrix(name + "gate_up_proj", 2 * intermediate, hidden, *gate_up))
        parts.append(matrix(name + "down_proj", hidden, intermediate, source + "mlp.down_proj.weight"))
    parts.append(vector("norm", hidden, "model.norm.weight"))
    output = EMBEDDING if config.tie_word_embeddings else OUTPUT
    parts.append(matrix("lm_head", config.vocab_size, hidden, output))
    return parts


def lay_out(parts: Sequence[Part]) -> dict[str, Entry]:
    """Where each tensor lies, padding among them, in bytes from the start of the data."""
    entries: dict[str, Entry] = {}
    end = num_paddings = 0
    for part in parts:
        for name, (dtype, shape) in part.tensors().items():
            begin, end = end, end + math.prod(shape) * BY_NAME[dtype].storage.itemsize
            entries[name] = Entry(BY_NAME[dtype], shape, begin, end)
            missing = -end % ALIGNMENT
            if missing:
                entries[f"{PADDING}{num_paddings}"] = Entry(BY_NAME["uint8"], (missing,), end, end + missing)
                end += missing
                num_paddings += 1
    return entries


def data_size(entries: Mapping[str, Entry]) -> int:
    """Bytes of all tensors and what fills the gaps between them."""
    return max(entry.end for entry in entries.values())
