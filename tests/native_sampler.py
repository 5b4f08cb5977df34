"""The native sampler behind the signature of its numpy twin, `sampan.backends.sampler.sample`."""

from __future__ import annotations

import numpy as np

from sampan import _native
from sampan.backends.base import Float32Array, SamplingBatch, StepOutput
from sampan.backends.native import step_output


def native_sample(logits: Float32Array, batch: SamplingBatch, isa: str | None = None) -> StepOutput:
    """Draws one token for each row of `logits` [S, V], which stay as they are."""
    rows, vocab_size = logits.shape
    token_ids, ranks = np.empty(rows, np.int32), np.empty(rows, np.int32)
    columns = 1 + int(batch.num_logprobs.max())
    ids, logprobs = np.empty((rows, columns), np.int32), np.empty((rows, columns), np.float32)
    _native.sample(logits.copy(), batch, token_ids, ranks, ids, logprobs, isa)
    return step_output(batch.num_logprobs, vocab_size, token_ids, ranks, ids, logprobs)
