"""What each part of Sampan's formats costs alone: one thing is rounded, everything else is exact."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.quality.formats import absmax_int8, bf16, fp16
from benchmarks.quality.simulated_decoder import EMBEDDING, OUTPUT, Array, Numerics
from sampan.quant.rounding import rounded


def _weights(precision: str, wanted: Callable[[str], bool]) -> Numerics:
    return Numerics(
        weight=lambda name, weight: (
            rounded(weight.astype(np.float32, copy=False), precision) if wanted(name) else weight
        )
    )


def _in_layer(name: str) -> bool:
    return name not in (EMBEDDING, OUTPUT)


def _int8_head(x: Array) -> Array:
    return absmax_int8(x, x.shape[-1])


PARTS = {
    "inputs of matrices int8": Numerics(activation=lambda _, x: absmax_int8(x)),
    "layers' matrices int8": _weights("int8", _in_layer),
    "output matrix int8": _weights("int8", OUTPUT.__eq__),
    "embedding int8": _weights("int8", EMBEDDING.__eq__),
    "cache fp16": Numerics(keys=fp16, values=fp16),
    "cache bf16": Numerics(keys=bf16, values=bf16),
    "cache int8": Numerics(keys=_int8_head, values=_int8_head),
    "layers' matrices int4": _weights("int4", _in_layer),
    "feed-forward int4": _weights("int4", lambda name: ".mlp." in name),
    **{
        f"{projection} int4": _weights("int4", lambda name, projection=projection: projection in name)
        for projection in ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    },
}
