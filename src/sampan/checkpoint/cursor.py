"""A place in a file that is read from front to back, without a step beyond its end."""

from __future__ import annotations

from typing import NoReturn

from sampan.checkpoint.mapped_file import damaged


class Cursor:
    """Base of readers.

    Args:
        data: the file.
        source: its name, for messages.
    """

    def __init__(self, data: memoryview, source: str) -> None:
        self._data, self._source, self._at = data, source, 0

    def _fail(self, reason: str) -> NoReturn:
        raise damaged(self._source, reason)

    def _take(self, size: int) -> memoryview:
        """The next bytes. Raises CheckpointError: there are fewer."""
        end = self._at + size
        if end > len(self._data):
            self._fail("truncated")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def _decoded(self, data: memoryview) -> str:
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError:
            self._fail("a text is not UTF-8")
