"""The engine: schedule, execute, update.

It runs wherever `step` is called: in the caller's process for the Python API, in a thread or a process of its own for
the server. It is not thread-safe; one owner calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from sampan.backends.base import Backend, StepOutput, TokenLogprobs
from sampan.config import EngineConfig
from sampan.engine.batch import build_batch
from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.outputs import EngineOutput, FinishReason
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest, Scheduler
from sampan.engine.structured import GrammarCompiler, MaskWriter, TokenVocabulary
from sampan.errors import ContextLengthError, OverloadedError, RequestError, UnsupportedError


class Engine:
    """Serves many requests on one backend.

    Args:
        backend: with weights loaded and `config.num_blocks` KV-cache blocks allocated.
        num_blocks: blocks that the backend has.
        max_model_len: prompt and answer together, in tokens; at most what the blocks hold.
        eos_token_ids: ids that end an answer.
        vocab_size: ids from here on are padding.
        revision: salts the prefix cache.
        vocabulary: of the tokenizer, for structured output; None where answers cannot be constrained.
    """

    def __init__(
        self,
        backend: Backend,
        config: EngineConfig,
        *,
        num_blocks: int,
        max_model_len: int,
        eos_token_ids: Sequence[int],
        vocab_size: int,
        revision: str = "",
        vocabulary: TokenVocabulary | None = None,
    ) -> None:
        self.config = config
        self.max_model_len = min(max_model_len, num_blocks * config.block_size)
        self.vocab_size = vocab_size
        self.eos_token_ids = tuple(eos_token_ids)
        self._backend = backend
        self._grammars = None if vocabulary is None else GrammarCompiler(vocabulary)
        self._mask_writer = MaskWriter(vocab_size)
        self.kv_cache = KVCacheManager(
            num_blocks, config.block_size, enable_prefix_caching=config.enable_prefix_caching, revision=revision
        )
        self.scheduler = Scheduler(
            self.kv_cache, max_num_seqs=config.max_num_seqs, max_num_batched_tokens=config.max_num_batched_tokens
        )
        self._requests: dict[str, Request] = {}

    @property
    def has_unfinished(self) -> bool:
        """Whether another `step` has work."""
        return bool(self._requests)

    def prepare(self, params: SamplingParams) -> Future[Any] | None:
        """Begins what a request with such parameters would otherwise wait for in `add_request`; None where there is
        nothing. From any thread; the future is shared, so do not cancel it.

        Raises:
            RequestError: here or from the future, the structured output cannot be served.
            OverloadedError: too many grammars wait to be compiled.
        """
        if params.structured_outputs is None:
            return None
        return self._compiler().compile(params.structured_outputs)

    def _compiler(self) -> GrammarCompiler:
        if self._grammars is None:
            raise UnsupportedError(
                "this model's answers cannot be constrained: it has no end token",
                param="structured_outputs",
                remedy="leave it out",
            )
        return self._grammars

    def add_request(self, request: Request) -> None:
        """Queues a request.

        Raises:
            RequestError: the prompt is empty, an id is outside the vocabulary, the structured output cannot be served,
                or the request id is already open.
            ContextLengthError: the prompt leaves no room for an answer, or less than `max_tokens` asks for.
            OverloadedError: too many requests wait.
        """
        prompt_len, params = request.num_prompt_tokens, request.params
        if request.request_id in self._requests:
            raise RequestError(f"request id {request.request_id!r} is already open", remedy="use another id")
        if prompt_len == 0:
            raise RequestError("the prompt is empty", param="prompt", remedy="send at least one token")
        if not all(0 <= token_id < self.vocab_size for token_id in request.token_ids):
            raise RequestError(
                "the prompt holds an id outside the vocabulary", param="prompt", remedy=self._id_remedy()
            )
        for name, ids in (("logit_bias", params.logit_bias), ("stop_token_ids", params.stop_token_ids)):
            if not all(0 <= token_id < self.vocab_size for token_id in ids):
                raise RequestError(f"{name} holds an id outside the vocabulary", param=name, remedy=self._id_remedy())
        if prompt_len + (params.max_tokens or 1) > self.max_model_len:
            raise ContextLengthError(
                f"{prompt_len} prompt tokens and max_tokens={params.max_tokens or 1} exceed the context of "
                f"{self.max_model_len} tokens",
                param="max_tokens" if prompt_len < self.max_model_len else "prompt",
                remedy="shorten the prompt or ask for fewer tokens",
            )
        if len(self.scheduler.waiting) >= self.config.max_num_waiting:
            raise OverloadedError("too many requests wait", remedy="try again later")
        if params.structured_outputs is not None:
            prompt = request.token_ids[:prompt_len]
            request.matcher = self._compiler().matcher(params.structured_outputs, prompt)
        self._requests[request.request_id] = request
        self.scheduler.add(request)

    def abort(
        self, request_id: str, reason: FinishReason = FinishReason.ABORT, stop_reason: int | str | None = None
    ) -> None:
        """Ends a request now, if it is still open; its blocks are free on return."""
        request = self._requests.pop(request_id, None)
        if request is not None:
            self.scheduler.finish(request, reason, stop_reason)

    def step(self) -> list[EngineOutput]:
        """Computes one batch and returns what it brought."""
        scheduled = self.scheduler.schedule()
        if not scheduled:
            return []
        output = self._backend.execute(build_batch(scheduled, self.eos_token_ids, self._mask_writer))
        return self._update(scheduled, output)

    def _update(self, scheduled: list[ScheduledRequest], output: StepOutput) -> list[EngineOutput]:
        sampled = iter(zip(output.token_ids.tolist(), output.logprobs, strict=True))
        outputs = []
        for entry in scheduled:
            request, samples = entry.request, entry.samples
            num_before = request.num_computed_tokens
            request.num_computed_tokens += entry.num_new_tokens
            if not samples:
                self.kv_cache.register_computed(request, num_before)
                continue
            token_id, logprobs = next(sampled)
            if token_id < 0:
                outputs.append(self._fail(request))
                continue
            self.kv_cache.register_computed(request, num_before)
            outputs.append(self._append(request, token_id, logprobs))
        return outputs

    def _append(self, request: Request, token_id: int, logprobs: TokenLogprobs | None) -> EngineOutput:
        """Takes a drawn token in and ends the request where it says so."""
        request.token_ids.append(token_id)
        reason, stop_reason = self._finish_reason(request, token_id)
        if reason is not None:
            self.scheduler.finish(request, reason, stop_reason)
            del self._requests[request.request_id]
        return EngineOutput(
            request.request_id,
            (token_id,),
            (logprobs,) if logprobs is not None else (),
            reason,
            stop_reason,
            request.num_cached_tokens or 0,
        )

    def _finish_reason(self, request: Request, token_id: int) -> tuple[FinishReason | None, int | None]:
        params = request.params
        if token_id in self.eos_token_ids and not params.ignore_eos:
            return FinishReason.STOP, None
        if token_id in params.stop_token_ids:
            return FinishReason.STOP, token_id
        if request.num_output_tokens == params.max_tokens or request.num_tokens >= self.max_model_len:
            return FinishReason.LENGTH, None
        return None, None

    def _fail(self, request: Request) -> EngineOutput:
        """Ends a request for which nothing could be drawn: its grammar became too complex, or its logits were NaN or
        Inf, and then nobody may find what it left in the cache."""
        cause = "grammar" if request.matcher is not None and request.matcher.failed else "nan"
        self.kv_cache.distrust(request)
        self.scheduler.finish(request, FinishReason.ERROR, cause)
        del self._requests[request.request_id]
        return EngineOutput(request.request_id, (), (), FinishReason.ERROR, cause, request.num_cached_tokens or 0)

    def _id_remedy(self) -> str:
        return f"use ids 0 to {self.vocab_size - 1}"
