"""The options that several verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from sampan.cli.parameters import Argument, Option

if TYPE_CHECKING:
    from sampan.engine import SamplingParams

EMBEDDED = "sampan-tiny"

Model = Annotated[str, Argument("a name from `sampan list` or a folder")]
Json = Annotated[bool, Option("print JSON, for scripts")]
Thinking = Annotated[bool, Option("answer at once, without a thought")]
System = Annotated[str | None, Option("a system message before the conversation", metavar="TEXT")]


class Sampling(NamedTuple):
    """Sampling (unset: as the model's makers recommend)."""

    max_tokens: Annotated[int | None, Option("most tokens of thought and answer together")] = None
    temperature: Annotated[float | None, Option("0 always takes the most probable token; distills want 0.5 to 0.7")] = None
    top_p: Annotated[float | None, Option("draw from the most probable tokens that add up to X")] = None
    top_k: Annotated[int | None, Option("draw from the N most probable tokens")] = None
    min_p: Annotated[float | None, Option("drop tokens less probable than X times the most probable one")] = None
    seed: Annotated[int | None, Option("the same seed gives the same answer")] = None
    stop: Annotated[tuple[str, ...], Option("end before this text; may be given several times", metavar="TEXT")] = ()
