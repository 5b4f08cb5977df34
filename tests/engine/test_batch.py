"""The flat arrays of a step, to the last number."""

from __future__ import annotations

import numpy as np

from sampan.engine.batch import build_batch
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest
from sampan.engine.structured import MaskWriter

MASKS = MaskWriter(512)


def request(name: str, token_ids: list[int], num_computed: int, blocks: list[int], **params: object) -> Request:
    made = Request(name, token_ids, SamplingParams(seed=7, **params))  # type: ignore[arg-type]
    made.num_computed_tokens = num_computed
    made.block_ids.extend(blocks)
    return made


def test_a_decode_a_whole_prompt_and_a_chunk_in_one_batch() -> None:
    decode = request("decode", [5, 6, 7, 8, 9], 4, [3, 1], temperature=0.5, top_k=4, min_p=0.25)
    prompt = request("prompt", [11, 12, 13], 0, [2], temperature=0, logprobs=2)
    chunk = request("chunk", [21, 22, 23, 24], 1, [4])
    batch = build_batch(
        [ScheduledRequest(decode, 1, True), ScheduledRequest(prompt, 3, True), ScheduledRequest(chunk, 2, False)],
        [0],
        MASKS,
    )
    assert batch.token_ids.tolist() == [9, 11, 12, 13, 22, 23]
    assert batch.positions.tolist() == [4, 0, 1, 2, 1, 2]
    assert batch.query_starts.tolist() == [0, 1, 4, 6]
    assert batch.context_lens.tolist() == [5, 3, 3]
    assert batch.block_tables.tolist() == [[3, 1], [2, 0], [4, 0]]
    assert batch.sample_rows.tolist() == [0, 3]
    sampling = batch.sampling
    assert sampling.temperature.tolist() == [0.5, 0.0]
    assert sampling.top_k.tolist() == [4, 0]
    assert sampling.top_p.tolist() == [1.0, 1.0]
    assert sampling.min_p.tolist() == [0.25, 0.0]
    assert sampling.seeds.tolist() == [7, 7]
    assert sampling.positions.tolist() == [5, 3]
    assert sampling.num_logprobs.tolist() == [-1, 2]
    assert sampling.masks is None
    for rows in (sampling.seen, sampling.bias):
        assert (rows.starts.tolist(), len(rows.token_ids), len(rows.values)) == ([0, 0, 0], 0, 0)
    arrays = (batch.token_ids, batch.positions, batch.query_starts, batch.context_lens, batch.block_tables)
    assert {array.dtype for array in arrays} == {np.dtype(np.int32)}
    assert sampling.seeds.dtype == np.uint64


def test_penalties_and_biases_are_compressed_rows() -> None:
    plain = request("plain", [1, 2], 0, [0])
    penalised = request("penalised", [5, 6, 5], 0, [1], frequency_penalty=0.5)
    biased = request("biased", [1], 0, [2], logit_bias={9: 2.0, 3: -1.0}, min_tokens=2, stop_token_ids=(8,))
    penalised.token_ids += [6, 7, 7]
    entries = [ScheduledRequest(item, item.num_tokens, True) for item in (plain, penalised, biased)]
    sampling = build_batch(entries, [0], MASKS).sampling
    assert sampling.seen.starts.tolist() == [0, 0, 3, 3]
    assert sampling.seen.token_ids.tolist() == [5, 6, 7]
    assert sampling.seen.values.tolist() == [0.0, 1.0, 2.0]
    assert sampling.bias.starts.tolist() == [0, 0, 0, 4]
    assert sampling.bias.token_ids.tolist() == [9, 3, 0, 8]
    assert sampling.bias.values.tolist() == [2.0, -1.0, -np.inf, -np.inf]


def test_a_step_that_draws_nothing() -> None:
    chunk = request("chunk", [1, 2, 3], 0, [0])
    batch = build_batch([ScheduledRequest(chunk, 2, False)], [0], MASKS)
    assert batch.sample_rows.tolist() == []
    assert len(batch.sampling.temperature) == 0
    assert batch.sampling.seen.starts.tolist() == [0]
