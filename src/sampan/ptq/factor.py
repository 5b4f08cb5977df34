"""H = U D U^T with U upper triangular: a Cholesky decomposition from the last row up, in the memory of H."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.dtypes import Float32Array

BLOCK = 256


def upper_factor(hessian: Float32Array, damping: float) -> npt.NDArray[np.float64]:
    """Decomposes H in blocks, nearly all of it in products of matrices: k^3 / 3 operations.

    Args:
        hessian: symmetric [k, k]. Its upper triangle becomes U; what is below is of no use afterwards.
        damping: what a block that rounding has made indefinite is helped with.

    Returns:
        D [k].
    """
    diagonal = np.empty(len(hessian))
    for end in range(len(hessian), 0, -BLOCK):
        begin = max(end - BLOCK, 0)
        corner = _cholesky_from_last(hessian[begin:end, begin:end].astype(np.float64), damping)
        # The columns above the corner: H = C corner^T there.
        above = (hessian[:begin, begin:end] @ np.linalg.inv(corner).T).astype(np.float32)
        for last in range(begin, 0, -BLOCK):
            first = max(last - BLOCK, 0)
            hessian[:last, first:last] -= above[:last] @ above[first:last].T
        scale = np.diag(corner)
        hessian[:begin, begin:end] = above / scale
        hessian[begin:end, begin:end] = corner / scale
        diagonal[begin:end] = scale**2
    return diagonal


def _cholesky_from_last(block: npt.NDArray[np.float64], damping: float) -> npt.NDArray[np.float64]:
    """Upper triangular C with C C^T = block."""
    while True:
        try:
            lower = np.linalg.cholesky(block[::-1, ::-1]).astype(np.float64, copy=False)
            return lower[::-1, ::-1]
        except np.linalg.LinAlgError:
            diagonal = np.einsum("ii->i", block)
            diagonal += damping * np.abs(diagonal).max()
