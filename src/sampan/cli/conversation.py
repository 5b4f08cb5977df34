"""A conversation: who said what, and how the next answer is asked for. Knows no terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sampan.engine import FinishReason, RequestOutput, SamplingParams
from sampan.engine.llm import StreamPart
from sampan.errors import EngineError, UsageError
from sampan.text import TextDelta

Message = Mapping[str, Any]


class ChatModel(Protocol):
    """What a conversation needs of `sampan.LLM`."""

    def stream_chat(
        self, messages: Sequence[Message], sampling_params: SamplingParams, *, thinking: bool
    ) -> Iterator[StreamPart]:
        """See `sampan.LLM.stream_chat`."""


class Answer:
    """One answer as it comes: iterate for what each step added. An answer that is left early holds what came so far.

    Args:
        parts: from `stream_chat`; closed with the answer.
    """

    def __init__(self, parts: Iterator[StreamPart]) -> None:
        self.reasoning = ""
        self.content = ""
        self.output: RequestOutput | None = None  # once it has ended
        self._parts = parts

    def __iter__(self) -> Iterator[TextDelta]:
        for part in self._parts:
            self.reasoning += part.delta.reasoning
            self.content += part.delta.content
            if part.output is not None:
                self.output = part.output
                if self.finish_reason == FinishReason.ERROR.value:
                    raise EngineError(
                        "the model computed NaN or Inf", remedy="its weights may be damaged: fetch it again"
                    )
            yield part.delta

    @property
    def finish_reason(self) -> str | None:
        """Why it ended; None where it has not, or was left early."""
        return self.output.outputs[0].finish_reason if self.output is not None else None

    def complete(self) -> RequestOutput:
        """Takes all that is left of the answer.

        Raises:
            EngineError: it broke off.
        """
        for _ in self:
            pass
        if self.output is None:
            raise EngineError("the answer broke off", remedy="try again")
        return self.output

    def close(self) -> None:
        """Ends the request, if it has not ended."""
        close = getattr(self._parts, "close", None)  # of a generator
        if close is not None:
            close()


class Conversation:
    """Asks a model again and again, with all that was said before.

    Args:
        params: of every answer; a `seed` grows by one with each retry, or the retry would bring the same answer.
        num_prompt_tokens: how long a list of messages is, in tokens.
        max_model_len: prompt and answer together, in tokens.
        system: a system message, or None.
        thinking: whether answers begin with a thought.
    """

    def __init__(
        self,
        model: ChatModel,
        params: SamplingParams,
        *,
        num_prompt_tokens: Callable[[Sequence[Message]], int],
        max_model_len: int,
        system: str | None = None,
        thinking: bool = True,
    ) -> None:
        self.system = system
        self.thinking = thinking
        self.exchanges: list[tuple[Message, Message]] = []
        self.num_forgotten = 0
        self._model = model
        self._params = params
        self._num_prompt_tokens = num_prompt_tokens
        # A quarter of the context is a thought and an answer of moderate length.
        self._longest_prompt = max_model_len - (params.max_tokens or max_model_len // 4)
        self._question: Message | None = None
        self._num_retries = 0

    def ask(self, text: str) -> Answer:
        """Begins the answer to `text`. Where the context is too short for all that was said and an answer, the oldest
        exchanges are forgotten; a message that is too long even alone raises ContextLengthError once the answer is
        iterated."""
        self._question, self._num_retries = {"role": "user", "content": text}, 0
        return self._begin(self._question)

    def retry(self) -> Answer:
        """Begins another answer to the last question; the one before is left out of the history.

        Raises:
            UsageError: nothing was asked yet.
        """
        if self._question is None:
            raise UsageError("there is no question to answer again", remedy="ask one first")
        if self.exchanges and self.exchanges[-1][0] is self._question:
            del self.exchanges[-1]
        self._num_retries += 1
        return self._begin(self._question)

    def keep(self, answer: Answer) -> None:
        """Takes an ended answer into the history, but not one that was left inside its thought: it says nothing."""
        if self._question is not None and answer.content:
            reply = {"role": "assistant", "content": answer.content, "reasoning_content": answer.reasoning}
            self.exchanges.append((self._question, reply))

    def messages(self) -> list[Message]:
        """All that was said, in OpenAI's shape."""
        system: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        return system + [message for exchange in self.exchanges for message in exchange]

    def clear(self) -> None:
        """Forgets all that was said; the system message stays."""
        self.exchanges.clear()
        self._question = None

    def save(self, path: Path) -> None:
        """Writes the messages to a new file as JSON.

        Raises:
            UsageError: the file exists or cannot be written.
        """
        try:
            with path.open("x", encoding="utf-8") as file:
                json.dump(self.messages(), file, ensure_ascii=False, indent=2)
                file.write("\n")
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}", remedy="name a new file in a folder of yours") from error

    def _begin(self, question: Message) -> Answer:
        while self.exchanges and self._num_prompt_tokens([*self.messages(), question]) > self._longest_prompt:
            del self.exchanges[0]
            self.num_forgotten += 1
        seed = self._params.seed
        params = self._params if seed is None else replace(self._params, seed=seed + self._num_retries)
        return Answer(self._model.stream_chat([*self.messages(), question], params, thinking=self.thinking))
