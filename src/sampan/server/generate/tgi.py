"""text-generation-inference's shape: `{"inputs", "parameters"}` in, `{"generated_text", "details"}` out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import Field

from sampan.backends.base import TokenLogprobs
from sampan.errors import RequestError
from sampan.server.answer import Answer, Answers, Delta
from sampan.server.fields import (
    MAX_COUNT,
    AdmissionFields,
    NumLogprobs,
    RequestModel,
    Seed,
    StopStrings,
    TokenLimit,
    TopK,
    TopP,
    within,
)
from sampan.server.http.dialects import TGI
from sampan.server.http.errors import error_facts
from sampan.server.http.streaming import Wire, event
from sampan.server.openai.logprobs import scores
from sampan.server.worded import WordedSampling
from sampan.text import Tokenizer

WIRE = Wire(
    "text/event-stream", error=lambda error: event(TGI.body(error_facts(error), "")), end=b"", ping=b": ping\n\n"
)


class TgiGrammar(RequestModel):
    """`parameters.grammar`."""

    type: Literal["json", "regex", "json_schema"]
    value: str | dict[str, Any]

    @property
    def regex(self) -> str | None:
        """The regular expression.

        Raises:
            RequestError: it is none.
        """
        if self.type != "regex":
            return None
        if not isinstance(self.value, str):
            raise RequestError("grammar.value is no regular expression", param="parameters", remedy="send a text")
        return self.value

    @property
    def schema_(self) -> str | dict[str, Any] | None:
        """The JSON schema; a named one lies a level deeper."""
        if self.type == "regex":
            return None
        if self.type == "json_schema" and isinstance(self.value, dict):
            schema: dict[str, Any] = self.value.get("schema", self.value)
            return schema
        return self.value


class TgiParameters(RequestModel):
    """`parameters`. `do_sample=false` is greedy; otherwise the model's own recommendation fills what is left open."""

    max_new_tokens: TokenLimit = 100
    do_sample: bool | None = None
    temperature: float | None = within("temperature")
    top_p: TopP | None = None
    top_k: TopK | None = None
    repetition_penalty: float | None = within("repetition_penalty")
    frequency_penalty: float | None = within("frequency_penalty")
    seed: Seed | None = None
    stop: StopStrings | None = None
    grammar: TgiGrammar | None = None
    details: bool | None = None
    return_full_text: bool | None = None
    truncate: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    top_n_tokens: NumLogprobs | None = None


class TgiRequest(AdmissionFields):
    """A text to go on from."""

    inputs: str = Field(min_length=1)
    parameters: TgiParameters | None = None
    stream: bool | None = None

    @property
    def own(self) -> TgiParameters:
        """The parameters, given or not."""
        return self.parameters or TgiParameters()

    def sampling(self) -> WordedSampling:
        """How tokens are drawn, and whose request it is."""
        own = self.own
        return WordedSampling.of(
            **self.admission(),
            max_tokens=own.max_new_tokens,
            temperature=0.0 if own.do_sample is False and own.temperature is None else own.temperature,
            top_p=own.top_p,
            top_k=own.top_k,
            repetition_penalty=own.repetition_penalty,
            frequency_penalty=own.frequency_penalty,
            seed=own.seed,
            stop=own.stop,
            logprobs=(own.top_n_tokens or 0) if own.details or self.stream else None,
            guided_json=own.grammar.schema_ if own.grammar else None,
            guided_regex=own.grammar.regex if own.grammar else None,
        )

    def cut(self, token_ids: Sequence[int]) -> Sequence[int]:
        """The end of the prompt that `truncate` leaves."""
        return token_ids if self.own.truncate is None else token_ids[-self.own.truncate :]


class TgiFormat:
    """Shapes the answer to one request; in a stream, an event for each token.

    A token's text is what the text grows by with it: nothing as long as a character or a stop string may be incomplete.
    """

    def __init__(self, tokenizer: Tokenizer, request: TgiRequest) -> None:
        self._tokenizer = tokenizer
        self._parameters = request.own
        self._prefix = request.inputs if request.own.return_full_text else ""
        self._num_events = 0
        self._last: dict[str, Any] = {}  # held back until the end is known

    def completion(self, answers: Answers) -> dict[str, Any]:
        """The whole body."""
        (answer,) = answers.answers
        body: dict[str, Any] = {"generated_text": self._prefix + answer.text.text}
        if self._parameters.details:
            tokens = [self._token(entry, self._text_of(entry)) for entry in answer.logprobs]
            details = {**self._end(answer), "prefill": [], "tokens": tokens}
            if self._parameters.top_n_tokens:
                details["top_tokens"] = [self._top(entry) for entry in answer.logprobs]
            body["details"] = details
        return body

    def first_events(self) -> bytes:
        """Nothing."""
        return b""

    def events(self, delta: Delta) -> bytes:
        """A delta's tokens; the text is the last one's."""
        data = b""
        for entry, text in zip(delta.logprobs, _texts(delta), strict=True):
            data += event(self._last) if self._last else b""
            self._num_events += 1
            self._last = {"index": self._num_events, "token": self._token(entry, text)}
            if self._parameters.top_n_tokens:
                self._last["top_tokens"] = self._top(entry)
            self._last |= {"generated_text": None, "details": None}
        if delta.text.text and not delta.logprobs:  # let go of at the end, by no token
            self._last["token"]["text"] += delta.text.text
        return data

    def last_events(self, answers: Answers) -> bytes:
        """The last token, with the whole text."""
        (answer,) = answers.answers
        details = {**self._end(answer), "input_length": answers.num_prompt_tokens}
        return event({**self._last, "generated_text": self._prefix + answer.text.text, "details": details})

    def _end(self, answer: Answer) -> dict[str, Any]:
        reason = "length" if answer.finish_reason == "length" else "eos_token"
        if answer.stop_reason in (self._parameters.stop or ()):
            reason = "stop_sequence"
        return {
            "finish_reason": reason,
            "generated_tokens": answer.text.num_tokens,
            "seed": self._parameters.seed,
        }

    def _token(self, entry: TokenLogprobs, text: str) -> dict[str, Any]:
        """Clients leave the text of special tokens out, so a token that carries other text is none."""
        token_id, logprob = scores(entry)[0]
        is_special = token_id in self._tokenizer.special_ids and text in ("", self._text_of(entry))
        return {"id": token_id, "text": text, "logprob": logprob, "special": is_special}

    def _top(self, entry: TokenLogprobs) -> list[dict[str, Any]]:
        special = self._tokenizer.special_ids
        return [
            {"id": token_id, "text": self._decoded(token_id), "logprob": logprob, "special": token_id in special}
            for token_id, logprob in scores(entry)[1:]
        ]

    def _text_of(self, entry: TokenLogprobs) -> str:
        return self._decoded(int(entry.token_ids[0]))

    def _decoded(self, token_id: int) -> str:
        return self._tokenizer.decode((token_id,), skip_special_tokens=False)


def _texts(delta: Delta) -> Iterator[str]:
    for _ in delta.logprobs[1:]:
        yield ""
    if delta.logprobs:
        yield delta.text.text
