"""A model that says what the test wants."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from sampan.cli.conversation import Conversation, Message
from sampan.engine import CompletionOutput, RequestOutput, SamplingParams
from sampan.engine.llm import StreamPart
from sampan.text import TextDelta


class FakeModel:
    """Echoes: thinks "about X" and answers "X!", a word a step. Remembers what it was asked.

    Args:
        finish_reason: of every answer.
        endless: answers go on for ever, a word every 10 ms.
    """

    def __init__(self, *, finish_reason: str = "stop", endless: bool = False) -> None:
        self.asked: list[tuple[list[Message], SamplingParams, bool]] = []
        self.num_open = 0
        self._finish_reason, self._endless = finish_reason, endless

    def stream_chat(
        self, messages: Sequence[Message], sampling_params: SamplingParams, *, thinking: bool = True
    ) -> Iterator[StreamPart]:
        self.asked.append((list(messages), sampling_params, thinking))
        self.num_open += 1
        question = messages[-1]["content"]
        try:
            if thinking:
                yield StreamPart(TextDelta(reasoning="about "))
                yield StreamPart(TextDelta(reasoning=question))
            yield StreamPart(TextDelta(content=question))
            while self._endless:
                time.sleep(0.01)
                yield StreamPart(TextDelta(content=" word"))
            yield StreamPart(TextDelta(content="!"))
            completion = CompletionOutput(0, "", (5, 6), self._finish_reason)
            yield StreamPart(TextDelta(), output=RequestOutput("r", None, (1, 2, 3), (completion,)))
        finally:
            self.num_open -= 1


def converse(model: FakeModel, params: SamplingParams | None = None, **options: object) -> Conversation:
    """A conversation in a context of 100 tokens, where every character is one."""
    options = {"max_model_len": 100} | options
    return Conversation(
        model,
        params or SamplingParams(),
        num_prompt_tokens=lambda messages: sum(len(message["content"]) for message in messages),
        **options,  # type: ignore[arg-type]
    )
