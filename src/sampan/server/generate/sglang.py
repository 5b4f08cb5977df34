"""SGLang's shape: `{"text" | "input_ids", "sampling_params"}` in, `{"text", "output_ids", "meta_info"}` out, or a list
of those where there is a list of prompts or `n` is more than one."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from pydantic import Field

from sampan.errors import RequestError
from sampan.server.answer import Answer, Answers, Delta
from sampan.server.fields import (
    MAX_CHOICES,
    AdmissionFields,
    Count,
    LogitBias,
    NumLogprobs,
    RequestModel,
    Seed,
    StopString,
    StopStrings,
    StopTokenIds,
    TokenIds,
    TokenLimit,
    TopK,
    TopP,
    within,
)
from sampan.server.http.streaming import event
from sampan.server.openai.logprobs import scores
from sampan.server.worded import WordedSampling

RARER = 64  # an event of a stream comes when this fraction of the tokens so far has been added


class SglangSampling(RequestModel):
    """`sampling_params`."""

    max_new_tokens: TokenLimit | None = 128
    min_new_tokens: Count | None = None
    n: int | None = Field(default=None, ge=1, le=MAX_CHOICES)
    temperature: float | None = within("temperature")
    top_p: TopP | None = None
    top_k: TopK | None = None
    min_p: float | None = within("min_p")
    sampling_seed: Seed | None = None
    frequency_penalty: float | None = within("frequency_penalty")
    presence_penalty: float | None = within("presence_penalty")
    repetition_penalty: float | None = within("repetition_penalty")
    logit_bias: LogitBias | None = None
    stop: StopString | StopStrings | None = None
    stop_token_ids: StopTokenIds | None = None
    no_stop_trim: bool | None = None
    ignore_eos: bool | None = None
    skip_special_tokens: bool | None = None
    json_schema: str | dict[str, Any] | None = None
    regex: str | None = None
    ebnf: str | None = None


class SglangRequest(AdmissionFields):
    """Texts or token ids to go on from."""

    text: str | list[str] | None = None
    input_ids: TokenIds | list[TokenIds] | None = None
    sampling_params: SglangSampling | None = None
    stream: bool | None = None
    return_logprob: bool | None = None
    top_logprobs_num: NumLogprobs | None = None
    logprob_start_len: int | None = Field(default=None, ge=-1, le=-1)  # the prompt has no logprobs
    rid: str | None = Field(default=None, max_length=128)

    def prompts(self) -> Sequence[str] | Sequence[list[int]]:
        """One entry for each prompt.

        Raises:
            RequestError: there is none, or an empty one, or there would be too many answers.
        """
        given: Any = self.input_ids if self.text is None else self.text
        prompts = given if self.is_batch else [given]
        if len(prompts) * self.num_choices > MAX_CHOICES:
            raise RequestError(f"More than {MAX_CHOICES} answers", param="n", remedy="ask for fewer at once")
        if not prompts or not all(prompts):
            name = "input_ids" if self.text is None else "text"
            raise RequestError(f"{name} is empty", param=name, remedy="send a text, or token ids")
        return prompts

    @property
    def is_batch(self) -> bool:
        """Whether there is a list of prompts, be it of one."""
        return isinstance(self.text, list) or bool(self.input_ids and isinstance(self.input_ids[0], list))

    @property
    def num_choices(self) -> int:
        """Answers of each prompt."""
        return (self.sampling_params and self.sampling_params.n) or 1

    def sampling(self) -> WordedSampling:
        """How tokens are drawn, and whose request it is."""
        own = self.sampling_params or SglangSampling()
        return WordedSampling.of(
            **self.admission(),
            max_tokens=own.max_new_tokens,
            min_tokens=own.min_new_tokens,
            temperature=own.temperature,
            top_p=own.top_p,
            top_k=own.top_k,
            min_p=own.min_p,
            seed=own.sampling_seed,
            frequency_penalty=own.frequency_penalty,
            presence_penalty=own.presence_penalty,
            repetition_penalty=own.repetition_penalty,
            logit_bias=own.logit_bias,
            stop=own.stop,
            stop_token_ids=own.stop_token_ids,
            include_stop_str_in_output=own.no_stop_trim,
            ignore_eos=own.ignore_eos,
            skip_special_tokens=own.skip_special_tokens,
            guided_json=own.json_schema,
            guided_regex=own.regex,
            guided_grammar=own.ebnf,
            logprobs=(self.top_logprobs_num or 0) if self.return_logprob else None,
        )


class SglangFormat:
    """Shapes the answers to one request.

    Each event of a stream repeats the whole answer so far: clients take the new end of it. So that a long answer is not
    sent a thousand times, events come the rarer the longer it is; all together they are at most some hundred times as
    long as the answer.

    Args:
        prompt_lens: tokens of each prompt.
        weight_version: which weights answer.
    """

    def __init__(self, request: SglangRequest, prompt_lens: Sequence[int], weight_version: str) -> None:
        self._num_choices = request.num_choices
        self._in_list = request.is_batch or request.num_choices > 1
        self._with_logprobs = bool(request.return_logprob)
        self._with_top = bool(request.top_logprobs_num)
        self._prompt_lens = prompt_lens
        self._weight_version = weight_version
        self._id = request.rid or uuid.uuid4().hex
        self._started = time.perf_counter()
        self._due = [0] * len(prompt_lens) * request.num_choices  # tokens from which on there is another event
        self._answers: Sequence[Answer] = ()

    @asynccontextmanager
    async def watch(self, opened: AbstractAsyncContextManager[Answers]) -> AsyncIterator[Answers]:
        """Passes the answers on and keeps them in sight, as a delta does not say what came before it."""
        async with opened as answers:
            self._answers = answers.answers
            yield answers

    def completion(self, answers: Answers) -> Any:
        """The whole body."""
        bodies = [self._body(answer) for answer in answers.answers]
        return bodies if self._in_list else bodies[0]

    def first_events(self) -> bytes:
        """Nothing."""
        return b""

    def events(self, delta: Delta) -> bytes:
        """The answer so far, if it is time for it."""
        answer = self._answers[delta.index]
        num_tokens = answer.text.num_tokens
        if delta.finish_reason is None and num_tokens < self._due[delta.index]:
            return b""
        self._due[delta.index] = num_tokens + max(1, num_tokens // RARER)
        body = self._body(answer)
        return event({"index": delta.index, **body} if self._in_list else body)

    def last_events(self, answers: Answers) -> bytes:
        """Nothing."""
        return b""

    def _body(self, answer: Answer) -> dict[str, Any]:
        meta: dict[str, Any] = {
            "id": f"{self._id}-{answer.index}" if self._in_list else self._id,
            "finish_reason": _finish_reason(answer),
            "prompt_tokens": self._prompt_lens[answer.index // self._num_choices],
            "completion_tokens": answer.text.num_tokens,
            "cached_tokens": answer.num_cached_tokens,
            "weight_version": self._weight_version,
            "e2e_latency": time.perf_counter() - self._started,
        }
        if self._with_logprobs:
            all_scores = [scores(entry) for entry in answer.logprobs]
            meta["output_token_logprobs"] = [_triple(*pairs[0]) for pairs in all_scores]
            if self._with_top:
                meta["output_top_logprobs"] = [[_triple(*pair) for pair in pairs[1:]] for pairs in all_scores]
        return {"text": answer.text.text, "output_ids": answer.token_ids, "meta_info": meta}


def _finish_reason(answer: Answer) -> dict[str, Any] | None:
    if not answer.finish_reason:
        return None
    if answer.finish_reason == "length":
        return {"type": "length", "length": answer.text.num_tokens}
    last = answer.token_ids[-1] if answer.token_ids else None
    return {"type": "stop", "matched": last if answer.stop_reason is None else answer.stop_reason}


def _triple(token_id: int, logprob: float) -> tuple[float, int, None]:
    """SGLang's order; the text is for clients to look up."""
    return (logprob, token_id, None)
