"""`AutoModelForCausalLM`: a model under the names that PaddleNLP and transformers gave it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from threading import Lock
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from sampan.auto.generation import GenerationConfig
from sampan.auto.keywords import refuse_unknown
from sampan.auto.streamers import Streamer
from sampan.auto.tensors import Int64Array, as_kind, is_paddle, read_matrix
from sampan.auto.tokenizer import AutoTokenizer
from sampan.config import EngineConfig, ModelConfig
from sampan.engine import LLM, FinishReason, RequestOutput, SamplingParams
from sampan.engine.loader import Progress
from sampan.errors import ConfigError, EngineError, RequestError, UnsupportedError

_PRECISIONS = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
# What they allow or ask for is so anyway: nothing is fetched, no code of a model runs, weights are mapped.
_NEEDLESS = ("trust_remote_code", "local_files_only", "low_cpu_mem_usage", "use_safetensors")
_INSTEAD = {
    "device_map": "name one device: device='gpu:0'; without it the CPU computes",
    "load_in_8bit": "use dtype='int8'",
    "load_in_4bit": "use dtype='int4'",
    "quantization_config": "use dtype='int8' or 'int4'",
    "cache_dir": "set SAMPAN_HOME",
    "revision": "give the folder of that revision",
}


class AutoModelForCausalLM:
    """A model that continues token ids. `from_pretrained` makes one.

    Args:
        llm: what computes.
    """

    def __init__(self, llm: LLM) -> None:
        self.llm = llm
        self.generation_config = GenerationConfig()
        self._pad_token_id = AutoTokenizer(llm.loaded.tokenizer).pad_token_id
        self._turn = Lock()  # an engine has one owner at a time, and streamers want threads

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | None = None,
        *,
        dtype: Any = None,
        torch_dtype: Any = None,
        precision: str = "auto",
        kv_cache: str = "auto",
        backend: str = "auto",
        device: str | None = None,
        threads: int | None = None,
        memory_limit: int | None = None,
        engine_config: EngineConfig | None = None,
        progress: Progress | None = None,
        **others: Any,
    ) -> AutoModelForCausalLM:
        """A model: a zoo name, a folder, a GGUF file; None is the embedded model.

        Args:
            dtype: how weights are held: `float32`, `float16`, `bfloat16`, `int8`, `int4`, by name or as Paddle's or
                numpy's own; `auto`, as None, takes what the backend does best. `torch_dtype` is the same.
            precision, kv_cache, backend, device, threads, memory_limit, engine_config, progress: see `LLM`.

        Raises:
            UnknownModelError, CheckpointError, TokenizerError: the model cannot be used.
            ConfigError: a keyword is not known, or its value.
        """
        known = ("dtype", "precision", "kv_cache", "backend", "device", "threads", "memory_limit", *_NEEDLESS)
        refuse_unknown("AutoModelForCausalLM.from_pretrained", others, known, _INSTEAD)
        wanted = {_precision(each) for each in (dtype, torch_dtype, precision)} - {"auto"}
        if len(wanted) > 1:
            raise ConfigError(
                f"dtype, torch_dtype and precision contradict each other: {', '.join(sorted(wanted))}",
                remedy="give one of them",
            )
        llm = LLM(
            name_or_path,
            precision=wanted.pop() if wanted else "auto",
            kv_cache=kv_cache,
            backend=backend,
            device=device,
            threads=threads,
            memory_limit=memory_limit,
            engine_config=engine_config,
            progress=progress,
        )
        return cls(llm)

    @property
    def config(self) -> ModelConfig:
        """The model's shape, under Hugging Face's names."""
        return self.llm.loaded.config

    @property
    def device(self) -> str:
        """Where inputs may lie: anywhere; they are taken from there."""
        return "cpu"

    def eval(self) -> AutoModelForCausalLM:
        """Itself: it is not for training."""
        return self

    def __call__(self, *inputs: Any, **keywords: Any) -> NoReturn:
        """There are no logits to be had here.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            "logits stay where they are computed",
            remedy="generate, ask LLM.generate for logprobs or prompt_logprobs, or take the layers of sampan.models",
        )

    def generate(
        self,
        input_ids: Any = None,
        generation_config: GenerationConfig | None = None,
        *,
        attention_mask: Any = None,
        streamer: Streamer | None = None,
        **changes: Any,
    ) -> Any:
        """Continues prompts, all in the same batches. A prompt's tokens are those that it gets alone.

        Args:
            input_ids: [prompts, tokens]: a Paddle tensor, an array or lists; or what the tokenizer gave.
            generation_config: in place of `self.generation_config`.
            attention_mask: of the same shape; 0 where there is padding. Without one, padding is what a row begins with
                of the tokenizer's padding tokens.
            streamer: is handed prompt and tokens; for one prompt and one sequence.
            changes: values of `GenerationConfig`, such as `max_new_tokens=512, do_sample=True, temperature=0.6`.

        Returns:
            [prompts * num_return_sequences, tokens] of int64: the prompts as they were given with what was generated
            behind them, an end token included, filled up with padding on the right. A Paddle tensor for a Paddle
            tensor, else an array. With `trunc_input`, see there.

        Raises:
            RequestError: a prompt or value cannot be served; nothing is left running.
            ConfigError: a keyword is not known.
            EngineError: the model computed NaN.
        """
        try:
            config = (generation_config or self.generation_config).changed(**changes)
            if isinstance(input_ids, Mapping):
                attention_mask = input_ids.get("attention_mask") if attention_mask is None else attention_mask
                input_ids = input_ids["input_ids"]
            return self._generate(input_ids, attention_mask, config, streamer)
        finally:
            if streamer is not None:
                streamer.end()

    def _generate(
        self, input_ids: Any, attention_mask: Any, config: GenerationConfig, streamer: Streamer | None
    ) -> Any:
        pad = self._pad_token_id if config.pad_token_id is None else config.pad_token_id
        matrix = read_matrix(input_ids, "input_ids")
        prompts = _prompts(matrix, attention_mask, pad)
        params = [self._sampling(config, prompt) for prompt in prompts]
        if streamer is None:
            rows = [prompt for prompt in prompts for _ in range(config.num_return_sequences)]
            with self._turn:
                outputs = self.llm.generate(prompt_token_ids=rows, sampling_params=[*chain(*params)])
        else:
            outputs = [self._stream(matrix, prompts, params, streamer)]
        answers = [_token_ids(output) for output in outputs]
        kind = "pd" if is_paddle(input_ids) else "np"
        new_ids = _filled(answers, 0 if pad is None else pad)
        if config.trunc_input:
            scores = [[float(np.mean([each.logprobs[0] for each in output.outputs[0].logprobs]))] for output in outputs]
            return as_kind(new_ids, kind), as_kind(np.asarray(scores, np.float32), kind)
        return as_kind(np.concatenate([matrix.repeat(config.num_return_sequences, 0), new_ids], axis=1), kind)

    def _sampling(self, config: GenerationConfig, prompt: Sequence[int]) -> list[SamplingParams]:
        loaded = self.llm.loaded
        engine = loaded.engine
        return config.sampling(loaded.sampling_defaults, len(prompt), engine.eos_token_ids, engine.max_model_len)

    def _stream(
        self,
        matrix: Int64Array,
        prompts: Sequence[Sequence[int]],
        params: Sequence[Sequence[SamplingParams]],
        streamer: Streamer,
    ) -> RequestOutput:
        if len(prompts) != 1 or len(params[0]) != 1:
            raise RequestError(
                "a streamer takes one sequence", param="streamer", remedy="give one prompt, and num_return_sequences=1"
            )
        streamer.put(matrix)
        with self._turn:
            for part in self.llm.stream(prompts[0], params[0][0]):
                if part.token_ids:
                    streamer.put(np.asarray(part.token_ids, np.int64))
                if part.output is not None:
                    return part.output
        raise AssertionError("a stream ends with its output")


def _precision(dtype: Any) -> str:
    """`float16`, `paddle.float16`, `numpy.float16` and `fp16` are one."""
    name = dtype.__name__ if isinstance(dtype, type) else str(dtype)
    name = "auto" if dtype is None else name.rpartition(".")[2]
    return _PRECISIONS.get(name, name)


def _prompts(matrix: Int64Array, attention_mask: Any, pad_token_id: int | None) -> list[list[int]]:
    """Rows without padding."""
    if attention_mask is None:
        is_token = np.logical_or.accumulate(matrix != (-1 if pad_token_id is None else pad_token_id), axis=1)
    else:
        mask = read_matrix(attention_mask, "attention_mask")
        if mask.shape != matrix.shape or not np.isin(mask, (0, 1)).all():
            raise RequestError(
                f"attention_mask is no matrix of 0 and 1 in the shape of input_ids, {list(matrix.shape)}",
                param="attention_mask",
                remedy="give the one that the tokenizer returned",
            )
        is_token = mask == 1
    return [row[kept].tolist() for row, kept in zip(matrix, is_token, strict=True)]


def _token_ids(output: RequestOutput) -> tuple[int, ...]:
    (answer,) = output.outputs
    if answer.finish_reason == FinishReason.ERROR.value:
        raise EngineError(
            "the model computed NaN", remedy="fetch its weights again, or try a wider dtype such as float32"
        )
    return answer.token_ids


def _filled(rows: Sequence[Sequence[int]], fill: int) -> npt.NDArray[np.int64]:
    """Rows as a matrix, filled up on the right."""
    filled = np.full((len(rows), max(map(len, rows), default=0)), fill, np.int64)
    for target, row in zip(filled, rows, strict=True):
        target[: len(row)] = row
    return filled
