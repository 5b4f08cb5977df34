"""The options that several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from sampan.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from sampan.engine import LLM, SamplingParams

Model = Annotated[str | None, Argument("a name from `sampan list`, or a folder; without one the embedded model")]
Json = Annotated[bool, Option("print JSON, for scripts")]
Thinking = Annotated[bool, Option("answer at once, without a thought")]
System = Annotated[str | None, Option("a system message before the conversation", metavar="TEXT")]


class Sampling(NamedTuple):
    """Sampling (unset: as the model's makers recommend)."""

    max_tokens: Annotated[int | None, Option("most tokens of thought and answer together")] = None
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

    precision: Annotated[str, Option("of the weights; auto takes what suits the machine")] = "auto"
    device: Annotated[str | None, Option("where to compute, in Paddle's words: cpu, gpu:0, npu:0")] = None
    max_model_len: Annotated[int | None, Option("most tokens of prompt and answer together")] = None

    def open(self, model: str | None, **limits: Any) -> LLM:
        """Loads a model, with a spinner where that takes a while. `limits` are fields of `EngineConfig`.

        Raises:
            UnknownModelError, CheckpointError, TokenizerError, ConfigError: it cannot be used.
        """
        from sampan.cli.interrupts import exit_on_interrupt, on_interrupt
        from sampan.cli.progress import progress

        with on_interrupt(exit_on_interrupt), progress(f"Loading {model or 'sampan-tiny'}"):
            from sampan.config import EngineConfig
            from sampan.engine import LLM

            config = EngineConfig(max_model_len=self.max_model_len, **limits)
            return LLM(model, precision=self.precision, device=self.device, engine_config=config)
