"""From checked messages to the turns that a chat template shows.

R1's template loses the calls of a message that also has text, closes neither a single call nor a second round of
results, and forgets all system messages but the last. It is right about plain turns. So calls and results are written
here, in its own syntax, into the assistant's plain turn that they belong to: `text, calls, end of sentence, results,
text`. That holds for every template that says nothing of tools itself; others get messages as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sampan.text.messages import ChatMessage
from sampan.text.tool_syntax import describe_tools, show_calls, show_outputs

Guard = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a template shows as one message; its text is guarded.

    Args:
        is_open: an assistant's that ends in results: the model goes on in it.
    """

    role: str
    content: str
    is_open: bool = False


def turns_of(chat: Sequence[ChatMessage], guard: Guard, eos: str) -> list[Turn]:
    """All messages as plain turns.

    Args:
        guard: keeps special tokens out of what is not ours.
        eos: ends what the model writes, before results follow.
    """
    turns: list[Turn] = []
    outputs: list[str] = []
    for index, message in enumerate(chat):
        shown = message.for_template()["content"] or ""
        if message.role != "tool":
            _add(turns, message.role, guard(shown) + _calls_of(message, guard))
            continue
        outputs.append(guard(shown))
        if index + 1 == len(chat) or chat[index + 1].role != "tool":
            is_begun = bool(turns) and turns[-1].role == "assistant"
            begun = turns.pop().content + eos if is_begun else ""
            turns.append(Turn("assistant", begun + show_outputs(outputs), is_open=True))
            outputs = []
    return turns


def with_system_text(turns: Sequence[Turn], text: str, *, joins_all: bool) -> list[Turn]:
    """The turns with `text` behind the system text that they begin with.

    Args:
        joins_all: all system texts become that one, as the template would show just one of them.
    """
    is_joined = [turn.role == "system" and (joins_all or index == 0) for index, turn in enumerate(turns)]
    systems = [turn.content for turn, joins in zip(turns, is_joined, strict=True) if joins]
    others = [turn for turn, joins in zip(turns, is_joined, strict=True) if not joins]
    whole = "\n\n".join(filter(None, (*systems, text)))
    return [Turn("system", whole), *others] if whole else others


def tools_text(tools: Sequence[Mapping[str, Any]], guard: Guard) -> str:
    """The system's words on tools in the shape of OpenAI's requests; empty without any."""
    functions = [json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools]
    return describe_tools(map(guard, functions)) if functions else ""


def _add(turns: list[Turn], role: str, content: str) -> None:
    """What follows results is still the same turn of the assistant."""
    if role == "assistant" and turns and turns[-1].is_open:
        content = turns.pop().content + content
    turns.append(Turn(role, content))


def _calls_of(message: ChatMessage, guard: Guard) -> str:
    calls = [call["function"] for call in message.tool_calls]
    return show_calls((guard(call["name"]), guard(call["arguments"])) for call in calls) if calls else ""
