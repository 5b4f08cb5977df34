"""A model's answers to the tasks: through the engine that serves it, with seeds that are always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sampan.engine import LLM, CompletionOutput, SamplingParams
from sampan.engine.loop_guard import find_cycle
from sampan.engine.outputs import REPETITION
from sampan.evaluation.grading import is_right
from sampan.evaluation.material import Task

SEED = 1_000_003  # of the first task; the others follow


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to a task.

    Args:
        thought_tokens: of the thought, `</think>` included.
        num_tokens: of thought and answer together.
        looped: it was ended, or its thought was, because it repeated itself; or it did so at its last token.
        token_ids: of prompt and answer, and `num_prompt_tokens` of them are the prompt's.
    """

    thought: str
    content: str
    right: bool
    thought_tokens: int
    num_tokens: int
    looped: bool
    finish_reason: str
    token_ids: tuple[int, ...]
    num_prompt_tokens: int


def answer_tasks(
    llm: LLM,
    tasks: Sequence[Task],
    sampling: SamplingParams,
    max_tokens: int,
    on_finished: Callable[[int], None],
) -> list[Answer]:
    """Answers all tasks together, in their order.

    Equal seeds mean equal random numbers at equal positions: two models that agree on the distributions write the same
    answers, so what differs between answers comes from the models and not from the dice.

    Args:
        max_tokens: of an answer, at most; less where the context leaves less.
        on_finished: is told how many are answered.
    """
    loaded, done = llm.loaded, 0

    def count(_: object) -> None:
        nonlocal done
        done += 1
        on_finished(done)

    params = []
    for index, task in enumerate(tasks):
        room = loaded.engine.max_model_len - len(loaded.chat_template.encode(list(task.messages)).token_ids)
        limit = max(min(max_tokens, room), 1)
        params.append(replace(sampling, seed=SEED + index, max_tokens=limit))
    outputs = llm.chat([list(task.messages) for task in tasks], params, on_finished=count) if tasks else []
    think_end = loaded.tokenizer.think_end_id
    return [
        _answer(task, output.prompt_token_ids, output.outputs[0], think_end)
        for task, output in zip(tasks, outputs, strict=True)
    ]


def _answer(task: Task, prompt: tuple[int, ...], completion: CompletionOutput, think_end: int | None) -> Answer:
    content = completion.content or ""
    return Answer(
        thought=completion.reasoning_content or "",
        content=content,
        right=is_right(task.answer, content),
        thought_tokens=completion.num_reasoning_tokens,
        num_tokens=len(completion.token_ids),
        looped=completion.stop_reason == REPETITION or _repeats_itself(completion.token_ids, think_end),
        finish_reason=completion.finish_reason,
        token_ids=(*prompt, *completion.token_ids),
        num_prompt_tokens=len(prompt),
    )


def _repeats_itself(token_ids: Sequence[int], think_end: int | None) -> bool:
    """Whether the answer ends in a loop, or its thought did before it was closed, for which a new line is written."""
    ends = [len(token_ids)]
    if think_end is not None and think_end in token_ids:
        end = token_ids.index(think_end)
        ends += [end, end - 1]
    return any(find_cycle(token_ids[:end]) for end in ends if end > 0)
