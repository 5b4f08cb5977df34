"""`sampan chat`."""

from __future__ import annotations

from typing import Annotated

from sampan.cli.options import EMBEDDED, Model, Sampling, System, Thinking
from sampan.cli.parameters import Option


def chat(
    *,
    model: Model = EMBEDDED,
    system: System = None,
    thinking: Thinking = True,
    history: Annotated[bool, Option("keep no file of what was typed")] = True,
    sampling: Sampling,
) -> int:
    """Talks with a model: thoughts dimmed, answers plain. Ctrl-C stops an answer; Ctrl-D, /exit or Ctrl-C twice leaves.

    /help lists what else can be said. Messages may also come through a pipe, one a line.
    """
    raise NotImplementedError
