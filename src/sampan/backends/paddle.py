"""The reference backend: the Paddle layers over a paged KV cache, on any device that Paddle knows.

Bitwise batch invariance (DESIGN invariant 1) rests on two rules. A BLAS picks its kernel, and with it the order of
summation, by the shape of the product; so the model only ever runs on tiles of `TOKEN_TILE` tokens, the last one
padded, and every product has one shape. And attention runs over tiles of `KV_TILE` absolute positions with a running
softmax (arXiv:1805.02867); a tile that lies wholly in a token's future changes its sums by exactly nothing. So a
token's result depends on its own past alone. See ADR 0003.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import paddle

from sampan.backends.base import Float32Array, ForwardBatch, Int32Array, StepOutput
from sampan.backends.sampler import sample
from sampan.checkpoint import Checkpoint
from sampan.config import ModelConfig
from sampan.errors import ConfigError
from sampan.models import CausalLM, build_model, load_weights

TOKEN_TILE = 16
KV_TILE = 128

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


class PaddleBackend:
    """See `sampan.backends.base.Backend`.

    Args:
        device: as Paddle writes it: `cpu`, `gpu`, `gpu:1`, `npu`, `mlu`; None takes Paddle's current device.
    """

    config: ModelConfig

    def __init__(self, device: str | None = None) -> None:
        if device is not None:
            paddle.set_device(device)
        self._on_cpu = str(paddle.get_device()) == "cpu"
        self._num_tokens: int | None = None

    def load(self, checkpoint: Checkpoint, precision: str, meanwhile: Callable[[], None] | None = None) -> None:
        if meanwhile is not None:
            meanwhile()
        self.load_dummy(checkpoint.config, precision)
        load_weights(self._model, checkpoint)

    def load_dummy(self, config: ModelConfig, precision: str) -> None:
        precision = "fp32" if precision == "auto" else precision
        if precision not in DTYPES or (self._on_cpu and precision != "fp32"):
            known = "fp32" if self._on_cpu else ", ".join(DTYPES)
            raise ConfigError(f"precision={precision!r} is not known to the Paddle backend here", remedy=f"use {known}")
        self.config = config
        self._dtype = DTYPES[precision]
        default = paddle.get_default_dtype()
        paddle.set_default_dtype(self._dtype)
        try:
            self._model: CausalLM = build_model(config)
        finally:
            paddle.set_default_dtype(default)
        self._model.eval()

    @property
    def weight_bytes(self) -> int:
        return sum(weight.size * weight.element_size() for weight in self._model.parameters())

    @property
    def kv_bytes_per_token(self) -> float:
        elements = 2 * self.config.num_hidden_layers * self.config.num_key_value_heads * self.config.head_dim
        return elements * (4.0 if self._dtype == "float32" else 2.0)

    def set_vocab_limit(self, num_tokens: int) -> None:
        self._num_tokens = num_tokens

    def allocate_kv_cache(self, num_blocks: int, block_size: int) -> None:
        if KV_TILE % block_size:
            raise ConfigError(f"block_size={block_size} does not divide {KV_TILE}", remedy="use 16")
        # One block more than asked for, where padding tokens write, and behind it one slot that stays empty.
        self._empty_slot = (num_blocks + 1) * block_size
        shape = [self._empty_slot + 1, self.config.num_key_value_heads, self.config.head_dim]
        self._keys = [paddle.zeros(shape, self._dtype) for _ in range(self.config.num_hidden_layers)]
        self._values = [paddle.zeros(shape, self._dtype) for _ in range(self.config.num_hidden_layers)]
        self._padding_block, self._block_size = num_blocks, block_size

    @paddle.no_grad()
    def execute(self, batch: ForwardBatch) -> StepOutput:
        hidden = self._forward(batch)
        output = sample(self.logit_rows(hidden, batch.sample_rows), batch.sampling)
        if len(batch.pooled_rows) == 0:
            return output
        pooled = paddle.gather(hidden, paddle.to_tensor(batch.pooled_rows))
        return replace(output, hidden_states=pooled.astype("float32").numpy())

    @paddle.no_grad()
    def logits(self, batch: ForwardBatch) -> Float32Array:
        """The forward step alone: logits [S, V] of the batch's sample rows, padding of the vocabulary cut off."""
        rows = list(self.logit_rows(self._forward(batch), batch.sample_rows))
        return np.stack(rows) if rows else np.empty((0, self._num_tokens or self.config.vocab_size), np.float32)

    def _forward(self, batch: ForwardBatch) -> paddle.Tensor:
        """Hidden states [T, hidden_size], padded to whole tiles."""
        rows = self._token_rows(batch)
        return paddle.concat([self._forward_tile(rows, start) for start in range(0, len(batch.token_ids), TOKEN_TILE)])

    def logit_rows(self, hidden: paddle.Tensor, rows: Int32Array) -> Iterator[Float32Array]:
        """The logits [V] of some rows, of which one tile at a time is there."""
        for start in range(0, len(rows), TOKEN_TILE):
            tile = rows[start : start + TOKEN_TILE]
            chosen = paddle.gather(hidden, paddle.to_tensor(np.pad(tile, (0, _padding(len(tile))))))
            yield from self._model.logits(chosen).astype("float32").numpy()[: len(tile), : self._num_tokens]

    def _token_rows(self, batch: ForwardBatch) -> tuple[Int32Array, Int32Array, Int32Array]:
        """Per token, padded to whole tiles: ids [T], positions [T] and block tables [T, B], the latter to whole KV
        tiles."""
        lengths = np.diff(batch.query_starts)
        padding = _padding(len(batch.token_ids))
        width = -(-batch.block_tables.shape[1] * self._block_size // KV_TILE) * (KV_TILE // self._block_size)
        tables = np.full((len(batch.token_ids) + padding, width), self._padding_block, np.int32)
        tables[: len(batch.token_ids), : batch.block_tables.shape[1]] = np.repeat(batch.block_tables, lengths, axis=0)
        return np.pad(batch.token_ids, (0, padding)), np.pad(batch.positions, (0, padding)), tables

    def _forward_tile(self, rows: tuple[Int32Array, Int32Array, Int32Array], start: int) -> paddle.Tensor:
        """Hidden states [TOKEN_TILE, hidden_size] of one tile; writes its keys and values."""
        token_ids, positions, tables = (array[start : start + TOKEN_TILE] for array in rows)
        slots = self._slots(tables, positions.max() + 1)
        own = paddle.to_tensor(slots[np.arange(TOKEN_TILE), positions])
        spans = np.split(np.arange(slots.shape[1]), slots.shape[1] // KV_TILE)
        visible = np.arange(slots.shape[1]) <= positions[:, None]
        # A slot that is not the token's own may hold anything, NaN too, and 0 * NaN is NaN: so it reads the empty one.
        slots = np.where(visible, slots, np.int32(self._empty_slot))
        # Rows of the cache as [slots * kv_heads, head_dim], head by head: what is gathered needs no transpose.
        heads = np.arange(self.config.num_key_value_heads, dtype=np.int32)[:, None, None]
        cache_rows = slots * len(heads) + heads
        kv_tiles = [
            (paddle.to_tensor(cache_rows[:, :, span].reshape(-1)), paddle.to_tensor(visible[:, None, span]))
            for span in spans
        ]

        def attend(layer: int, q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor) -> paddle.Tensor:
            self._keys[layer].scatter_(own, k)
            self._values[layer].scatter_(own, v)
            return self._attend_paged(layer, q, kv_tiles)

        return self._model.model(paddle.to_tensor(token_ids), paddle.to_tensor(positions), attend)

    def _slots(self, tables: Int32Array, context: int) -> Int32Array:
        """Cache slot of every position of every token, for as many KV tiles as `context` positions need: [tokens,
        positions]."""
        num_blocks = -(-context // KV_TILE) * (KV_TILE // self._block_size)
        offsets = np.arange(self._block_size, dtype=np.int32)
        return (tables[:, :num_blocks, None] * self._block_size + offsets).reshape(len(tables), -1)

    def _attend_paged(
        self, layer: int, q: paddle.Tensor, kv_tiles: list[tuple[paddle.Tensor, paddle.Tensor]]
    ) -> paddle.Tensor:
        """Attention of each token over its own KV tiles: [tokens, heads, d] -> [tokens, heads, d]."""
        kv_heads, groups, head_dim = self.config.num_key_value_heads, self.config.num_query_groups, self.config.head_dim
        q = q.reshape([TOKEN_TILE, kv_heads, groups, head_dim]).transpose([1, 0, 2, 3]) * head_dim**-0.5
        minus_infinity = paddle.full([], float("-inf"), "float32")
        best = paddle.full([kv_heads, TOKEN_TILE, groups, 1], float("-inf"), "float32")
        total = paddle.zeros_like(best)
        mixed = paddle.zeros(q.shape, "float32")
        for cache_rows, visible in kv_tiles:
            shape = [kv_heads, TOKEN_TILE, KV_TILE, head_dim]
            keys = paddle.gather(self._keys[layer].reshape([-1, head_dim]), cache_rows).reshape(shape)
            values = paddle.gather(self._values[layer].reshape([-1, head_dim]), cache_rows).reshape(shape)
            scores = paddle.matmul(q, keys, transpose_y=True).astype("float32")
            scores = paddle.where(visible, scores, minus_infinity)
            best, previous = paddle.maximum(best, scores.max(axis=-1, keepdim=True)), best
            weights = paddle.exp(scores - best)
            rescale = paddle.exp(previous - best)
            total = total * rescale + weights.sum(axis=-1, keepdim=True)
            mixed = mixed * rescale + paddle.matmul(weights.astype(values.dtype), values).astype("float32")
        out = (mixed / total).astype(q.dtype).transpose([1, 0, 2, 3])
        return out.reshape([TOKEN_TILE, kv_heads * groups, head_dim])


def _padding(count: int) -> int:
    """Rows that are missing to whole tiles."""
    return -count % TOKEN_TILE
