"""Sizes and counts as people write and read them."""

from __future__ import annotations

import re

from sampan.errors import UsageError
from sampan.units import human_bytes, human_count

__all__ = ["human_bytes", "human_count", "read_bytes"]

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}


def read_bytes(text: str, what: str) -> int:
    """`6GB`, `6.5 GiB` or a plain number of bytes.

    Raises:
        UsageError: it is no size; `what` is what the user calls it.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*((?:[KMGT]I?)?)B?\s*", text.upper())
    if match is None or float(match[1]) == 0:
        raise UsageError(f"{what} {text!r} is not a size", remedy="write it as 6GB, 6.5GiB or 6000000000")
    return int(float(match[1]) * UNITS[match[2]])
