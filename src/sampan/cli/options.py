"""The options that several verbs share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from sampan.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from sampan.cluster import EngineSpec
    from sampan.config import EngineConfig
    from sampan.engine import LLM, SamplingParams

Model = Annotated[str | None, Argument("a name from `sampan list`, or a folder; without one the embedded model")]
Json = Annotated[bool, Option("print JSON, for scripts")]
Thinking = Annotated[bool, Option("answer at once, without a thought")]
System = Annotated[str | None, Option("a system message before the conversation", metavar="TEXT")]


class Sampling(NamedTuple):
    """Sampling (unset: as the model's makers recommend)."""

    max_tokens: Annotated[int | None, Option("most tokens of thought and answer together")] = None
    thinking_token_budget: Annotated[int | None, Option("most tokens of the thought; then it is closed")] = None
    temperature: Annotated[float | None, Option("0 takes the most probable token; distills want 0.5 to 0.7")] = None
    top_p: Annotated[float | None, Option("draw from the most probable tokens that add up to X")] = None
    top_k: Annotated[int | None, Option("draw from the N most probable tokens")] = None
    min_p: Annotated[float | None, Option("drop tokens less probable than X times the most probable one")] = None
    seed: Annotated[int | None, Option("the same seed gives the same answer")] = None
    stop: Annotated[tuple[str, ...], Option("end before this text; may be given several times", metavar="TEXT")] = ()

    def over(self, defaults: SamplingParams) -> SamplingParams:
        """The defaults with what was given in their place.

        Raises:
            RequestError: a value is out of range.
        """
        from dataclasses import replace

        return replace(defaults, **{name: value for name, value in self._asdict().items() if value not in (None, ())})


class Engine(NamedTuple):
    """Engine."""

    precision: Annotated[str, Option("of the weights: int8, int4, bf16, fp16, fp32")] = "auto"
    kv_cache: Annotated[str, Option("of keys and values: fp16, bf16, int8, fp32")] = "auto"
    threads: Annotated[int | None, Option("threads that compute; unset: one for each core")] = None
    memory_limit: Annotated[str | None, Option("most memory for weights and KV cache, such as 6GB", metavar="SIZE")] = (
        None
    )
    device: Annotated[str | None, Option("in Paddle's words: gpu:0, npu:0; unset: the CPU")] = None
    speculation: Annotated[
        str, Option("guess from the text what comes next", metavar="WAY", choices=("ngram", "off"))
    ] = "ngram"
    max_model_len: Annotated[int | None, Option("most tokens of prompt and answer together")] = None
    load_format: Annotated[str, Option("dummy: random weights in the model's shape")] = "auto"

    def open(self, model: str | None, **limits: Any) -> LLM:
        """Loads a model; where that takes a while, with a spinner, or a bar while weights are converted. `limits` are
        fields of `EngineConfig`.

        Raises:
            UnknownModelError, CheckpointError, TokenizerError, ConfigError: it cannot be used.
        """
        from sampan.cli.interrupts import exit_on_interrupt, on_interrupt
        from sampan.cli.progress import progress

        with on_interrupt(exit_on_interrupt), progress(f"Loading {model or 'sampan-tiny'}") as report:
            from sampan.engine import LLM

            return LLM(model, engine_config=self._config(limits), progress=report, **self._settings())

    def spec(self, model: str | None, **limits: Any) -> EngineSpec:
        """The same for an engine process to load.

        Raises:
            ConfigError, UsageError: a value is out of range.
        """
        from sampan.cluster import EngineSpec

        return EngineSpec(model=model, config=self._config(limits), **self._settings())

    def _config(self, limits: Mapping[str, Any]) -> EngineConfig:
        from sampan.config import EngineConfig

        return EngineConfig(**{"max_model_len": self.max_model_len, "speculation": self.speculation, **limits})

    def _settings(self) -> dict[str, Any]:
        """What is said of loading, apart from the model."""
        from sampan.cli.sizes import read_bytes

        memory_limit = None if self.memory_limit is None else read_bytes(self.memory_limit, "--memory-limit")
        return {
            "precision": self.precision,
            "kv_cache": self.kv_cache,
            "threads": self.threads,
            "memory_limit": memory_limit,
            "device": self.device,
            "load_format": self.load_format,
        }
