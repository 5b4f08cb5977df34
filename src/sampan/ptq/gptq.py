"""GPTQ (Frantar et al., arXiv:2210.17323): column after column is rounded, and those that follow make up for the error.

Wanted is the rounded matrix Q that changes the outputs least, over the inputs X of the calibration:

    minimise  |X W^T - X Q^T|^2  =  trace(E H E^T)      with  E = W - Q,  H = X^T X

Let H = U D U^T with U upper triangular, its diagonal 1. Then

    trace(E H E^T)  =  sum over columns k of  d_k |e_k + sum over j < k of e_j U_jk|^2

So when column k is reached, the best is to round w_k + sum over j < k of e_j U_jk instead of w_k: it makes up for the
errors made so far as well as one column can. The paper arrives at the same numbers by changing all later columns after
each one, with the inverse of H; that the two are one was shown by Chee et al. (arXiv:2307.13304, theorem 6). This way
needs no inverse, and the sums over earlier columns are one matrix product for each 32 of them: 2 n k^2 operations in
all, nearly all of them in BLAS.

The channels with the largest inputs come first, as long as many others can make up for them. Groups stay those of
neighbours, as kernels want them, so their scales are fixed beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.dtypes import Float32Array
from sampan.ptq.factor import upper_factor
from sampan.ptq.scales import weighted_scales
from sampan.quant.codes import LARGEST_CODE, LEAST_CODE, Codes
from sampan.quant.layout import GROUP_SIZE

DAMPING = 0.01
BLOCK = 32  # columns whose sums over earlier ones are one product


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the inputs say about rounding, for all matrices that have these inputs.

    Args:
        order: the columns [k], as they are rounded.
        factor: U [k, k] in that order; only what is above its diagonal counts.
        importance: of each column [k] for the scale of its group.
    """

    order: npt.NDArray[np.intp]
    factor: Float32Array
    importance: Float32Array


def error_feedback(hessian: Float32Array, damping: float = DAMPING) -> Feedback:
    """Prepares H [k, k].

    Args:
        damping: is added to each diagonal element, as a part of it. The paper adds a part of their mean, which a few
            channels of a thousand times the size of the others would make far too much for those.
    """
    importance = np.diag(hessian).copy()
    order = np.argsort(-importance, kind="stable")
    factor = hessian[np.ix_(order, order)]
    diagonal = np.einsum("ii->i", factor)
    diagonal *= 1 + damping
    diagonal[diagonal == 0] = 1  # a channel that is always 0 takes part in nothing
    upper_factor(factor, damping)
    return Feedback(order, factor, importance)


def gptq(weight: Float32Array, feedback: Feedback, format: str, name: str) -> Codes:
    """Rounds a matrix [n, k] to `int4` or `int8`; see above.

    Args:
        name: for errors.

    Raises:
        CheckpointError: it holds NaN, Inf or a value that the format cannot hold.
    """
    order, factor = feedback.order, feedback.factor
    least, largest = LEAST_CODE[format], LARGEST_CODE[format]
    scales = weighted_scales(weight, feedback.importance, format, name)
    steps = np.ascontiguousarray(scales.T.astype(np.float32))  # [k / 32, n]
    inverses = np.divide(1, steps, out=np.zeros_like(steps), where=steps != 0)
    columns = weight.T[order]  # [k, n]: a column of the matrix is a row here
    errors = np.empty_like(columns)
    codes = np.empty(columns.shape, np.int8)
    for begin in range(0, len(order), BLOCK):
        block = slice(begin, begin + BLOCK)
        wanted = columns[block] + factor[:begin, block].T @ errors[:begin]
        for i, group in enumerate(order[block] // GROUP_SIZE):
            at = begin + i
            value = wanted[i] + factor[begin:at, at] @ errors[begin:at]
            rounded = np.clip(np.rint(value * inverses[group]), least, largest)
            codes[order[at]] = rounded
            errors[at] = columns[at] - rounded * steps[group]
    return Codes(format, np.ascontiguousarray(codes.T), scales)
