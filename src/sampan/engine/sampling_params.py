"""How a request wants its tokens drawn. Names, meanings and defaults are vLLM's, which are OpenAI's where OpenAI has
them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from sampan.engine.repetition import RepetitionDetection
from sampan.engine.structured.params import StructuredOutputsParams
from sampan.errors import RequestError

MAX_LOGPROBS = 20
MAX_STOP_STRINGS = 16
MAX_STOP_CHARS = 256
MAX_STOP_TOKEN_IDS = 64
MAX_ALLOWED_TOKEN_IDS = 16384
MAX_BAD_WORDS = 64
MAX_BAD_WORD_TOKENS = 320  # 64 characters of four bytes each, and a blank
MAX_LOGIT_BIAS = 1024
MAX_SEED = 2**63 - 1
POOLINGS = ("mean", "last")

RANGES: Mapping[str, tuple[float, float]] = {  # both ends included; top_p=0 would leave no token
    "temperature": (0.0, 100.0),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.01, 100.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
MAX_ABS_LOGIT_BIAS = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """Immutable; validated when made.

    Args:
        max_tokens: most tokens to generate; None means up to the end of the context. 0, where the prompt is only read:
            with `prompt_logprobs` or `pooling`.
        temperature: 0 is greedy; R1 distills want 0.5 to 0.7.
        top_k: draw from the k most probable tokens; 0 or -1 from all.
        top_p: draw from the most probable tokens whose probabilities add up to p (nucleus sampling, arXiv:1904.09751).
        min_p: drop tokens less probable than min_p times the most probable one (arXiv:2407.01082).
        seed: the draw at each position depends on seed and position alone; None takes a random seed for the request.
        repetition_penalty: divides positive and multiplies negative logits of tokens already seen (arXiv:1909.05858).
        presence_penalty: subtracted once from the logits of tokens already generated.
        frequency_penalty: subtracted for each time that a token was generated.
        logit_bias: token id -> value added to its logit.
        stop: strings that end the answer; not part of it unless `include_stop_str_in_output`.
        stop_token_ids: ids that end the answer, besides the model's own.
        ignore_eos: go on past the model's end tokens.
        min_tokens: end tokens and stop ids are not drawn before this many tokens.
        logprobs: None for none; 0 for the drawn token's; n for the n most probable ones besides.
        prompt_logprobs: the same for the tokens of the prompt, given those before them. They are the model's own,
            without penalties, bias and mask. The first token has none.
        pooling: what to make of the prompt's hidden states behind the last norm: their "mean", or the "last" token's,
            with length 1 (L2).
        prompt_read_start: the first token of the prompt that has a log-probability or part in the mean. What is before
            may come from the prefix cache, what follows is computed anew.
        skip_special_tokens: leave special tokens out of the text.
        structured_outputs: what the answer must look like. The thought before it is free. It ends where the constraint
            lets it end; `max_tokens` and `stop` may cut it short.
        thinking_token_budget: most tokens of a thought; then it is closed and the answer follows. 0 closes it at once.
        answer_reserve: a thought is closed when only this many tokens are left for the answer, so that `max_tokens` (or
            the context's end) does not leave it empty; 0 for none. None takes 512, at most a quarter of what there is;
            none where that is very little, nor with `ignore_eos`.
        allowed_token_ids: the only ids that may be drawn; None permits all.
        bad_word_ids: sequences of ids that the output never holds: the last one of each is not drawn behind the others.
        repetition_detection: end the answer where its end repeats itself, in a way that the request describes.
        loop_guard: a thought that repeats itself is closed, an answer that does is ended with the stop reason
            "repetition"; not with `ignore_eos`, which asks for length, nor under a constraint, which may ask for it.

    Raises:
        RequestError: a value is out of range; `param` names it.
    """

    max_tokens: int | None = None
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    include_stop_str_in_output: bool = False
    ignore_eos: bool = False
    min_tokens: int = 0
    logprobs: int | None = None
    prompt_logprobs: int | None = None
    pooling: str | None = None
    prompt_read_start: int = 0
    skip_special_tokens: bool = True
    structured_outputs: StructuredOutputsParams | None = None
    thinking_token_budget: int | None = None
    answer_reserve: int | None = None
    allowed_token_ids: tuple[int, ...] | None = None
    bad_word_ids: tuple[tuple[int, ...], ...] = ()
    repetition_detection: RepetitionDetection | None = None
    loop_guard: bool = True

    def __post_init__(self) -> None:
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)
        object.__setattr__(self, "stop", stop)
        object.__setattr__(self, "stop_token_ids", tuple(self.stop_token_ids))
        object.__setattr__(self, "top_k", max(self.top_k, 0))
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:  # also false for NaN
                raise RequestError(f"{name}={value} is out of range", param=name, remedy=f"use {low:g} to {high:g}")
        if self.top_p == 0.0:
            raise RequestError("top_p=0 leaves no token", param="top_p", remedy="use a value above 0, or temperature=0")
        reads_prompt = self.prompt_logprobs is not None or self.pooling is not None
        if self.max_tokens is not None and self.max_tokens < (0 if reads_prompt else 1):
            raise RequestError(
                f"max_tokens={self.max_tokens} is out of range", param="max_tokens", remedy="use at least 1"
            )
        if self.pooling is not None and (self.pooling not in POOLINGS or self.max_tokens != 0):
            raise RequestError(
                f"pooling={self.pooling!r} is not known, or there is an answer as well",
                param="pooling",
                remedy=f"use {' or '.join(POOLINGS)}, with max_tokens=0",
            )
        if self.pooling is not None and self.prompt_logprobs is not None:
            raise RequestError(
                "pooling and prompt_logprobs are two requests", param="pooling", remedy="send one of them"
            )
        if self.prompt_read_start < 0:
            raise RequestError(
                f"prompt_read_start={self.prompt_read_start} is out of range",
                param="prompt_read_start",
                remedy="use 0 or more",
            )
        if self.min_tokens < 0 or (self.max_tokens is not None and self.min_tokens > self.max_tokens):
            raise RequestError(
                f"min_tokens={self.min_tokens} is out of range", param="min_tokens", remedy="use 0 to max_tokens"
            )
        if self.thinking_token_budget is not None and self.thinking_token_budget < 0:
            raise RequestError(
                f"thinking_token_budget={self.thinking_token_budget} is out of range",
                param="thinking_token_budget",
                remedy="use 0 or more",
            )
        if self.answer_reserve is not None and not 0 <= self.answer_reserve < (self.max_tokens or sys.maxsize):
            raise RequestError(
                f"answer_reserve={self.answer_reserve} is out of range",
                param="answer_reserve",
                remedy="use 0 or more, and less than max_tokens",
            )
        for name in ("logprobs", "prompt_logprobs"):
            count = getattr(self, name)
            if count is not None and not 0 <= count <= MAX_LOGPROBS:
                raise RequestError(f"{name}={count} is out of range", param=name, remedy=f"use 0 to {MAX_LOGPROBS}")
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise RequestError(f"seed={self.seed} is out of range", param="seed", remedy="use 0 to 2**63 - 1")
        if len(stop) > MAX_STOP_STRINGS or any(not 0 < len(text) <= MAX_STOP_CHARS for text in stop):
            raise RequestError(
                "stop holds too many, empty or too long strings",
                param="stop",
                remedy=f"use at most {MAX_STOP_STRINGS} strings of 1 to {MAX_STOP_CHARS} characters",
            )
        if len(self.stop_token_ids) > MAX_STOP_TOKEN_IDS:
            raise RequestError(
                "stop_token_ids holds too many ids", param="stop_token_ids", remedy=f"use at most {MAX_STOP_TOKEN_IDS}"
            )
        biases = self.logit_bias.values()
        if len(biases) > MAX_LOGIT_BIAS or any(not abs(value) <= MAX_ABS_LOGIT_BIAS for value in biases):
            bound = f"{MAX_ABS_LOGIT_BIAS:g}"
            raise RequestError(
                "logit_bias holds too many ids or a value out of range",
                param="logit_bias",
                remedy=f"use at most {MAX_LOGIT_BIAS} ids with values -{bound} to {bound}",
            )
        self._check_vocabulary()
        if self.structured_outputs is not None and (self.ignore_eos or self.min_tokens):
            raise RequestError(
                "structured_outputs says where the answer ends; ignore_eos and min_tokens say otherwise",
                param="structured_outputs",
                remedy="send one of them",
            )

    def _check_vocabulary(self) -> None:
        if self.allowed_token_ids is not None and not 0 < len(self.allowed_token_ids) <= MAX_ALLOWED_TOKEN_IDS:
            raise RequestError(
                "allowed_token_ids holds no or too many ids",
                param="allowed_token_ids",
                remedy=f"use 1 to {MAX_ALLOWED_TOKEN_IDS}",
            )
        if len(self.bad_word_ids) > MAX_BAD_WORDS or any(
            not 0 < len(ids) <= MAX_BAD_WORD_TOKENS for ids in self.bad_word_ids
        ):
            raise RequestError(
                "bad_words holds too many, empty or too long words",
                param="bad_words",
                remedy=f"use at most {MAX_BAD_WORDS} words of 1 to {MAX_BAD_WORD_TOKENS} tokens",
            )
        limits = self.allowed_token_ids is not None or self.bad_word_ids
        if limits and self.structured_outputs is not None:
            raise RequestError(
                "structured_outputs says which tokens may come; allowed_token_ids and bad_words say otherwise",
                param="structured_outputs",
                remedy="send one of them",
            )

    @property
    def edits_logits(self) -> bool:
        """Whether single logits are changed before a token is drawn."""
        return bool(self.has_penalties or self.min_tokens > 0 or self.logit_bias or self.bad_word_ids)

    @property
    def has_penalties(self) -> bool:
        """Whether tokens seen before weigh less or more."""
        return (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) != (1.0, 0.0, 0.0)
