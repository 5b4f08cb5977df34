"""What of a request's sampling never changes, as bytes: packed once, joined with others in each step."""

from __future__ import annotations

import numpy as np

from sampan.engine.sampling_params import SamplingParams

# The fields of `sampan.backends.base.SamplingBatch` that follow from the parameters alone.
SAMPLING_RECORD = np.dtype(
    [
        ("temperature", np.float32),
        ("top_k", np.int32),
        ("top_p", np.float32),
        ("min_p", np.float32),
        ("repetition_penalty", np.float32),
        ("presence_penalty", np.float32),
        ("frequency_penalty", np.float32),
        ("num_logprobs", np.int32),
    ]
)


def sampling_record(params: SamplingParams) -> bytes:
    """One record of `SAMPLING_RECORD`."""
    values = (
        params.temperature,
        params.top_k,
        params.top_p,
        params.min_p,
        params.repetition_penalty,
        params.presence_penalty,
        params.frequency_penalty,
        -1 if params.logprobs is None else params.logprobs,
    )
    return np.array(values, SAMPLING_RECORD).tobytes()
