"""`sampan generate`."""

from __future__ import annotations

from typing import Annotated

from sampan.cli.options import EMBEDDED, Json, Model, Sampling, System, Thinking
from sampan.cli.parameters import Argument


def generate(
    *,
    model: Model = EMBEDDED,
    prompt: Annotated[str, Argument("what to answer; - reads it from standard input")],
    system: System = None,
    thinking: Thinking = True,
    json: Json = False,
    sampling: Sampling,
) -> int:
    """Answers one prompt. The thought comes dimmed before the answer (between <think> and </think> in a file or pipe).

    With --json it prints {"reasoning_content", "content", "finish_reason", "usage"} instead.
    """
    return 0
