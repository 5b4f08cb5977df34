"""A model whose answers are written down beforehand, with a real tokenizer: one token for each byte."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from sampan.backends.base import TokenLogprobs
from sampan.cluster import EngineStatus
from sampan.cluster.client import RequestTimes
from sampan.config import ModelConfig
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import OverloadedError
from sampan.text import ChatTemplate, Tokenizer, TokenizerConfig

BOS, EOS, USER, ASSISTANT, THINK, END_THINK = range(256, 262)
SPECIALS = ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>")
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}"
    "{% elif m.role == 'user' %}{{ '<｜User｜>' + m.content }}"
    "{% elif m.role == 'assistant' %}{{ '<｜Assistant｜>' + (m.content or '') + '<｜end▁of▁sentence｜>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}"
)
MODEL_CONFIG = ModelConfig("qwen2", 262, 8, 8, 1, 1, 1, 8)


def make_tokenizer() -> Tokenizer:
    """Ids 0 to 255 are single bytes, so every Chinese character and emoji lies in several tokens."""
    vocab = {character: index for index, character in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    engine = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=[]))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    engine.decoder = decoders.ByteLevel()
    engine.add_tokens([tokenizers.AddedToken(text, special=True, normalized=False) for text in SPECIALS])
    engine.add_tokens([tokenizers.AddedToken(text, normalized=False) for text in ("<think>", "</think>")])
    roles = {"bos_token": SPECIALS[0], "eos_token": SPECIALS[1]}
    return Tokenizer(engine, TokenizerConfig(roles, add_bos_token=True, chat_template=TEMPLATE))


TOKENIZER = make_tokenizer()
CHAT_TEMPLATE = ChatTemplate(TOKENIZER)


def ids_of(text: str) -> list[int]:
    """Ids of a model's output, tags included."""
    return TOKENIZER.encode_with_specials(text)


@dataclass
class Call:
    """What the server asked the engine for."""

    request_id: str
    prompt: list[int]
    params: SamplingParams
    cache_salt: str
    tenant: str
    priority: int
    timeout: float | None


@dataclass
class ScriptedEngine:
    """See `sampan.cluster.EngineClient`. Answers each request with the next of `answers`, the last one for ever.

    Args:
        answers: texts; each ends with the end token unless `max_tokens` cuts it.
        step: tokens in each output.
        refusal: raised instead of accepting.
        refused_tenants: for them the queue is full.
        failure: raised in place of the output after `fail_after` ones.
        delay: seconds before each output.
    """

    answers: Sequence[str] = ("<think>",)
    step: int = 1
    refusal: Exception | None = None
    failure: Exception | None = None
    last: EngineOutput | None = None
    fail_after: int = 0
    delay: float = 0.0
    status_reason: str = "ready"
    refused_tenants: tuple[str, ...] = ()
    max_model_len: int = 4096
    config: ModelConfig = MODEL_CONFIG
    calls: list[Call] = field(default_factory=list)
    streams: list[ScriptedStream] = field(default_factory=list)
    open_ids: set[str] = field(default_factory=set)
    asked_to_answer: list[str] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def generate(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        params: SamplingParams,
        *,
        cache_salt: str = "",
        tenant: str = "",
        priority: int = 0,
        timeout: float | None = None,
    ) -> ScriptedStream:
        if self.refusal is not None:
            raise self.refusal
        text = self.answers[min(len(self.calls), len(self.answers) - 1)]
        self.calls.append(Call(request_id, list(prompt_token_ids), params, cache_salt, tenant, priority, timeout))
        self.open_ids.add(request_id)
        self.streams.append(ScriptedStream(self, request_id, ids_of(text), params))
        return self.streams[-1]

    async def answer_now(self, answer_id: str) -> bool:
        asked = sorted(request_id for request_id in self.open_ids if request_id.rpartition("-")[0] == answer_id)
        self.asked_to_answer += asked
        return bool(asked)

    @property
    def is_full(self) -> bool:
        return bool(self.refused_tenants)

    def overload(self, tenant: str) -> OverloadedError | None:
        return OverloadedError.of_queue(7.0) if tenant in self.refused_tenants else None

    def status(self) -> EngineStatus:
        num_open = len(self.open_ids)
        return EngineStatus(self.status_reason == "ready", self.status_reason, num_open, 0, 100, 100 - num_open)

    async def close(self) -> None:
        self.closing.set()


def last_prompt(engine: ScriptedEngine) -> str:
    """What the model got to read last, as text with its special tokens."""
    return TOKENIZER.decode(engine.calls[-1].prompt, skip_special_tokens=False)


class ScriptedStream:
    """See `sampan.cluster.OutputStream`."""

    def __init__(self, engine: ScriptedEngine, request_id: str, ids: list[int], params: SamplingParams) -> None:
        self.engine, self.request_id = engine, request_id
        limit = 10**9 if params.max_tokens is None else params.max_tokens
        self.prompt, self.params = engine.calls[-1].prompt, params
        ends = len(ids) + 1 <= limit and not params.ignore_eos
        self.ids = [*ids, EOS] if ends else ids[:limit]
        self.end = FinishReason.STOP if ends else FinishReason.LENGTH
        self.num_logprobs = params.logprobs
        self.position = self.num_outputs = 0
        self.times = RequestTimes()

    def __aiter__(self) -> ScriptedStream:
        return self

    async def __anext__(self) -> EngineOutput:
        engine = self.engine
        if self.request_id not in engine.open_ids:
            raise StopAsyncIteration
        if engine.delay:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(engine.closing.wait(), engine.delay)
        else:
            await asyncio.sleep(0)
        if engine.closing.is_set():
            engine.open_ids.discard(self.request_id)
            return EngineOutput(self.request_id, (), (), FinishReason.ABORT)
        if (engine.failure or engine.last) and self.num_outputs == engine.fail_after:
            engine.open_ids.discard(self.request_id)
            if engine.failure:
                raise engine.failure
            assert engine.last
            return engine.last
        self.num_outputs += 1
        new = tuple(self.ids[self.position : self.position + engine.step])
        self.position += len(new)
        finish_reason = self.end if self.position == len(self.ids) else None
        if finish_reason is not None:
            engine.open_ids.discard(self.request_id)
        self.times.last_token = time.monotonic()
        self.times.first_token = self.times.first_token or self.times.last_token
        logprobs = () if self.num_logprobs is None else tuple(made_up_logprobs(i, self.num_logprobs) for i in new)
        told = () if self.params.prompt_logprobs is None else self.prompt[max(self.params.prompt_read_start, 1) :]
        prompt_logprobs = tuple(made_up_logprobs(i, 0) for i in told)
        pooled = None if self.params.pooling is None else np.eye(8, dtype=np.float32)[len(self.prompt) % 8]
        return EngineOutput(self.request_id, new, logprobs, finish_reason, None, 16, prompt_logprobs, pooled)

    def take_time(self) -> None:
        """Outputs are as long as `step` says, whoever reads."""

    async def aclose(self) -> None:
        self.engine.open_ids.discard(self.request_id)


def made_up_logprobs(token_id: int, count: int) -> TokenLogprobs:
    """The drawn token at -0.5, then tokens 65, 66, ... at -1, -2, ..."""
    ids = np.array([token_id, *range(65, 65 + count)], np.int32)
    return TokenLogprobs(ids, np.array([-0.5, *range(-1, -1 - count, -1)], np.float32), 1)
