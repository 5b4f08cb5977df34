"""What workers and an engine say to each other: msgpack arrays over ZeroMQ, one message a step.

Log-probabilities travel as the bytes of their numpy arrays, so they arrive bit for bit.
"""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import numpy as np

from sampan.cluster.client import EngineStatus
from sampan.cluster.control import ErrorParts
from sampan.engine.outputs import EngineOutput
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import SampanError

MAX_UNREAD_DELIVERIES = 500  # that either side of a connection keeps

# ---- from a worker --------------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A worker has connected, or has heard that its requests were dropped: what it sends from now on counts."""


class Submit(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A request, new or resumed.

    Args:
        output_token_ids: what earlier engines drew for it; the engine goes on behind them and does not send them again.
        num_prompt_logprobs: of the prompt, those that earlier engines sent; the same holds for them.
        accepted_before: by an engine that is gone.
        deadline: on the machine's monotonic clock, which all processes share.
    """

    request_id: str
    prompt_token_ids: list[int]
    params: SamplingParams
    output_token_ids: list[int]
    accepted_before: bool
    cache_salt: str
    tenant: str
    priority: int
    deadline: float | None
    answer_now: bool
    num_prompt_logprobs: int = 0


class Abort(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The request's reader has left."""

    request_id: str


class AnswerNow(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The requests of an answer shall end their thoughts, whichever worker they are from; see `is_of`."""

    answer_id: str


def is_of(request_id: str, answer_id: str) -> bool:
    """Whether a request makes one of an answer's choices: its id is the answer's and a number, `ID-0`, `ID-1`, ..."""
    return request_id.rpartition("-")[0] == answer_id


Command = Hello | Submit | Abort | AnswerNow

# ---- from an engine -------------------------------------------------------------------------------------------------


class Refusal(msgspec.Struct, frozen=True, array_like=True):
    """Why a request was not accepted."""

    request_id: str
    parts: ErrorParts

    @classmethod
    def of(cls, request_id: str, error: SampanError) -> Refusal:
        return cls(request_id, ErrorParts.of(error))

    def error(self) -> SampanError:
        """The error again."""
        return self.parts.error()


class Delivery(msgspec.Struct, frozen=True, array_like=True):
    """What happened to a worker's requests since the last delivery.

    Args:
        is_reset: the worker read too slowly, and the engine has dropped all its requests: it shall send them again.
        asked_to_answer: open requests of the worker, for which another one has sent `AnswerNow`.
        answers: to the worker's own `AnswerNow`s: whether any request of that answer is open.
    """

    status: EngineStatus
    accepted: list[str] = []
    refused: list[Refusal] = []
    outputs: list[EngineOutput] = []
    is_reset: bool = False
    asked_to_answer: list[str] = []
    answers: dict[str, bool] = {}


def _encode_array(value: object) -> object:
    if isinstance(value, np.ndarray):
        return np.ascontiguousarray(value).data
    raise NotImplementedError(f"{type(value).__name__} does not travel")


def _decode_array(kind: Any, value: bytes) -> Any:
    _, dtype = get_args(kind)  # of numpy.ndarray[shape, numpy.dtype[scalar]]
    return np.frombuffer(value, get_args(dtype)[0])


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_array)
_command_decoder: msgspec.msgpack.Decoder[Command] = msgspec.msgpack.Decoder(Command)
_delivery_decoder = msgspec.msgpack.Decoder(Delivery, dec_hook=_decode_array)


def encode(message: Command | Delivery) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def decode_command(data: bytes) -> Command:
    """What a worker sent."""
    return _command_decoder.decode(data)


def decode_delivery(data: bytes) -> Delivery:
    """What an engine sent."""
    return _delivery_decoder.decode(data)
