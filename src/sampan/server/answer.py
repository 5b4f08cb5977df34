"""One answer as it comes out of the engine, and all answers of a request together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from sampan.backends.base import TokenLogprobs
from sampan.cluster import OutputStream
from sampan.cluster.client import RequestTimes
from sampan.engine.outputs import TIMEOUT, EngineOutput, FinishReason
from sampan.engine.reading import read_output
from sampan.errors import DeadlineError, EngineError, RequestError, UnavailableError
from sampan.server.http.exchange import Exchange
from sampan.server.merge import merge
from sampan.server.metrics import AnswerRecord
from sampan.text import TextDelta, TextStream


class Delta(msgspec.Struct, frozen=True):
    """What one engine step added to the answer `index`.

    Tokens and logprobs are the step's; the text may lag behind them, as half characters and what may become a tag or a
    stop string are held back.
    """

    index: int
    token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprobs, ...]
    text: TextDelta
    num_thought_tokens: int  # the first ones of `token_ids`, up to `</think>`
    finish_reason: str | None
    stop_reason: int | str | None
    prompt_logprobs: tuple[TokenLogprobs, ...] = ()  # of the prompt's next tokens; they come before those of the answer


class Answer:
    """One answer: an iterator over its deltas which remembers the whole.

    Attributes:
        text: whole text, thought and answer so far.
        finish_reason: empty until the answer has ended.
        stop_reason: the stop string or id that ended it.
        opened_at, first_token_at: by `time.perf_counter`; the latter is None until there is one.
    """

    def __init__(self, index: int, outputs: OutputStream, text: TextStream, record: AnswerRecord) -> None:
        self.index = index
        self.text = text
        self.token_ids: list[int] = []
        self.logprobs: list[TokenLogprobs] = []
        self.prompt_logprobs: list[TokenLogprobs] = []
        self.finish_reason = ""
        self.stop_reason: int | str | None = None
        self.num_cached_tokens = 0
        self.opened_at = time.perf_counter()
        self.first_token_at: float | None = None
        self._outputs = outputs
        self._record = record

    async def __aiter__(self) -> AsyncIterator[Delta]:
        async for output in self._outputs:
            delta = self._take(output)
            yield delta
            if delta.finish_reason is not None:
                return

    def take_time(self) -> None:
        """Nobody watches it grow. Where a stop string may end it, each token is looked at all the same."""
        if not self.text.has_stop:
            self._outputs.take_time()

    @property
    def times(self) -> RequestTimes:
        """When what happened to it."""
        return self._outputs.times

    def close(self, error: BaseException | None) -> None:
        """Nothing more will be read, because of `error` where it has not ended. To be called once."""
        failed = isinstance(error, EngineError | RequestError)
        self._record.end(self.finish_reason or ("error" if failed else "abort"), self.text.num_tokens)

    def _take(self, output: EngineOutput) -> Delta:
        """An engine output as text. Raises as `raise_failure` does."""
        raise_failure(output)
        if self.first_token_at is None and output.new_token_ids:
            self.first_token_at = time.perf_counter()
        num_before = self.text.num_tokens
        text, ended, self.stop_reason = read_output(self.text, output)
        if ended is not None:
            self.finish_reason = ended.value
        num_taken = self.text.num_tokens - num_before
        token_ids, logprobs = output.new_token_ids[:num_taken], output.logprobs[:num_taken]
        self.token_ids += token_ids
        self.logprobs += logprobs
        self.prompt_logprobs += output.prompt_logprobs
        self.num_cached_tokens = output.num_cached_tokens
        num_thought = min(max(self.text.num_reasoning_tokens - num_before, 0), num_taken)
        if num_taken:
            self._record.took(num_taken, num_thought, self._outputs.times)
        finish_reason = self.finish_reason or None
        stop_reason, told = self.stop_reason, output.prompt_logprobs
        return Delta(self.index, token_ids, logprobs, text, num_thought, finish_reason, stop_reason, told)


def raise_failure(output: EngineOutput) -> None:
    """What an engine output says of a request that came to no proper end.

    Raises:
        RequestError: the structured output became too complex on the way.
        EngineError: the model computed NaN or Inf.
        DeadlineError: the request's time has passed.
        UnavailableError: the engine is closing.
    """
    reason = output.finish_reason
    if reason is FinishReason.ERROR:
        if output.stop_reason == "grammar":
            raise RequestError("the constraint became too complex", param="structured_outputs", remedy="simplify it")
        raise EngineError("the model's output is not a number")
    if reason is FinishReason.ABORT and output.stop_reason == TIMEOUT:
        raise DeadlineError("The answer was not complete within the request's timeout", remedy="allow more time")
    if reason is FinishReason.ABORT:
        raise UnavailableError("The server is shutting down", remedy="send the request again")


class Answers:
    """All answers of one request.

    Args:
        prompt_lens: tokens of each prompt; a prompt counts once, however many answers it gets.
        answers: in the order of their index, those of one prompt side by side.
    """

    def __init__(self, prompt_lens: Sequence[int], answers: Sequence[Answer]) -> None:
        self.answers = answers
        self.prompt_lens = prompt_lens

    def deltas(self) -> AsyncIterator[Delta]:
        """All answers' deltas as they come."""
        return merge([aiter(answer) for answer in self.answers])

    def tell(self, exchange: Exchange) -> None:
        """Adds what came of these answers."""
        exchange.prompt_tokens += self.num_prompt_tokens
        exchange.generation_tokens += sum(answer.text.num_tokens for answer in self.answers)
        exchange.answers += [answer.times for answer in self.answers]

    async def complete(self) -> Sequence[Answer]:
        """Waits until all have ended."""
        for answer in self.answers:
            answer.take_time()
        async for _ in self.deltas():
            pass
        return self.answers

    @property
    def num_tokens(self) -> int:
        """Of prompts and answers, so far."""
        return sum(self.prompt_lens) + sum(answer.text.num_tokens for answer in self.answers)

    @property
    def num_prompt_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(self.prompt_lens)

    @property
    def num_cached_tokens(self) -> int:
        """Of the prompts, those that were in the prefix cache. Answers of one prompt share it: what the first of them
        found is what the cache saved."""
        num_choices = len(self.answers) // len(self.prompt_lens)
        return sum(answer.num_cached_tokens for answer in self.answers[::num_choices])

    def usage(self) -> dict[str, Any]:
        """OpenAI's usage object."""
        prompt_tokens = self.num_prompt_tokens
        completion_tokens = sum(answer.text.num_tokens for answer in self.answers)
        reasoning_tokens = sum(answer.text.num_reasoning_tokens for answer in self.answers)
        return {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.num_cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": reasoning_tokens},
        }
