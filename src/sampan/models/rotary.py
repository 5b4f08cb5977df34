"""Rotary position embedding (RoFormer, arXiv:2104.09864) in Hugging Face's half-split layout."""

from __future__ import annotations

import paddle


def rotation(positions: paddle.Tensor, frequencies: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Cosine and sine, each [..., 1, head_dim / 2], of integer `positions` [...]."""
    angles = (positions.astype("float32").unsqueeze(-1) * frequencies).unsqueeze(-2)
    return paddle.cos(angles), paddle.sin(angles)


def rotate(x: paddle.Tensor, cos: paddle.Tensor, sin: paddle.Tensor) -> paddle.Tensor:
    """Turns the pairs (x[i], x[i + head_dim / 2]) of `x` [..., heads, head_dim] by their angles."""
    first, second = paddle.chunk(x, 2, axis=-1)
    cos, sin = cos.astype(x.dtype), sin.astype(x.dtype)
    return paddle.concat([first * cos - second * sin, second * cos + first * sin], axis=-1)
