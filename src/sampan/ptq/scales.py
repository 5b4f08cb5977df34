"""The scales of groups where some channels count more than others.

The packer looks for the scale that represents a group's weights best. Here it is the one that represents best what
the weights do to inputs of known size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.dtypes import Float32Array, HalfArray
from sampan.errors import CheckpointError
from sampan.quant.codes import LARGEST_CODE, LEAST_CODE
from sampan.quant.layout import GROUP_SIZE

# Codes that the extreme value of a group is mapped to, to begin with.
EXTREMES = {"int4": (-8.4, -8.1, -7.8, -7.5, -7.2, -6.9, -6.6, -6.3, -6.0, 6.0, 7.0), "int8": tuple(range(-127, -117))}
REFINEMENTS = 2
PIECE_VALUES = 1 << 20
LARGEST_HALF = 65504.0


def weighted_scales(weight: Float32Array, importance: npt.NDArray[np.floating], format: str, name: str) -> HalfArray:
    """Scales [n, k / 32] that leave the least sum of importance * (value - code * scale)^2 in each group.

    With h the importance and x the values, codes q are best matched by the scale sum of h x q / sum of h q^2, which
    explains (sum of h x q)^2 / sum of h q^2 of the sum of h x^2. Of the codes that come from mapping the extreme value
    to one of `EXTREMES`, those that explain most give a scale, which is refined by the codes that it gives itself.

    Args:
        weight: [n, k].
        importance: [k], not negative.
        name: for errors.

    Raises:
        CheckpointError: the matrix holds NaN, Inf or a value that the format cannot hold.
    """
    if not np.isfinite(weight).all():
        raise CheckpointError(f"tensor {name!r} holds NaN or Inf", remedy="the weights are damaged: fetch them again")
    importance = (importance / max(importance.max(), 1e-30) + 1e-9).astype(np.float32)  # no channel counts for nothing
    step = max(PIECE_VALUES // weight.shape[1], 1)
    pieces = [_best(weight[row : row + step], importance, format) for row in range(0, len(weight), step)]
    scales = np.concatenate(pieces)
    if np.abs(scales).max() > LARGEST_HALF:
        raise CheckpointError(
            f"tensor {name!r} holds values that are too large for this precision", remedy="keep it in bf16"
        )
    return scales.astype(np.float16)


def _best(weight: Float32Array, importance: Float32Array, format: str) -> Float32Array:
    groups = weight.reshape(len(weight), -1, GROUP_SIZE)
    importance = importance.reshape(-1, GROUP_SIZE)
    weighted = groups * importance
    extreme = np.take_along_axis(groups, np.abs(groups).argmax(axis=-1)[..., None], axis=-1)[..., 0]
    scale, explained = np.zeros_like(extreme), np.zeros_like(extreme)

    def improve(candidate: Float32Array) -> None:
        inverse = np.divide(1, candidate, out=np.zeros_like(candidate), where=candidate != 0)
        codes = np.clip(np.rint(groups * inverse[..., None]), LEAST_CODE[format], LARGEST_CODE[format])
        products = np.einsum("ngi,ngi->ng", weighted, codes)
        squares = np.einsum("ngi,gi->ng", codes * codes, importance)
        fit = np.divide(products, squares, out=np.zeros_like(products), where=squares > 0)
        better = products * fit > explained
        scale[better], explained[better] = fit[better], (products * fit)[better]

    for code in EXTREMES[format]:
        improve(extreme / np.float32(code))
    for _ in range(REFINEMENTS):
        improve(scale)
    return scale
