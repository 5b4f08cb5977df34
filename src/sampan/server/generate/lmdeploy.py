"""LMDeploy's shape: `{"prompt" | "input_ids", ...}` in, `{"text", "output_ids", "meta_info"}` out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.errors import RequestError
from sampan.server.answer import Answers, Delta
from sampan.server.fields import (
    AdmissionFields,
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


class LmdeployRequest(AdmissionFields):
    """A text or token ids to go on from. `session_id` is accepted; sessions are not kept."""

    prompt: str | None = None
    input_ids: TokenIds | None = None
    session_id: int | None = None
    max_tokens: TokenLimit = 128
    stream: bool | None = None
    return_logprob: bool | None = None
    temperature: float | None = within("temperature")
    top_p: TopP | None = None
    top_k: TopK | None = None
    min_p: float | None = within("min_p")
    repetition_penalty: float | None = within("repetition_penalty")
    stop: StopString | StopStrings | None = None
    stop_token_ids: StopTokenIds | None = None
    ignore_eos: bool | None = None
    skip_special_tokens: bool | None = None
    include_stop_str_in_output: bool | None = None

    def sampling(self) -> WordedSampling:
        """How tokens are drawn, and whose request it is."""
        names = self.model_fields_set & WordedSampling.model_fields.keys()
        fields = {name: getattr(self, name) for name in names} | {"max_tokens": self.max_tokens}
        return WordedSampling.of(**fields, logprobs=0 if self.return_logprob else None)

    def one_prompt(self) -> str | Sequence[int]:
        """The prompt.

        Raises:
            RequestError: it is missing or empty.
        """
        prompt = self.input_ids if self.prompt is None else self.prompt
        if not prompt:
            raise RequestError("prompt is missing or empty", param="prompt", remedy="send some text, or input_ids")
        return prompt


class LmdeployFormat:
    """Shapes the answer to one request; each event of a stream has what came since the one before.

    Args:
        num_prompt_tokens: of the prompt.
    """

    def __init__(self, request: LmdeployRequest, num_prompt_tokens: int) -> None:
        self._with_logprobs = bool(request.return_logprob)
        self._num_prompt_tokens = num_prompt_tokens
        self._num_tokens = 0

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        (answer,) = answers.answers
        self._num_tokens = answer.text.num_tokens
        return self._body(answer.text.text, answer.token_ids, answer.logprobs, answer.finish_reason)

    def first_events(self) -> bytes:
        """Nothing."""
        return b""

    def events(self, delta: Delta) -> bytes:
        """A delta."""
        self._num_tokens += len(delta.token_ids)
        return event(self._body(delta.text.text, delta.token_ids, delta.logprobs, delta.finish_reason))

    def last_events(self, answers: Answers) -> bytes:
        """Nothing."""
        return b""

    def _body(
        self, text: str, token_ids: Sequence[int], logprobs: Sequence[TokenLogprobs], finish_reason: str | None
    ) -> dict[str, Any]:
        drawn = [scores(entry)[0] for entry in logprobs]
        meta = {
            "prompt_tokens": self._num_prompt_tokens,
            "completion_tokens": self._num_tokens,
            "finish_reason": {"type": finish_reason} if finish_reason else None,
            "output_token_logprobs": [(score, token_id) for token_id, score in drawn] if self._with_logprobs else None,
        }
        return {"text": text, "output_ids": token_ids, "meta_info": meta}
