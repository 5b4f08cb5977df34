"""Weights that are stored as integers already: which format takes them over as they are, and how their groups are cut.

A second quantisation would add its own error to the first one's. Codes fit a wider format as they are, and a scale of a
longer group is the scale of each group of 32 inside it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sampan.checkpoint import Checkpoint, CodedTensor
from sampan.checkpoint.dtypes import HalfArray
from sampan.quant.layout import GROUP_SIZE, QUANTIZED, Part, choose_formats, parts_of

AUTO = "auto"
DEFAULT_PRECISION = "int8"
CODE_BITS = {"int4": 4, "int8": 8}


def formats_of(checkpoint: Checkpoint, precision: str) -> tuple[str, dict[str, str]]:
    """The precision that a checkpoint is packed as, and the format of each matrix.

    `auto` is `DEFAULT_PRECISION` for floats. Where weights are stored as integers, each matrix of a layer gets the
    narrowest format that takes them over as they are, and one that was left in 16 bits beside them stays so. The
    embedding and the output matrix, where they are floats, are packed as for `DEFAULT_PRECISION`: such checkpoints
    leave them out by habit. What no format takes over, such as GGUF's K types, is quantised again: what has codes of 4
    bits gets what int4 gives it, all else `DEFAULT_PRECISION` (ADR 0028 weighs the memory against the loss).

    Raises:
        ConfigError: unknown precision.
    """
    if precision != AUTO:
        return precision, choose_formats(checkpoint.config, precision)
    formats = choose_formats(checkpoint.config, DEFAULT_PRECISION)
    matrices = [part for part in parts_of(checkpoint.config, dict.fromkeys(formats, "fp32")) if part.kind == "panels"]
    coded = {part.name: [checkpoint.coded(name) for name in part.sources] for part in matrices}
    is_coded = any(tensor is not None for tensors in coded.values() for tensor in tensors)
    if is_coded or any(checkpoint.raw(name).quantised for part in matrices for name in part.sources):
        narrow = choose_formats(checkpoint.config, "int4")
        formats |= {
            part.name: _stored_format(checkpoint, part, coded[part.name], narrow[part.name]) for part in matrices
        }
    return "int4" if "int4" in formats.values() else DEFAULT_PRECISION, formats


def fits(tensor: CodedTensor, format: str) -> bool:
    """Whether a format takes the codes over as they are."""
    groups = tensor.group_size % GROUP_SIZE == 0 and tensor.shape[1] % tensor.group_size == 0
    return format in QUANTIZED and tensor.bits <= CODE_BITS[format] and groups


def scales_of_groups(scales: HalfArray, group_size: int) -> HalfArray:
    """[rows, k / group_size] to [rows, k / GROUP_SIZE]."""
    return np.repeat(scales, group_size // GROUP_SIZE, axis=1)


def _stored_format(checkpoint: Checkpoint, part: Part, tensors: Sequence[CodedTensor | None], narrow: str) -> str:
    """`narrow` is what int4 gives the matrix."""
    raws = [checkpoint.raw(name) for name in part.sources]
    for format in QUANTIZED[::-1]:
        if all(tensor is not None and fits(tensor, format) for tensor in tensors):
            return format
    if all(raw.quantised and raw.code_bits <= CODE_BITS["int4"] for raw in raws):
        return narrow
    dtypes = {raw.dtype for raw in raws}
    if any(tensors) or any(raw.quantised for raw in raws) or part.name == "lm_head" or not dtypes <= {"bf16", "fp16"}:
        return DEFAULT_PRECISION
    return dtypes.pop()
