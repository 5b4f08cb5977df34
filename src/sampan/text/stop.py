"""Stop strings in a stream: nothing of a stop string leaves before it is known whether it is one."""

from __future__ import annotations

from collections.abc import Sequence


class StopMatcher:
    """Finds the stop string that ends first, and the longest of those that end together, however the text is split.

    One state a stop string (Knuth, Morris and Pratt 1977: the length of its longest beginning that the text ends with),
    so each character is looked at once and only what may be a beginning is held back.

    Args:
        stop: the strings, none empty.
        include_stop: keep the matched string in the text.
    """

    def __init__(self, stop: Sequence[str], *, include_stop: bool = False) -> None:
        self._stops = tuple(stop)
        self._fallbacks = tuple(_fallbacks(text) for text in self._stops)
        self._firsts = frozenset(text[0] for text in self._stops)
        self._states = [0] * len(self._stops)
        self._held = ""
        self._include_stop = include_stop
        self.matched: str | None = None
        self.rest = ""  # what stood behind the matched string in the same `push`

    def push(self, text: str) -> tuple[str, str | None]:
        """Text that may leave, and the stop string once one is complete; from then on nothing leaves."""
        if self.matched is not None:
            return "", self.matched
        if not self._held and self._firsts.isdisjoint(text):  # no stop string begins here: most text, at the speed of C
            return text, None
        held = self._held + text
        for offset, character in enumerate(text, len(self._held) + 1):
            self.matched = self._advance(character)
            if self.matched is not None:
                self._held, self.rest = "", held[offset:]
                return held[: offset if self._include_stop else offset - len(self.matched)], self.matched
        emit = len(held) - max(self._states)
        self._held = held[emit:]
        return held[:emit], None

    def finish(self) -> str:
        """What was held back: the text is over, so it was no stop string."""
        held, self._held = self._held, ""
        return held

    def _advance(self, character: str) -> str | None:
        matched: str | None = None
        for index, stop in enumerate(self._stops):
            state = self._states[index]
            while state and stop[state] != character:
                state = self._fallbacks[index][state]
            state += stop[state] == character
            if state == len(stop):
                matched = max(matched or "", stop, key=len)
                state = 0
            self._states[index] = state
        return matched


def _fallbacks(text: str) -> list[int]:
    """For each length: the longest shorter beginning of `text` that its first `length` characters end with."""
    table = [0] * len(text)
    state = 0
    for length in range(2, len(text)):
        while state and text[state] != text[length - 1]:
            state = table[state]
        state += text[state] == text[length - 1]
        table[length] = state
    return table
