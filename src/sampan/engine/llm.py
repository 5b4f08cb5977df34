"""The Python API: prompts in, answers out, in the calling process. Its shapes are vLLM's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sampan.backends.base import TokenLogprobs
from sampan.config import EngineConfig
from sampan.engine.loader import LoadedModel, Progress, load_model
from sampan.engine.outputs import CompletionOutput, EngineOutput, FinishReason, RequestOutput
from sampan.engine.reading import read_output
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.errors import RequestError
from sampan.text import TextDelta, TextStream

Message = Mapping[str, Any]
Params = SamplingParams | Sequence[SamplingParams] | None


@dataclass(frozen=True, slots=True)
class StreamPart:
    """A piece of a streamed answer: the tokens of a step, and the text that became certain with them. The last one is
    empty but for `output`, the whole answer."""

    delta: TextDelta
    token_ids: tuple[int, ...] = ()
    output: RequestOutput | None = None


class LLM:
    """A model in this process.

    Args:
        model: a zoo name or a folder; None is the embedded model.
        precision: of the weights: `int8`, `int4`, `bf16`, `fp16`, `fp32`; `auto` takes what the backend does best.
        kv_cache: of keys and values: `fp16`, `bf16`, `int8`, `fp32`; `auto` likewise.
        backend: `native` or `paddle`; `auto` is Paddle's where a device is named.
        device: in Paddle's words, such as `gpu:0`; None is the CPU.
        threads: None takes one for each physical core.
        load_format: `dummy` takes random weights in the model's shape, for measurements.
        memory_limit: bytes that weights, KV cache and working memory may take together.
        engine_config: the engine's limits.
        progress: is told of the conversion of weights: what is done, how much of it, of how much.

    Raises:
        UnknownModelError, CheckpointError, TokenizerError, ConfigError: the model cannot be used.

    Example:
        >>> llm = LLM()
        >>> [output] = llm.chat([{"role": "user", "content": "17+25=?"}])
        >>> print(output.outputs[0].content)
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        precision: str = "auto",
        kv_cache: str = "auto",
        backend: str = "auto",
        device: str | None = None,
        threads: int | None = None,
        load_format: str = "auto",
        memory_limit: int | None = None,
        engine_config: EngineConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._loaded = load_model(
            model,
            precision=precision,
            kv_cache=kv_cache,
            backend=backend,
            device=device,
            threads=threads,
            load_format=load_format,
            memory_limit=memory_limit,
            config=engine_config,
            progress=progress,
        )
        self._ids = count()

    @property
    def loaded(self) -> LoadedModel:
        """Tokenizer, template and engine behind this."""
        return self._loaded

    def generate(
        self,
        prompts: str | Sequence[str] | None = None,
        sampling_params: Params = None,
        *,
        prompt_token_ids: Sequence[Sequence[int]] | None = None,
        on_finished: Callable[[RequestOutput], None] | None = None,
    ) -> list[RequestOutput]:
        """Continues plain texts, or token ids as they are. All run together in the engine's batches.

        Args:
            prompts: texts; BOS is put in front where the model wants one.
            sampling_params: one for all, one for each, or None for the model's own advice.
            prompt_token_ids: instead of `prompts`.
            on_finished: is told of each answer as it ends, for progress displays.

        Returns:
            One output for each prompt, in the order given.

        Raises:
            RequestError: a prompt or parameter cannot be served; no request of the call is left running.
        """
        if (prompts is None) == (prompt_token_ids is None):
            raise RequestError("give either prompts or prompt_token_ids", param="prompts")
        texts: list[str | None]
        if prompts is not None:
            texts = [prompts] if isinstance(prompts, str) else list(prompts)
            encoded = [self._loaded.tokenizer.encode(text or "", add_bos=True) for text in texts]
        else:
            encoded = [list(ids) for ids in prompt_token_ids or ()]
            texts = [None] * len(encoded)
        return self._complete(texts, encoded, sampling_params, on_finished)

    def chat(
        self,
        messages: Sequence[Message] | Sequence[Sequence[Message]],
        sampling_params: Params = None,
        *,
        thinking: bool = True,
        on_finished: Callable[[RequestOutput], None] | None = None,
    ) -> list[RequestOutput]:
        """Answers one conversation, or several at once.

        Args:
            messages: `{"role": ..., "content": ...}` each; a list of them, or a list of such lists.
            sampling_params: one for all, one for each, or None for the model's own advice.
            thinking: false asks for an answer without a thought.
            on_finished: is told of each answer as it ends.

        Raises:
            RequestError: a message or parameter cannot be served.
        """
        several = messages and not isinstance(messages[0], Mapping)
        conversations: Any = messages if several else [messages]
        prompts = [self._loaded.chat_template.encode(conversation, thinking=thinking) for conversation in conversations]
        texts: list[str | None] = [prompt.text for prompt in prompts]
        return self._complete(texts, [prompt.token_ids for prompt in prompts], sampling_params, on_finished)

    def stream_chat(
        self, messages: Sequence[Message], sampling_params: SamplingParams | None = None, *, thinking: bool = True
    ) -> Iterator[StreamPart]:
        """Answers one conversation piece by piece. Closing the iterator early ends the request.

        Raises:
            RequestError: a message or parameter cannot be served.
        """
        prompt = self._loaded.chat_template.encode(messages, thinking=thinking)
        yield from self._stream(prompt.text, prompt.token_ids, sampling_params)

    def stream(
        self, prompt: str | Sequence[int], sampling_params: SamplingParams | None = None
    ) -> Iterator[StreamPart]:
        """Continues one plain text, or token ids as they are, piece by piece. Closing the iterator early ends the
        request.

        Raises:
            RequestError: the prompt or a parameter cannot be served.
        """
        text = prompt if isinstance(prompt, str) else None
        ids = self._loaded.tokenizer.encode(text, add_bos=True) if text is not None else list(map(int, prompt))
        yield from self._stream(text, ids, sampling_params)

    def _stream(
        self, text: str | None, prompt: Sequence[int], sampling_params: SamplingParams | None
    ) -> Iterator[StreamPart]:
        answer = self._answer(text, prompt, sampling_params or self._loaded.sampling_defaults)
        for _, part in self._run([answer]):
            yield part
        yield StreamPart(TextDelta(), output=answer.output())

    def _complete(
        self,
        texts: Sequence[str | None],
        prompts: Sequence[Sequence[int]],
        params: Params,
        on_finished: Callable[[RequestOutput], None] | None,
    ) -> list[RequestOutput]:
        if params is None or isinstance(params, SamplingParams):
            params = [params or self._loaded.sampling_defaults] * len(prompts)
        if len(params) != len(prompts):
            raise RequestError(
                f"{len(params)} sampling parameters for {len(prompts)} prompts",
                param="sampling_params",
                remedy="give one for all or one for each",
            )
        answers = [self._answer(*each) for each in zip(texts, prompts, params, strict=True)]
        for answer, _ in self._run(answers):
            if on_finished is not None and answer.finish_reason is not None:
                on_finished(answer.output())
        return [answer.output() for answer in answers]

    def _answer(self, text: str | None, prompt: Sequence[int], params: SamplingParams) -> _Answer:
        tokenizer = self._loaded.tokenizer
        stream = TextStream(
            tokenizer,
            stop=params.stop,
            include_stop=params.include_stop_str_in_output,
            skip_special_tokens=params.skip_special_tokens,
            starts_in_reasoning=tokenizer.is_in_reasoning(prompt),
        )
        return _Answer(text, Request(f"llm-{next(self._ids)}", prompt, params), stream)

    def _run(self, answers: Sequence[_Answer]) -> Iterator[tuple[_Answer, StreamPart]]:
        """Steps until all have ended; yields after each step of each answer. Whatever happens, none is left in the
        engine."""
        engine = self._loaded.engine
        waiting = list(reversed(answers))
        open_answers: dict[str, _Answer] = {}
        try:
            while waiting or open_answers:
                # The engine's queue is bounded, and a call may bring more prompts than it takes.
                while waiting and engine.scheduler.waiting.has_room_for(waiting[-1].request):
                    answer = waiting.pop()
                    engine.add_request(answer.request)
                    open_answers[answer.request.request_id] = answer
                for output in engine.step():
                    answer = open_answers[output.request_id]
                    part = answer.take(output)
                    if answer.finish_reason is not None:
                        engine.abort(output.request_id)  # of stop strings the engine does not know
                        del open_answers[output.request_id]
                    yield answer, part
        finally:
            for request_id in open_answers:
                engine.abort(request_id)


class _Answer:
    """One request of this API on its way, and its text so far."""

    def __init__(self, prompt: str | None, request: Request, stream: TextStream) -> None:
        self.prompt, self.request, self.stream = prompt, request, stream
        self.finish_reason: FinishReason | None = None
        self.stop_reason: int | str | None = None
        self._token_ids: list[int] = []
        self._logprobs: list[TokenLogprobs] = []
        self._prompt_logprobs: list[TokenLogprobs] = []

    def take(self, output: EngineOutput) -> StreamPart:
        """Takes a step's output in and returns what it added."""
        num_before = self.stream.num_tokens
        delta, self.finish_reason, self.stop_reason = read_output(self.stream, output)
        num_taken = self.stream.num_tokens - num_before  # what came behind a stop string does not count
        token_ids = output.new_token_ids[:num_taken]
        self._token_ids += token_ids
        self._logprobs += output.logprobs[:num_taken]
        self._prompt_logprobs += output.prompt_logprobs
        return StreamPart(delta, token_ids)

    def output(self) -> RequestOutput:
        """The whole answer, once it has ended."""
        completion = CompletionOutput(
            index=0,
            text=self.stream.text,
            token_ids=tuple(self._token_ids),
            finish_reason=self.finish_reason.value if self.finish_reason is not None else FinishReason.ABORT.value,
            stop_reason=self.stop_reason,
            logprobs=tuple(self._logprobs),
            reasoning_content=self.stream.reasoning,
            content=self.stream.content,
            num_reasoning_tokens=self.stream.num_reasoning_tokens,
        )
        prompt_ids = tuple(self.request.token_ids[: self.request.num_prompt_tokens])
        return RequestOutput(
            self.request.request_id,
            self.prompt,
            prompt_ids,
            (completion,),
            self.request.num_cached_tokens or 0,
            tuple(self._prompt_logprobs),
        )
