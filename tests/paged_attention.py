"""A paged KV cache in numpy, filled by the native kernels, and attention over it in float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sampan import _native
from sampan._native import BLOCK_SIZE

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
TYPES = {"fp32": np.float32, "fp16": np.float16, "bf16": np.uint16, "int8": np.int8}
GARBAGE = {"fp32": np.nan, "fp16": np.nan, "bf16": 0x7FC0, "int8": 77}


def tokens(count: int, heads: int, head_dim: int, seed: int) -> Float32:
    return np.random.default_rng(seed).standard_normal((count, heads, head_dim), dtype=np.float32)


class PagedCache:
    """The cache of one layer and one request. What nobody wrote is NaN (int8: NaN scales)."""

    def __init__(self, kv_format: str, keys: Float32, values: Float32, isa: str | None = None, seed: int = 0) -> None:
        """keys, values: [context, num_kv_heads, head_dim]; the blocks lie in the order that `seed` shuffles."""
        context, heads, head_dim = keys.shape
        self.format = kv_format
        num_blocks = -(-context // BLOCK_SIZE)
        shape = (num_blocks + 3, heads, BLOCK_SIZE)
        filling, dtype = GARBAGE[kv_format], TYPES[kv_format]
        self.keys = np.full((num_blocks + 3, heads, head_dim, BLOCK_SIZE), filling, dtype)
        self.values = np.full((num_blocks + 3, heads, BLOCK_SIZE, head_dim), filling, dtype)
        self.key_scales = np.full(shape, np.nan, np.float32)
        self.value_scales = np.full(shape, np.nan, np.float32)
        self.table = np.random.default_rng(seed).permutation(num_blocks + 3)[:num_blocks].astype(np.int32)
        for position in range(context):
            block, offset = divmod(position, BLOCK_SIZE)
            _native.store_kv(*self.arrays, int(self.table[block]), offset, keys[position], values[position], isa)

    @property
    def arrays(self) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic], Float32 | None, Float32 | None]:
        scales = (self.key_scales, self.value_scales) if self.format == "int8" else (None, None)
        return self.keys, self.values, *scales

    def read(self) -> tuple[Float64, Float64]:
        """What the cache holds, as [num_kv_heads, positions, head_dim]."""
        keys = self._numbers(self.keys)[self.table].transpose(1, 0, 3, 2)
        values = self._numbers(self.values)[self.table].transpose(1, 0, 2, 3)
        heads, blocks, _, head_dim = keys.shape
        if self.format == "int8":
            keys = keys * self.key_scales[self.table].transpose(1, 0, 2)[..., None]
            values = values * self.value_scales[self.table].transpose(1, 0, 2)[..., None]
        shape = (heads, blocks * BLOCK_SIZE, head_dim)
        return keys.reshape(shape), values.reshape(shape)

    def attend(self, q: Float32, first_position: int, isa: str | None = None, chunk: int | None = None) -> Float32:
        """q and result: [num_tokens, num_heads, head_dim]; at most `chunk` tokens in a call."""
        out = np.full_like(q, np.nan)
        chunk = chunk or len(q)
        for begin in range(0, len(q), chunk):
            part = slice(begin, begin + chunk)
            _native.attend(
                *self.arrays,
                q[None, part],
                np.array([first_position + begin]),
                self.table[None],
                out[None, part],
                isa,
            )
        return out

    def attend_exactly(self, q: Float32, first_position: int) -> Float64:
        """The softmax of the definition, in float64."""
        keys, values = self.read()
        group = q.shape[1] // len(keys)
        out = np.empty(q.shape)
        for token, head in np.ndindex(q.shape[:2]):
            seen = first_position + token + 1
            scores = keys[head // group, :seen] @ q[token, head].astype(np.float64)
            weights = np.exp(scores - scores.max())
            out[token, head] = weights @ values[head // group, :seen] / weights.sum()
        return out

    def _numbers(self, stored: npt.NDArray[np.generic]) -> Float64:
        if self.format == "bf16":
            stored = (stored.astype(np.uint32) << 16).view(np.float32)
        return stored.astype(np.float64)
