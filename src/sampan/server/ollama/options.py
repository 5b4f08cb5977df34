"""Ollama's `options`, `think` and `format` as sampling fields."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from sampan.engine.sampling_params import MAX_SEED
from sampan.server.fields import (
    MAX_COUNT,
    JsonSchemaFormat,
    RequestModel,
    ResponseFormat,
    StopString,
    StopStrings,
    TopK,
    TopP,
    within,
)
from sampan.server.worded import WordedSampling

PositiveCount = Annotated[int, Field(ge=1, le=MAX_COUNT)]
Think = bool | Literal["low", "medium", "high", "max"]
Format = Literal["", "json"] | dict[str, Any]


class OllamaOptions(RequestModel):
    """How tokens are drawn. None takes the server's default, which is the model's own recommendation.

    `num_ctx` is accepted and has no effect, as the server's context is always the whole one; so do options for the
    machine, such as `num_thread`, which the server's own options set.
    """

    num_predict: PositiveCount | Literal[-2, -1] | None = None  # below 0, or more than fits: as many as fit
    temperature: float | None = within("temperature")
    top_k: TopK | None = None
    top_p: TopP | None = None
    min_p: float | None = within("min_p")
    seed: int | None = Field(default=None, ge=-MAX_COUNT, le=MAX_SEED)  # a negative one is random
    stop: StopString | StopStrings | None = None
    repeat_penalty: float | None = within("repetition_penalty")
    presence_penalty: float | None = within("presence_penalty")
    frequency_penalty: float | None = within("frequency_penalty")
    num_ctx: int | None = None
    num_keep: int | None = None
    num_batch: int | None = None
    num_gpu: int | None = None
    main_gpu: int | None = None
    num_thread: int | None = None
    use_mmap: bool | None = None
    low_vram: bool | None = None

    def sampling(self, room: int, form: Format | None, **others: Any) -> WordedSampling:
        """The options in the names of `SamplingFields`.

        Args:
            room: tokens that the context has left for the answer.
            form: the request's `format`.
            others: fields that are no options.
        """
        return WordedSampling.of(
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            min_p=self.min_p,
            seed=self.seed if self.seed is None or self.seed >= 0 else None,
            stop=self.stop,
            repetition_penalty=self.repeat_penalty,
            presence_penalty=self.presence_penalty,
            frequency_penalty=self.frequency_penalty,
            max_tokens=self._max_tokens(room),
            response_format=_response_format(form),
            **others,
        )

    def _max_tokens(self, room: int) -> int | None:
        if self.num_predict is None or self.num_predict < 0:
            return None
        return min(self.num_predict, max(room, 1))


def _response_format(form: Format | None) -> ResponseFormat | None:
    if not form:
        return None
    if isinstance(form, str):
        return ResponseFormat(type="json_object")
    return ResponseFormat(type="json_schema", json_schema=JsonSchemaFormat(schema=form))
