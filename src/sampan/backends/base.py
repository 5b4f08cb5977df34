"""The contract between the engine and whatever computes: one protocol, one input, one output.

A `ForwardBatch` is flat numpy. Rows (requests) differ only in how many tokens they bring: a whole prompt, a chunk of
one, one decode token, or a decode token with speculative drafts behind it are the same thing to a backend. Sampling
happens in the backend, so that logits leave it only to be measured; `sample_rows` says which of the flat tokens are
followed by a sampled one. Where the next token is known already, as in a prompt, it is `given`: nothing is drawn, and
what the model thought of it is all that is asked for. `pooled_rows` are those whose hidden states are wanted.

Per-sample sampling arrays have one entry per entry of `sample_rows`. Sparse per-sample data (penalties, logit bias,
allowed ids) is in compressed rows: entry `i` owns the slice `starts[i]:starts[i + 1]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sampan.checkpoint import Checkpoint
from sampan.config import ModelConfig

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
UInt32Array = npt.NDArray[np.uint32]
UInt64Array = npt.NDArray[np.uint64]
Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SparseRows:
    """Compressed rows over token ids: row `i` owns `starts[i]:starts[i + 1]` of `token_ids` and `values`."""

    starts: Int32Array  # [S + 1]
    token_ids: Int32Array  # [N]
    values: Float32Array  # [N]

    def row(self, index: int) -> tuple[Int32Array, Float32Array]:
        """Token ids and values of one row."""
        span = slice(int(self.starts[index]), int(self.starts[index + 1]))
        return self.token_ids[span], self.values[span]


def _ready() -> None:
    """Nothing is left to wait for."""


@dataclass(frozen=True, slots=True)
class TokenMasks:
    """Which ids may be drawn, for the rows that are not free to draw any.

    The bits may still be on their way while the forward step runs: a backend calls `ready` before it reads them. A row
    without any bit draws nothing.
    """

    rows: Int32Array  # [S]; which of the `M` masks holds for a sampled token; -1: every id may be drawn
    bits: UInt32Array  # [M, ceil(V / 32)]; bit `i % 32` of word `i // 32` is 1 where id `i` may be drawn
    ready: Callable[[], None] = _ready  # returns once `bits` are written

    def row(self, index: int) -> npt.NDArray[np.bool_] | None:
        """The mask of one sampled token, an entry for each id (and some behind the last); None where there is none."""
        mask = int(self.rows[index])
        if mask < 0:
            return None
        return np.unpackbits(self.bits[mask].astype("<u4").view(np.uint8), bitorder="little").view(np.bool_)


@dataclass(frozen=True, slots=True)
class SamplingBatch:
    """How each of the `S` sampled tokens is drawn. The random number of a token is Philox(seed, position) and nothing
    else."""

    temperature: Float32Array  # [S]; 0 means greedy
    top_k: Int32Array  # [S]; 0 means all
    top_p: Float32Array  # [S]; 1 means all
    min_p: Float32Array  # [S]; 0 means all
    seeds: UInt64Array  # [S]
    positions: Int64Array  # [S]; absolute position of the token that is drawn
    repetition_penalty: Float32Array  # [S]; 1 means none
    presence_penalty: Float32Array  # [S]
    frequency_penalty: Float32Array  # [S]
    num_logprobs: Int32Array  # [S]; -1 none, 0 the drawn token's only, n the n most probable ones besides
    given: Int32Array  # [S]; the token, where it is known; -1: it is drawn
    seen: SparseRows  # ids of prompt and output; value = times in the output (0: only in the prompt)
    bias: SparseRows  # ids and what is added to their logits
    masks: TokenMasks | None  # None: no row has one


@dataclass(frozen=True, slots=True)
class ForwardBatch:
    """`T` tokens of `R` requests, `S` of which are followed by a sampled token. Block tables are padded with 0."""

    token_ids: Int32Array  # [T]
    positions: Int32Array  # [T]; absolute position in the request
    query_starts: Int32Array  # [R + 1]; request r brings the tokens query_starts[r]:query_starts[r + 1]
    context_lens: Int32Array  # [R]; tokens of the request once this step has run, cached ones included
    block_tables: Int32Array  # [R, B]; block b of a request holds its positions b * block_size ...
    sample_rows: Int32Array  # [S]; indices into the T tokens
    pooled_rows: Int32Array  # [P]; indices into the T tokens
    sampling: SamplingBatch


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """Log-probabilities at one position: of the drawn token first, then of the most probable ones, best first.

    They are those of the model's distribution before temperature and filters, after penalties, bias and mask (vLLM
    calls this `processed` apart from temperature).
    """

    token_ids: Int32Array
    logprobs: Float32Array
    rank: int  # of the drawn token, 1 is the most probable


@dataclass(frozen=True, slots=True)
class StepOutput:
    """What a step drew. `token_ids[i]` is -1 where the logits held NaN or Inf: the engine ends that request with an
    error."""

    token_ids: Int32Array  # [S]
    logprobs: tuple[TokenLogprobs | None, ...]  # [S]
    hidden_states: Float32Array | None = None  # [P, hidden_size], behind the last norm; None where P is 0


class Backend(Protocol):
    """Weights, KV cache, forward step and sampling on one device.

    The contract of `execute`: a sampled token or a hidden state depends on its own request alone, bitwise, whatever
    else is in the batch and however the request's earlier tokens were chunked (DESIGN invariant 1).
    """

    config: ModelConfig

    def load(self, checkpoint: Checkpoint, precision: str, meanwhile: Callable[[], None] | None = None) -> None:
        """Takes the weights over. The precision `auto` is the backend's own.

        Args:
            meanwhile: work of the caller's that is done once, before any weight is converted and beside what takes no
                interpreter. What it raises goes through.

        Raises:
            CheckpointError: a tensor is missing, left over or has the wrong shape.
            ConfigError: this backend does not know `precision`.
        """

    def load_dummy(self, config: ModelConfig, precision: str) -> None:
        """Takes random weights of that shape, for measurements. Raises as `load` does."""

    @property
    def weight_bytes(self) -> int:
        """Of all weights, once they are loaded."""

    @property
    def kv_bytes_per_token(self) -> float:
        """Of the KV cache, once the weights are loaded."""

    def set_vocab_limit(self, num_tokens: int) -> None:
        """Ids from `num_tokens` on are padding of the embedding matrix and are never drawn."""

    def allocate_kv_cache(self, num_blocks: int, block_size: int) -> None:
        """Makes room for `num_blocks` blocks of `block_size` tokens."""

    def execute(self, batch: ForwardBatch) -> StepOutput:
        """Runs one step: writes the batch's keys and values, attends, and draws one token for each of `sample_rows`.
        These may be all rows of a long prompt: their logits must not be there all at once."""

    def logits(self, batch: ForwardBatch) -> Float32Array:
        """The forward step alone, for measurements: logits [S, V] of the batch's sample rows, padding of the vocabulary
        cut off."""
