"""`sampan generate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

from sampan.cli.options import Engine, Json, Model, Sampling, System, Thinking
from sampan.cli.parameters import Argument

if TYPE_CHECKING:
    from sampan.engine import RequestOutput


def generate(
    *,
    model: Model = None,
    prompt: Annotated[str, Argument("what to answer; - reads it from standard input")],
    system: System = None,
    thinking: Thinking = True,
    json: Json = False,
    sampling: Sampling,
    engine: Engine,
) -> int:
    """Answers one prompt: first the thought, dimmed, then the answer.

    In a file or a pipe the thought stands between <think> and </think>. With --json it prints
    {"reasoning_content", "content", "finish_reason", "usage"} instead.
    """
    from sampan.cli.answer import print_answer
    from sampan.cli.conversation import Answer
    from sampan.cli.output import print_json
    from sampan.cli.progress import progress
    from sampan.engine import SamplingParams

    text = read_prompt() if prompt == "-" else prompt
    messages = [{"role": "system", "content": system}] if system else []
    messages.append({"role": "user", "content": text})
    sampling.over(SamplingParams())  # a value out of range is refused before the model is loaded
    llm = engine.open(model, max_num_seqs=1)
    params = sampling.over(llm.loaded.sampling_defaults)
    answer = Answer(llm.stream_chat(messages, params, thinking=thinking))
    if json:
        with progress("Answering"):
            output = answer.complete()
        print_json(as_json(output))
    else:
        print_answer(answer)
    return 0


def read_prompt() -> str:
    """All of standard input.

    Raises:
        UsageError: it is not UTF-8.
    """
    from sampan.errors import UsageError

    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("the prompt on standard input is not UTF-8", remedy="convert it: iconv -t UTF-8") from error


def as_json(output: RequestOutput) -> dict[str, Any]:
    """An answer in OpenAI's words."""
    answer = output.outputs[0]
    num_prompt, num_completion = len(output.prompt_token_ids), len(answer.token_ids)
    return {
        "reasoning_content": answer.reasoning_content,
        "content": answer.content,
        "finish_reason": answer.finish_reason,
        "usage": {
            "prompt_tokens": num_prompt,
            "completion_tokens": num_completion,
            "total_tokens": num_prompt + num_completion,
            "completion_tokens_details": {"reasoning_tokens": answer.num_reasoning_tokens},
            "prompt_tokens_details": {"cached_tokens": output.num_cached_tokens},
        },
    }
