"""`sampan chat`."""

from __future__ import annotations

import sys
from typing import Annotated

from sampan.cli.options import Engine, Model, Sampling, System, Thinking
from sampan.cli.parameters import Option


def chat(
    *,
    model: Model = None,
    system: System = None,
    thinking: Thinking = True,
    history: Annotated[bool, Option("keep no file of what was typed (SAMPAN_HOME/chat_history)")] = True,
    sampling: Sampling,
    engine: Engine,
) -> int:
    """Talks with a model: thoughts dimmed, answers plain.

    Ctrl-C stops an answer; Ctrl-D, /exit or Ctrl-C twice leaves; /help lists what else can be said.
    Messages may also come through a pipe, one a line.
    """
    from sampan.checkpoint.local.resolve import sampan_home
    from sampan.cli.chat_loop import HINT, ChatLoop
    from sampan.cli.conversation import Conversation
    from sampan.cli.line_reader import PipeReader, TerminalReader
    from sampan.cli.terminal import Style, printable
    from sampan.engine import SamplingParams

    sampling.over(SamplingParams())  # a value out of range is refused before the model is loaded
    llm = engine.open(model, max_num_seqs=1)
    template = llm.loaded.chat_template
    conversation = Conversation(
        llm,
        sampling.over(llm.loaded.sampling_defaults),
        num_prompt_tokens=lambda messages: len(template.encode(messages, thinking=thinking).token_ids),
        max_model_len=llm.loaded.engine.max_model_len,
        system=system,
        thinking=thinking,
    )
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if not interactive:
        ChatLoop(conversation, PipeReader(sys.stdin), interactive=False).run()
        return 0
    style = Style.of(sys.stdout)
    print(style.bold(printable(llm.loaded.name, lines=False)), style.dim(HINT))
    reader = TerminalReader(style.bold(">>> "), sampan_home() / "chat_history" if history else None)
    ChatLoop(conversation, reader, interactive=True).run()
    return 0
