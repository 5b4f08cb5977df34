"""What workers and engines send each other arrives as it was."""

from __future__ import annotations

import numpy as np
import pytest

from sampan import errors
from sampan.backends.base import TokenLogprobs
from sampan.cluster import EngineStatus
from sampan.cluster.messages import (
    Abort,
    AnswerNow,
    Command,
    Delivery,
    Hello,
    Refusal,
    Submit,
    decode_command,
    decode_delivery,
    encode,
)
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import ContextLengthError, EngineError, OverloadedError, RequestError, SampanError

STATUS = EngineStatus(True, "ready", 1, 2, 100, 50)
PARAMS = SamplingParams(
    max_tokens=7, temperature=0.1, top_p=0.95, seed=2**63 - 1, logit_bias={5: -1.5}, stop=("\n\n", "」"), logprobs=3
)


@pytest.mark.parametrize(
    "command",
    [
        Hello(),
        Submit("a", [1, 2**31 - 1], PARAMS, [3], True, "salt", "tenant", -4, 12.5, True),
        Submit("a", [], SamplingParams(), [], False, "", "", 0, None, False),
        Submit("a", [7], SamplingParams(max_tokens=0, pooling="mean"), [], True, "", "", 0, None, False, 3),
        Abort("a"),
        AnswerNow("a"),
    ],
)
def test_commands(command: Command) -> None:
    assert decode_command(encode(command)) == command


def test_outputs() -> None:
    outputs = [
        EngineOutput("a", (1, 2)),
        EngineOutput("b", (), (), FinishReason.ERROR, "nan"),
        EngineOutput("c", (9,), (), FinishReason.STOP, 9, 16),
    ]
    delivery = Delivery(STATUS, ["d"], [], outputs, True)
    assert decode_delivery(encode(delivery)) == delivery


def test_what_was_read_of_a_prompt_arrives_bit_for_bit() -> None:
    logprobs = TokenLogprobs(np.array([1, 2], np.int32), np.array([-0.1, -1e-45], np.float32), 7)
    pooled = np.array([0.1, -np.float32(1) / 3], np.float32)
    sent = EngineOutput("a", (), (), FinishReason.LENGTH, None, 0, (logprobs,), pooled)
    (got,) = decode_delivery(encode(Delivery(STATUS, outputs=[sent]))).outputs
    assert got.pooled is not None
    assert (got.pooled.dtype, got.pooled.tobytes()) == (np.float32, pooled.tobytes())
    (entry,) = got.prompt_logprobs
    assert (entry.token_ids.tolist(), entry.logprobs.tobytes(), entry.rank) == ([1, 2], logprobs.logprobs.tobytes(), 7)


def test_log_probabilities_arrive_bit_for_bit() -> None:
    rows = np.array([[3, 1, 2], [6, 5, 4]], np.int32)
    values = np.array([[-0.1, -np.inf, np.float32(1) / 3], [-1e-45, 0, 7]], np.float32)
    sent = tuple(TokenLogprobs(rows[i, : i + 2], values[i, : i + 2], i) for i in range(2))
    (output,) = decode_delivery(encode(Delivery(STATUS, outputs=[EngineOutput("a", (3, 6), sent)]))).outputs
    for got, expected in zip(output.logprobs, sent, strict=True):
        assert (got.token_ids.dtype, got.logprobs.dtype, got.rank) == (np.int32, np.float32, expected.rank)
        assert got.token_ids.tobytes() == expected.token_ids.tobytes()
        assert got.logprobs.tobytes() == expected.logprobs.tobytes()


@pytest.mark.parametrize(
    "error",
    [
        RequestError("wrong", param="prompt", remedy="mend it"),
        ContextLengthError("long", param=None),
        OverloadedError("full", retry_after=2.5, remedy="later"),
        EngineError("gone"),
    ],
)
def test_refusals_are_the_same_error_again(error: SampanError) -> None:
    (refusal,) = decode_delivery(encode(Delivery(STATUS, refused=[Refusal.of("a", error)]))).refused
    again = refusal.error()
    assert (refusal.request_id, type(again), vars(again)) == ("a", type(error), vars(error))


def test_every_error_can_travel() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SampanError)]
    for kind in kinds:
        again = Refusal.of("a", kind("m", remedy="r")).error()
        assert (type(again), again.message, again.remedy) == (kind, "m", "r")


def test_a_step_for_64_requests_is_small() -> None:
    outputs = [EngineOutput(f"{index:034d}", (100_000 + index,)) for index in range(64)]
    assert len(encode(Delivery(STATUS, outputs=outputs))) < 64 * 60
