"""Causal attention as training on a CPU wants it."""

from __future__ import annotations

import paddle
from paddle.nn import functional as F


def attend_by_heads(layer: int, q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor) -> paddle.Tensor:
    """The same values as `models.decoder.causal_attend`, one head at a time.

    Paddle's transposes of four axes are slow on a CPU and attention over short rows is mostly transposes: slicing heads out of
    the last axis needs none, and forward and backward take a third of the time.
    """
    batch, length, num_heads, head_dim = q.shape
    num_kv_heads = k.shape[2]
    future = paddle.triu(paddle.full([length, length], float("-inf"), dtype="float32"), diagonal=1)
    queries = paddle.split((q * head_dim**-0.5).reshape([batch, length, -1]), num_heads, axis=-1)
    keys = paddle.split(k.reshape([batch, length, -1]), num_kv_heads, axis=-1)
    values = paddle.split(v.reshape([batch, length, -1]), num_kv_heads, axis=-1)
    heads = []
    for head, query in enumerate(queries):
        group = head * num_kv_heads // num_heads
        scores = paddle.matmul(query, keys[group], transpose_y=True).astype("float32")
        heads.append(paddle.matmul(F.softmax(scores + future, axis=-1).astype(v.dtype), values[group]))
    return paddle.concat(heads, axis=-1).reshape([batch, length, num_heads, head_dim])
