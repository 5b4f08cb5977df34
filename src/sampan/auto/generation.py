"""How to generate, in the words of PaddleNLP and transformers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sampan.auto.keywords import refuse_unknown
from sampan.engine import SamplingParams
from sampan.engine.sampling_params import MAX_SEED
from sampan.errors import RequestError

STRATEGIES = {"greedy_search": False, "sampling": True}
_INSTEAD = {
    "min_length": "use min_new_tokens",
    "output_scores": "use LLM.generate with SamplingParams(logprobs=...)",
    "return_dict_in_generate": "leave it out: what comes back is one tensor of ids",
    "stopping_criteria": "use stop_strings, eos_token_id or max_new_tokens",
    "logits_processor": "use LLM.generate with SamplingParams(logit_bias=..., structured_outputs=...)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationConfig:
    """What `AutoModelForCausalLM.generate` may be told. None leaves a value to the advice in the model's
    `generation_config.json`.

    Args:
        max_length: most tokens of prompt and answer together, as in transformers. Padding does not count, so an answer
            is the same alone and in a batch. The context is a bound as well.
        max_new_tokens: most tokens of the answer; wins over `max_length`. With neither, the model ends its answer
            itself, or the context does.
        min_new_tokens: the answer does not end before.
        do_sample: draw; false takes the most probable token each time, whatever temperature and its like say.
        decode_strategy: PaddleNLP's word for it: `sampling` or `greedy_search`.
        temperature, top_p, top_k, min_p, repetition_penalty: see `SamplingParams`.
        num_return_sequences: answers for each prompt; they stand next to each other.
        eos_token_id: an id, or several, that end the answer in place of the model's own.
        pad_token_id: fills up answers that are shorter than others; None is the tokenizer's.
        stop_strings: a string, or several, that end the answer. The token that completes one is its last.
        seed: the same one gives the same tokens, alone or in a batch; a prompt's further sequences take the next ones.
        trunc_input: return what PaddleNLP returns: a pair of the new ids alone and their mean log-probabilities.
        num_beams: 1; there is no beam search.
        use_cache: true; keys and values are always kept.

    Raises:
        RequestError: a value cannot be served; `param` names it.
    """

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_new_tokens: int | None = None
    do_sample: bool | None = None
    decode_strategy: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    num_return_sequences: int = 1
    eos_token_id: int | Sequence[int] | None = None
    pad_token_id: int | None = None
    stop_strings: str | Sequence[str] | None = None
    seed: int | None = None
    trunc_input: bool = False
    num_beams: int = 1
    use_cache: bool = True

    def __post_init__(self) -> None:
        if self.num_beams != 1:
            raise RequestError("there is no beam search", param="num_beams", remedy="draw: do_sample=True")
        if not self.use_cache:
            raise RequestError("keys and values are always kept", param="use_cache", remedy="leave it out")
        if self.num_return_sequences < 1:
            raise RequestError(
                f"num_return_sequences={self.num_return_sequences} is out of range",
                param="num_return_sequences",
                remedy="use at least 1",
            )
        if self.decode_strategy is not None:
            self._check_strategy(self.decode_strategy)

    def _check_strategy(self, strategy: str) -> None:
        if strategy not in STRATEGIES:
            raise RequestError(
                f"decode_strategy={strategy!r} is not known",
                param="decode_strategy",
                remedy=f"use {' or '.join(STRATEGIES)}",
            )
        if self.do_sample not in (None, STRATEGIES[strategy]):
            raise RequestError(
                f"decode_strategy={strategy!r} and do_sample={self.do_sample} contradict each other",
                param="do_sample",
                remedy="give one of them",
            )

    def changed(self, **changes: Any) -> GenerationConfig:
        """With other values.

        Raises:
            ConfigError: a keyword is not known.
            RequestError: a value cannot be served.
        """
        refuse_unknown("generate", changes, (field.name for field in fields(self)), _INSTEAD)
        return replace(self, **changes)

    def sampling(
        self, advice: SamplingParams, num_prompt_tokens: int, own_eos: Sequence[int], max_model_len: int
    ) -> list[SamplingParams]:
        """Parameters of each answer to one prompt.

        Args:
            advice: of the model's makers.
            own_eos: ids that end the model's answers if nothing else is said.
            max_model_len: prompt and answer together.

        Raises:
            RequestError: a value is out of range.
        """
        names = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        values: dict[str, Any] = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        samples = self.do_sample if self.decode_strategy is None else STRATEGIES[self.decode_strategy]
        if samples is False:
            values["temperature"] = 0.0
        elif samples and advice.temperature == 0:
            values.setdefault("temperature", 1.0)
        if self.stop_strings is not None:
            values["stop"] = (self.stop_strings,) if isinstance(self.stop_strings, str) else tuple(self.stop_strings)
        if self.eos_token_id is not None:
            stops = (self.eos_token_id,) if isinstance(self.eos_token_id, int) else tuple(self.eos_token_id)
            values |= {"stop_token_ids": stops, "ignore_eos": not set(own_eos) <= set(stops)}
        params = replace(
            advice,
            **values,
            max_tokens=self._max_tokens(num_prompt_tokens, max_model_len),
            min_tokens=self.min_new_tokens or 0,
            logprobs=0 if self.trunc_input else None,
        )
        if self.seed is None:
            return [params] * self.num_return_sequences
        return [replace(params, seed=(self.seed + index) % MAX_SEED) for index in range(self.num_return_sequences)]

    def _max_tokens(self, num_prompt_tokens: int, max_model_len: int) -> int | None:
        if self.max_new_tokens is not None or self.max_length is None:
            return self.max_new_tokens
        if self.max_length <= num_prompt_tokens:
            raise RequestError(
                f"the prompt has {num_prompt_tokens} tokens, so max_length={self.max_length} leaves none to generate",
                param="max_length",
                remedy="max_length counts prompt and answer; bound the answer alone with max_new_tokens",
            )
        return min(self.max_length, max_model_len) - num_prompt_tokens
