"""The engine: schedule, execute, update.

It runs wherever `step` is called: in the caller's process for the Python API, in a thread or a process of its own for
the server. It is not thread-safe; one owner calls it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from sampan.backends.base import Backend, StepOutput
from sampan.config import EngineConfig
from sampan.engine.batch import build_batch
from sampan.engine.kv_cache import KVCacheManager
from sampan.engine.outputs import REPETITION, REPETITION_DETECTED, TIMEOUT, EngineOutput, FinishReason
from sampan.engine.prompt_reading import NO_PART, PromptPart, StepReads
from sampan.engine.reasoning_control import ReasoningControl, ThoughtTokens
from sampan.engine.request import Request
from sampan.engine.sampling_params import SamplingParams
from sampan.engine.scheduler import ScheduledRequest, Scheduler
from sampan.engine.speculative import Drafter, NgramDrafter
from sampan.engine.structured import AllowedTokens, GrammarCompiler, MaskWriter, TokenVocabulary
from sampan.engine.waiting_queue import WaitingQueue
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
        thought_tokens: how the model marks its thoughts; None for models that do not think.
        drafter: proposes drafts; None takes the one that `config.speculation` names.
        vocabulary: of the tokenizer, for structured output; None where answers cannot be constrained.
        clock: in seconds; deadlines refer to it.

    Attributes:
        num_drafted_tokens: drafts computed so far, and `num_accepted_tokens` of them were right.
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
        thought_tokens: ThoughtTokens | None = None,
        drafter: Drafter | None = None,
        vocabulary: TokenVocabulary | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.max_model_len = min(max_model_len, num_blocks * config.block_size)
        self.vocab_size = vocab_size
        self.eos_token_ids = tuple(eos_token_ids)
        self.revision = revision
        self.num_drafted_tokens = 0
        self.num_accepted_tokens = 0
        self._thought_tokens = thought_tokens
        self._drafter = drafter or (NgramDrafter() if config.speculation == "ngram" else None)
        self._backend = backend
        self._grammars = None if vocabulary is None else GrammarCompiler(vocabulary)
        self._mask_writer = MaskWriter(vocab_size)
        self.kv_cache = KVCacheManager(
            num_blocks, config.block_size, enable_prefix_caching=config.enable_prefix_caching, revision=revision
        )
        self.scheduler = Scheduler(
            self.kv_cache,
            WaitingQueue(
                max_requests=config.max_num_waiting,
                max_tokens=config.max_num_waiting_tokens,
                num_places=config.max_num_seqs,
            ),
            max_num_seqs=config.max_num_seqs,
            max_num_batched_tokens=config.max_num_batched_tokens,
            drafter=self._drafter,
        )
        self._clock = clock
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

    def check_room(self, request: Request) -> None:
        """Whether the queue would take this request now.

        Raises:
            OverloadedError: too many requests wait, or their prompts are too long together.
        """
        if not self.scheduler.waiting.has_room_for(request):
            raise OverloadedError.of_queue(self.scheduler.retry_after())

    def add_request(self, request: Request, *, accepted_before: bool = False) -> None:
        """Queues a request.

        Args:
            accepted_before: by an engine that is gone; there is room for it, then.

        Raises:
            RequestError: the prompt is empty, an id is outside the vocabulary, the structured output cannot be served,
                or the request id is already open.
            ContextLengthError: the prompt leaves no room for an answer, or less than `max_tokens` asks for.
            OverloadedError: see `check_room`.
        """
        self._check(request)
        if not accepted_before:
            self.check_room(request)
        if request.params.structured_outputs is not None:
            prompt = request.token_ids[: request.num_prompt_tokens]
            request.matcher = self._compiler().matcher(request.params.structured_outputs, prompt)
        if request.params.allowed_token_ids is not None:
            request.matcher = AllowedTokens(request.params.allowed_token_ids, self.vocab_size)
        request.max_output_tokens = min(request.max_output_tokens, self.max_model_len - request.num_prompt_tokens)
        if request.max_output_tokens > 0:
            request.control = ReasoningControl(
                request.token_ids,
                request.num_prompt_tokens,
                request.params,
                self._thought_tokens,
                request.max_output_tokens,
                answer_now=request.answer_now,
            )
        self._requests[request.request_id] = request
        self.scheduler.add(request, self._clock())

    def _check(self, request: Request) -> None:
        prompt_len, params = request.num_prompt_tokens, request.params
        if request.request_id in self._requests:
            raise RequestError(f"request id {request.request_id!r} is already open", remedy="use another id")
        if prompt_len == 0:
            raise RequestError("the prompt is empty", param="prompt", remedy="send at least one token")
        for name, ids in (
            ("prompt", request.token_ids),
            ("logit_bias", params.logit_bias),
            ("stop_token_ids", params.stop_token_ids),
            ("allowed_token_ids", params.allowed_token_ids or ()),
            ("bad_words", sum(params.bad_word_ids, ())),
        ):
            if ids and not (min(ids) >= 0 and max(ids) < self.vocab_size):
                remedy = f"use ids 0 to {self.vocab_size - 1}"
                raise RequestError(f"{name} holds an id outside the vocabulary", param=name, remedy=remedy)
        if params.allowed_token_ids is not None:
            ending = (*self.eos_token_ids, *params.stop_token_ids) if params.min_tokens else ()
            if not {*params.allowed_token_ids} - {ids[-1] for ids in params.bad_word_ids} - {*ending}:
                raise RequestError(
                    "allowed_token_ids leaves nothing to draw",
                    param="allowed_token_ids",
                    remedy="permit an id that no other field forbids",
                )
        answer_len = 1 if params.max_tokens is None else params.max_tokens
        if prompt_len + answer_len > self.max_model_len:
            raise ContextLengthError.of(prompt_len, answer_len, self.max_model_len)
        if params.thinking_token_budget is not None and self._thought_tokens is None:
            raise RequestError(
                "this model does not think", param="thinking_token_budget", remedy="leave thinking_token_budget out"
            )

    def abort(
        self, request_id: str, reason: FinishReason = FinishReason.ABORT, stop_reason: int | str | None = None
    ) -> None:
        """Ends a request now, if it is still open; its blocks are free on return."""
        request = self._requests.pop(request_id, None)
        if request is not None:
            self.scheduler.finish(request, reason, stop_reason)

    def answer_now(self, request_id: str) -> bool:
        """Closes the request's thought before the next token, so that the answer follows; false if it is not open.

        A thought that opens later is closed at once. To resume such a request, make it with `answer_now=True`.
        """
        request = self._requests.get(request_id)
        if request is None or request.control is None:
            return False
        request.answer_now = True
        request.control.ask_to_answer()
        return True

    def step(self) -> list[EngineOutput]:
        """Ends what is past its deadline, computes one batch, and returns what both brought."""
        now = self._clock()
        outputs = [self._end(request, FinishReason.ABORT, TIMEOUT) for request in self.scheduler.expired(now)]
        scheduled = self.scheduler.schedule(now)
        if not scheduled:
            return outputs
        output = self._backend.execute(build_batch(scheduled, self.eos_token_ids, self._mask_writer))
        outputs += self._update(scheduled, output)
        if self._drafter is not None and all([entry.num_new_tokens == 1 for entry in scheduled]):
            self._drafter.observe_step(sum([entry.num_rows for entry in scheduled]), self._clock() - now)
        return outputs

    def _update(self, scheduled: list[ScheduledRequest], output: StepOutput) -> list[EngineOutput]:
        token_ids = output.token_ids.tolist()
        outputs, first = [], 0
        parts = _read_prompts(scheduled, output)
        for entry in scheduled:
            request, num_before = entry.request, entry.request.num_computed_tokens
            request.num_computed_tokens = num_before + entry.num_new_tokens
            part = parts.get(request.request_id, NO_PART) if parts else NO_PART
            if part is None:
                first += 1 + len(entry.draft_token_ids) if entry.samples else 0
                outputs.append(self._fail(request))
                continue
            if not entry.samples:
                self.kv_cache.register_computed(request, num_before)
                outputs += self._tell_of_prompt(request, part)
                continue
            last = first + 1 + len(entry.draft_token_ids)
            drawn, logprobs = token_ids[first:last], output.logprobs[first:last]
            first = last
            if drawn[0] < 0:
                outputs.append(self._fail(request))
                continue
            num_taken, reason, stop_reason = self._take(entry, drawn)
            self.kv_cache.register_computed(request, num_before)
            if reason is not None:
                self.scheduler.finish(request, reason, stop_reason)
                del self._requests[request.request_id]
            elif entry.draft_token_ids:
                self.kv_cache.trim(request)
            outputs.append(
                EngineOutput(
                    request.request_id,
                    tuple(drawn[:num_taken]),
                    tuple([values for values in logprobs[:num_taken] if values is not None]),
                    reason,
                    stop_reason,
                    request.num_cached_tokens or 0,
                    part.logprobs,
                    None,
                    request.began_at if request.num_output_tokens == num_taken else None,
                )
            )
        return outputs

    def _tell_of_prompt(self, request: Request, part: PromptPart) -> list[EngineOutput]:
        """Output of a request that draws nothing in this step, where there is any. One that is only read ends with its
        prompt."""
        reason = None
        if request.max_output_tokens == 0 and request.num_pending_tokens == 0:
            reason = FinishReason.LENGTH
            self.scheduler.finish(request, reason)
            del self._requests[request.request_id]
        elif not part.logprobs:
            return []
        num_cached = request.num_cached_tokens or 0
        return [EngineOutput(request.request_id, (), (), reason, None, num_cached, part.logprobs, part.pooled)]

    def _take(self, entry: ScheduledRequest, drawn: Sequence[int]) -> tuple[int, FinishReason | None, int | str | None]:
        """Takes drawn tokens in as far as all drafts before them were right; returns how many, and why the request ends
        with them, if it does."""
        request, num_taken = entry.request, 0
        reason: FinishReason | None = None
        stop_reason: int | str | None = None
        while num_taken < len(drawn) and reason is None:
            if num_taken > 0:
                # A number for which NaN was drawn is left to the next step, which computes it anew and fails.
                was_right = drawn[num_taken - 1] == entry.draft_token_ids[num_taken - 1] and drawn[num_taken] >= 0
                if not was_right or request.forced_token_ids[:1] != entry.forced_token_ids[num_taken:][:1]:
                    break
                request.num_computed_tokens += 1
            request.token_ids.append(drawn[num_taken])
            reason, stop_reason = self._finish_reason(request, drawn[num_taken])
            num_taken += 1
        if entry.draft_token_ids and not entry.forced_token_ids:
            self.num_drafted_tokens += len(entry.draft_token_ids)
            self.num_accepted_tokens += num_taken - 1
            if self._drafter is not None and reason is None:
                self._drafter.learn(request, len(entry.draft_token_ids), num_taken - 1)
        return num_taken, reason, stop_reason

    def _finish_reason(self, request: Request, token_id: int) -> tuple[FinishReason | None, int | str | None]:
        params, control = request.params, request.control
        if token_id in self.eos_token_ids and not params.ignore_eos:
            return FinishReason.STOP, None
        if token_id in params.stop_token_ids:
            return FinishReason.STOP, token_id
        if request.num_output_tokens >= request.max_output_tokens:
            return FinishReason.LENGTH, None
        if control is not None:
            control.advance()
            if control.is_looping:
                return FinishReason.STOP, REPETITION
        detection = params.repetition_detection
        if detection is not None and detection.is_met(request.token_ids, request.num_prompt_tokens):
            return FinishReason.STOP, REPETITION_DETECTED
        return None, None

    def _fail(self, request: Request) -> EngineOutput:
        """Ends a request for which nothing could be drawn: its grammar became too complex, or its logits were NaN or
        Inf, and then nobody may find what it left in the cache."""
        self.kv_cache.distrust(request)
        has_failed = request.matcher is not None and request.matcher.failed
        return self._end(request, FinishReason.ERROR, "grammar" if has_failed else "nan")

    def _end(self, request: Request, reason: FinishReason, stop_reason: str) -> EngineOutput:
        """Ends a request without another token."""
        self.abort(request.request_id, reason, stop_reason)
        return EngineOutput(request.request_id, (), (), reason, stop_reason, request.num_cached_tokens or 0)


def _read_prompts(scheduled: list[ScheduledRequest], output: StepOutput) -> dict[str, PromptPart | None]:
    """What the step told of prompts, by request; None where that is NaN or Inf."""
    reading = [entry for entry in scheduled if entry.reads]
    if not reading:
        return {}
    step = StepReads(output, sum([1 + len(entry.draft_token_ids) for entry in scheduled if entry.samples]))
    parts: dict[str, PromptPart | None] = {}
    for entry in reading:
        if entry.request.reading is not None:
            parts[entry.request.request_id] = entry.request.reading.take(step, entry.reads)
    return parts
