"""Whether a text shares a piece with others that were seen before.

Pieces are runs of characters, blanks and case apart, so that Chinese and English are treated alike. A text that is
shorter than a piece counts as seen where a whole line of the others is equal to it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

PIECE = 32  # characters without blanks: about six English words, or a Chinese sentence
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no character is lost modulo 2**64


class Fingerprint:
    """Hashes of all pieces of some texts: 8 bytes a character."""

    def __init__(self, texts: Iterable[str]) -> None:
        hashes: list[npt.NDArray[np.uint64]] = [np.empty(0, np.uint64)]
        self._lines: set[str] = set()
        for text in texts:
            hashes.append(_hashes(_plain(text)))
            self._lines.update(_plain(line) for line in text.splitlines())
        self._pieces = np.unique(np.concatenate(hashes))

    def overlaps(self, text: str) -> bool:
        """Whether the text shares a piece with them."""
        plain = _plain(text)
        if len(plain) < PIECE:
            return plain in self._lines
        return bool(np.isin(_hashes(plain), self._pieces).any())


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def _hashes(plain: str) -> npt.NDArray[np.uint64]:
    """A polynomial of each run of `PIECE` characters, modulo 2**64."""
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = len(codes) - PIECE + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    total = np.zeros(count, np.uint64)
    for offset in range(PIECE):
        total = total * _FACTOR + codes[offset : offset + count]
    return total
