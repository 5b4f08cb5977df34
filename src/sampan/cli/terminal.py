"""What reaches a terminal: style where it is wanted, never a control character that a model or a file name made up."""

from __future__ import annotations

import os
from typing import NamedTuple, TextIO

# C0, DEL and C1 move cursors, retitle windows, write clipboards (ECMA-48). They are shown, not sent: C0 by its
# control picture. Carriage returns are dropped: text may end its lines with CR LF.
_CONTROLS: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20)},
    **{code: 0xFFFD for code in range(0x80, 0xA0)},
    0x7F: 0x2421,
    ord("\r"): "",
}
_TEXT = {code: shown for code, shown in _CONTROLS.items() if chr(code) not in "\n\t"}
_LINE = _CONTROLS | {ord("\n"): " ", ord("\t"): " "}


def printable(text: str, *, lines: bool = True) -> str:
    """`text` with control characters made visible; with `lines=False` also on one line."""
    return text.translate(_TEXT if lines else _LINE)


class Style(NamedTuple):
    """Dim and red, where the stream is a terminal that can show them (https://no-color.org is kept)."""

    enabled: bool

    @classmethod
    def of(cls, stream: TextIO) -> Style:
        """The style for one stream."""
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(stream.isatty() and not plain)

    def dim(self, text: str) -> str:
        """Secondary: thoughts, remedies, hints."""
        return self._wrap("2", text)

    def bold(self, text: str) -> str:
        """Headings and prompts."""
        return self._wrap("1", text)

    def error(self, text: str) -> str:
        """What went wrong."""
        return self._wrap("1;31", text)

    def _wrap(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text
