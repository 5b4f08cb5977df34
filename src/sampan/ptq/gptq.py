"""GPTQ (Frantar et al., arXiv:2210.17323): column after column is rounded, and those that follow make up for the error.

Wanted is the rounded matrix Q that changes the outputs least, over the inputs X of the calibration:

    minimise  |X W^T - X Q^T|^2  =  trace(E H E^T)      with  E = W - Q,  H = X^T X

Let H = U D U^T with U upper triangular, its diagonal 1 (a Cholesky decomposition from the last row up). Then

    trace(E H E^T)  =  sum over columns k of  d_k |e_k + sum over j < k of e_j U_jk|^2

So when column k is reached, nothing is better than to round w_k + sum over j < k of e_j U_jk instead of w_k: to let it make up
for the errors made so far. The paper arrives at the same numbers by updating all later columns after each one, with the
inverse of H; that the two are one was shown by Chee et al. (arXiv:2307.13304, theorem 6). This way needs no inverse, and the sums over
earlier groups of columns are one matrix product for each group: 2 n k^2 operations in all, nearly all of them in BLAS.

A group's scale is found when its turn comes, by the packer's search, from the columns as they have become by then. Columns keep
their order: taking those with the largest inputs first, with scales fixed beforehand, gained nothing measurable in
groups of 32 (docs/quality.md).
"""

from __future__ import annotations

import numpy as np

from sampan.checkpoint.dtypes import Float32Array
from sampan.quant.codes import LARGEST_CODE, LEAST_CODE, Codes, quantize_matrix
from sampan.quant.layout import GROUP_SIZE

DAMPING = 0.01


def error_feedback(hessian: Float32Array, damping: float = DAMPING) -> Float32Array:
    """U of H = U D U^T, upper triangular with ones on its diagonal: column k says how much of each earlier column's error
    is put on column k.

    Args:
        hessian: H [k, k], which may be lost afterwards.
        damping: is added to each diagonal element, as a part of it. The paper adds a part of their mean, which beside a
            few channels of a thousand times the size of the others would leave those without any feedback.
    """
    diagonal = np.einsum("ii->i", hessian)
    diagonal *= 1 + damping
    diagonal[diagonal == 0] = 1  # a channel that is always 0 takes part in nothing
    from_last = hessian[::-1, ::-1]
    while True:
        try:
            factor = np.linalg.cholesky(from_last)[::-1, ::-1]
            break
        except np.linalg.LinAlgError:  # nearly dependent channels, in float32
            diagonal *= 1 + 10 * damping
    return np.divide(factor, np.diag(factor), out=factor)


def gptq(weight: Float32Array, feedback: Float32Array, format: str, name: str) -> Codes:
    """Rounds a matrix [n, k] to `int4` or `int8`; see above.

    Args:
        feedback: from `error_feedback`.
        name: for errors.

    Raises:
        CheckpointError: it holds NaN, Inf or a value that the format cannot hold.
    """
    least, largest = LEAST_CODE[format], LARGEST_CODE[format]
    columns = np.ascontiguousarray(weight.T)  # [k, n]: a column of the matrix is a row here
    errors = np.empty_like(columns)
    codes = np.empty(columns.shape, np.int8)
    scales = np.empty((len(columns) // GROUP_SIZE, columns.shape[1]), np.float16)
    for begin in range(0, len(columns), GROUP_SIZE):
        group = slice(begin, begin + GROUP_SIZE)
        wanted = columns[group] + feedback[:begin, group].T @ errors[:begin]
        scale = quantize_matrix(np.ascontiguousarray(wanted.T), format, name).scales[:, 0]
        scales[begin // GROUP_SIZE] = scale
        step = scale.astype(np.float32)
        inverse = np.divide(1, step, out=np.zeros_like(step), where=step != 0)
        for i, column in enumerate(range(begin, begin + GROUP_SIZE)):
            value = wanted[i] + feedback[begin:column, column] @ errors[begin:column]
            rounded = np.clip(np.rint(value * inverse), least, largest)
            codes[column] = rounded
            errors[column] = columns[column] - rounded * step
    return Codes(format, np.ascontiguousarray(codes.T), np.ascontiguousarray(scales.T))
