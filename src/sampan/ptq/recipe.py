"""What is asked for: method, number formats, and which matrices stay wider."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sampan.config import ModelConfig
from sampan.errors import ConfigError
from sampan.quant.layout import GROUP_SIZE

SCHEMES = ("int8", "int4")
METHODS = ("absmax", "smoothquant", "gptq")
FORMATS = ("int4", "int8", "bf16")  # from the narrowest on
BITS = {"int4": 4 + 16 / GROUP_SIZE, "int8": 8 + 16 / GROUP_SIZE, "bf16": 16.0}

# The matrices of a layer as the kernels have them. Those that are multiplied with the same inputs are one matrix
# there, and have one format.
MATRICES: Mapping[str, tuple[str, ...]] = {
    "qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o_proj": ("self_attn.o_proj",),
    "gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "down_proj": ("mlp.down_proj",),
}
BLOCKS = {"attention": ("qkv_proj", "o_proj"), "mlp": ("gate_up_proj", "down_proj")}
# int4 leaves attention wider, as packing does: a tenth of the weights, which carries half of the loss.
DEFAULT_KEEP = {"int8": (), "int4": ("attention",)}
KEEP_FORM = "write attention, mlp, down_proj, layers.0 or layers.0.down_proj, and =int8 or =bf16 behind it"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to quantise.

    Args:
        scheme: the format of every matrix that nothing else is said of, one of `SCHEMES`.
        method: one of `METHODS`. `absmax` is what packing does: the best of many scales for each group of 32, not
            merely that of its largest value.
        keep: what stays wider, such as `attention`, `layers.0` or `layers.3.down_proj=bf16`; without a format, in the
            next wider one. None is `DEFAULT_KEEP`, or nothing where bits are to be spent by measurement.
        max_layer_error: a matrix whose outputs change by more (see `errors.output_error`) is made wider.
        max_bits: mean bits of the layers' weights, scales included; what this leaves is given to the matrices that lose
            most.

    Raises:
        ConfigError: a value is out of range.
    """

    scheme: str = "int4"
    method: str = "gptq"
    keep: tuple[str, ...] | None = None
    max_layer_error: float | None = None
    max_bits: float | None = None

    def __post_init__(self) -> None:
        for field, value, known in (("scheme", self.scheme, SCHEMES), ("method", self.method, METHODS)):
            if value not in known:
                raise ConfigError(f"{field}={value!r} is not known", remedy=f"use {', '.join(known)}")
        if self.max_layer_error is not None and not 0 < self.max_layer_error < 1:
            raise ConfigError(f"max_layer_error={self.max_layer_error} is out of range", remedy="use 0.05 or so")
        if self.max_bits is not None and not BITS[self.scheme] <= self.max_bits <= BITS["bf16"]:
            raise ConfigError(
                f"max_bits={self.max_bits} is out of range", remedy=f"use {BITS[self.scheme]} to 16 for {self.scheme}"
            )

    def formats(self, config: ModelConfig) -> dict[str, str]:
        """The format of each matrix, such as `layers.0.qkv_proj`, before anything is measured.

        Raises:
            ConfigError: `keep` names nothing, or a format that is none or not wider.
        """
        formats = {
            f"layers.{layer}.{name}": self.scheme for layer in range(config.num_hidden_layers) for name in MATRICES
        }
        keep = self.keep if self.keep is not None else () if self.max_bits else DEFAULT_KEEP[self.scheme]
        for entry in keep:
            what, _, format = entry.partition("=")
            format = format or wider(self.scheme)
            if format not in FORMATS or FORMATS.index(format) < FORMATS.index(self.scheme):
                raise ConfigError(f"keep {entry!r}: {format!r} is no format as wide as {self.scheme}", remedy=KEEP_FORM)
            named = _matrices_of(what, formats)
            if not named:
                raise ConfigError(f"keep {entry!r} names no matrix of this model", remedy=KEEP_FORM)
            formats |= dict.fromkeys(named, format)
        return formats


def wider(format: str) -> str:
    """The next wider format; the widest stays."""
    return FORMATS[min(FORMATS.index(format) + 1, len(FORMATS) - 1)]


def _matrices_of(what: str, formats: Mapping[str, str]) -> Sequence[str]:
    """Those that `what` names: `[layers.N][.][a block, matrix or projection]`."""
    known = re.fullmatch(r"(layers\.\d+)?(?:(?:^|\.)([a-z_]+))?", what)
    if not what or known is None:
        return []
    layer, part = known.groups()
    kinds = [name for name in MATRICES if part in (None, name, *_names_of(name))]
    return [name for name in formats if layer in (None, name.rpartition(".")[0]) and name.rpartition(".")[2] in kinds]


def _names_of(matrix: str) -> Sequence[str]:
    """Its projections, and the block that it is in."""
    blocks = [block for block, matrices in BLOCKS.items() if matrix in matrices]
    return [*blocks, *(projection.rpartition(".")[2] for projection in MATRICES[matrix])]
