"""Finds tool calls in an answer, in a stream.

A call counts once its head is whole: the opening tag, a known function's name and the `{` of its arguments. Whatever
only resembles one stays text. From there on the arguments leave as they come, up to the brace that closes them; what
is in a string closes nothing. They are given as the model wrote them: a client has to check them, as with OpenAI.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from sampan.text.tool_syntax import CALL_BEGIN, CALL_END, CALLS_BEGIN, CALLS_END, SEPARATOR, spellings

MAX_HEAD_CHARS = 256  # from the opening tag to the arguments
MAX_BLANKS = 64  # before a call, that are dropped
_ANY_CALLS_BEGIN = (*spellings(CALLS_BEGIN), *spellings("<｜tool▁calls｜>"))
_OPENINGS = (*_ANY_CALLS_BEGIN, *spellings(CALL_BEGIN))
_CLOSINGS = ("```", *spellings(CALL_END), *spellings(CALLS_END))


def _any_of(texts: Collection[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, texts))})"


_OPENING = re.compile(_any_of(_OPENINGS))
_SEPARATOR = _any_of(spellings(SEPARATOR))
# With or without the type and the fence: later models of the family leave them out.
_HEAD = re.compile(
    rf"{_any_of(_ANY_CALLS_BEGIN)}?\s*{_any_of(spellings(CALL_BEGIN))}?\s*(?:function\s*{_SEPARATOR})?\s*"
    rf"([\w.-]+)\s*{_SEPARATOR}?\s*(?:```(?:json)?)?\s*",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """What a piece of text added to call `index`; the name comes with the first piece."""

    index: int
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """What a piece of text added, in order: texts of the content and deltas of calls."""

    pieces: tuple[str | ToolCallDelta, ...] = ()

    @property
    def content(self) -> str:
        """The content alone."""
        return "".join([piece for piece in self.pieces if isinstance(piece, str)])

    @property
    def calls(self) -> list[ToolCallDelta]:
        """The calls alone."""
        return [piece for piece in self.pieces if not isinstance(piece, str)]


class ToolParser:
    """However the text is split over `push`, content and calls are those of the whole.

    Args:
        names: of the functions that may be called.
        max_calls: further ones are left out.
    """

    def __init__(self, names: Collection[str], max_calls: int) -> None:
        self._names = frozenset(names)
        self._max_calls = max_calls
        self._held = ""  # what is not decided yet
        self._scan = self._scan_content  # returns whether there is more to scan; each scan says what is scanned next
        self._arguments = _ArgumentsEnd()
        self._pieces: list[str | ToolCallDelta] = []  # of this push
        self.num_calls = 0

    def push(self, text: str) -> ToolDelta:
        """Takes text of the answer in; what may become a call is held back."""
        return self._feed(text, is_last=False)

    def finish(self) -> ToolDelta:
        """Lets go of what was held back: the answer is over."""
        return self._feed("", is_last=True)

    def take(self, text: str, *, is_last: bool) -> ToolDelta:
        """Text of the answer, maybe none, and its end where this was the last of it."""
        pieces = self.push(text).pieces if text else ()
        return ToolDelta(pieces + self.finish().pieces) if is_last else ToolDelta(pieces)

    def _feed(self, text: str, *, is_last: bool) -> ToolDelta:
        self._held += text
        self._pieces = []
        while self._scan(is_last):
            pass
        return ToolDelta(tuple(self._pieces))

    def _scan_content(self, is_last: bool) -> bool:
        opening = _OPENING.search(self._held)
        if opening is not None:
            return self._scan_head(opening, is_last)
        end = len(self._held)
        if not is_last:
            end = self._before_blanks(_before_begun(self._held, _OPENINGS))
        elif self.num_calls and not self._held.strip():
            end = 0
        self._show(self._held[:end])
        self._held = "" if is_last else self._held[end:]
        return False

    def _scan_head(self, opening: re.Match[str], is_last: bool) -> bool:
        start = opening.start()
        limit = start + MAX_HEAD_CHARS
        brace = self._held.find("{", start, limit)
        if brace < 0 and len(self._held) < limit and not is_last:
            end = self._before_blanks(start)
            self._show(self._held[:end])
            self._held = self._held[end:]
            return False
        head = _HEAD.fullmatch(self._held, start, brace) if brace >= 0 else None
        if head is None or head[1] not in self._names:  # the tag is text; what follows may still be a call
            self._show(self._held[: opening.end()])
            self._held = self._held[opening.end() :]
            return True
        self._show(self._held[: self._before_blanks(start)])
        self._held = self._held[brace:]
        self._add(ToolCallDelta(self.num_calls, head[1]))
        self.num_calls += 1
        self._arguments, self._scan = _ArgumentsEnd(), self._scan_arguments
        return True

    def _scan_arguments(self, is_last: bool) -> bool:
        end = self._arguments.find(self._held)
        if piece := self._held if end is None else self._held[:end]:
            self._add(ToolCallDelta(self.num_calls - 1, None, piece))
        self._held = self._held[len(piece) :]
        if end is not None:
            self._scan = self._scan_closing
        return end is not None

    def _scan_closing(self, is_last: bool) -> bool:
        self._held = self._held.lstrip()
        closing = next(filter(self._held.startswith, _CLOSINGS), None)
        if closing is not None:
            self._held = self._held[len(closing) :]
            return True
        if any(closing.startswith(self._held) for closing in _CLOSINGS):
            return False
        self._scan = self._scan_content
        return True

    def _show(self, text: str) -> None:
        if text:
            self._pieces.append(text)

    def _add(self, call: ToolCallDelta) -> None:
        if call.index >= self._max_calls:
            return
        last = self._pieces[-1] if self._pieces else ""
        if not isinstance(last, str) and last.index == call.index:
            self._pieces[-1] = replace(last, arguments=last.arguments + call.arguments)
        else:
            self._pieces.append(call)

    def _before_blanks(self, end: int) -> int:
        """Where the blanks before `end` begin, at most `MAX_BLANKS` of them."""
        first = max(end - MAX_BLANKS, 0)
        return first + len(self._held[first:end].rstrip())


class _ArgumentsEnd:
    """Finds the brace that closes a JSON object, in a stream."""

    def __init__(self) -> None:
        self._depth = 0
        self._is_string = self._is_escaped = False

    def find(self, text: str) -> int | None:
        """The index behind the closing brace, if it is in this piece of text."""
        for index, character in enumerate(text, start=1):
            if self._is_escaped:
                self._is_escaped = False
            elif self._is_string:
                self._is_escaped, self._is_string = character == "\\", character != '"'
            elif character == '"':
                self._is_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                if self._depth == 0:
                    return index
        return None


def _before_begun(text: str, tags: Collection[str]) -> int:
    """Where the beginning of one of `tags` stands that `text` ends with; its end where there is none."""
    start = text.rfind("<")
    is_begun = start >= 0 and any(tag.startswith(text[start:]) for tag in tags)
    return start if is_begun else len(text)
