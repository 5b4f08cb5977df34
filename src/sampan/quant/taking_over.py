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
    leave them out by habit.

    Raises:
        ConfigError: unknown precision.
    """
    if precision != AUTO:
        return precision, choose_formats(checkpoint.config, precision)
    formats = choose_formats(checkpoint.config, DEFAULT_PRECISION)
    matrices = [part for part in parts_of(checkpoint.config, dict.fromkeys(formats, "fp32")) if part.kind == "panels"]
    coded = {part.name: [checkpoint.coded(name) for name in part.sources] for part in matrices}
    if any(tensor is not None for tensors in coded.values() for tensor in tensors):
        formats |= {part.name: _stored_format(checkpoint, part, coded[part.name]) for part in matrices}
    return "int4" if "int4" in formats.values() else DEFAULT_PRECISION, formats


def fits(tensor: CodedTensor, format: str) -> bool:
    """Whether a format takes the codes over as they are."""
    groups = tensor.group_size % GROUP_SIZE == 0 and tensor.shape[1] % tensor.group_size == 0
    return format in QUANTIZED and tensor.bits <= CODE_BITS[format] and groups


def scales_of_groups(scales: HalfArray, group_size: int) -> HalfArray:
    """[rows, k / group_size] to [rows, k / GROUP_SIZE]."""
    return np.repeat(scales, group_size // GROUP_SIZE, axis=1)


def _stored_format(checkpoint: Checkpoint, part: Part, tensors: Sequence[CodedTensor | None]) -> str:
    known = [tensor for tensor in tensors if tensor is not None]
    if len(known) == len(tensors):
        return next(
            (format for format in QUANTIZED[::-1] if all(fits(each, format) for each in known)), DEFAULT_PRECISION
        )
    dtypes = {checkpoint.raw(name).dtype for name in part.sources}
    if known or part.name == "lm_head" or not dtypes <= {"bf16", "fp16"}:
        return DEFAULT_PRECISION
    return dtypes.pop()
