"""Sizes and counts as people write them."""

from __future__ import annotations

from collections.abc import Sequence


def human_bytes(count: float) -> str:
    """`1.8 GB`; decimal units, as disks and downloads are sold."""
    return _human(count, (" B", " kB", " MB", " GB", " TB"))


def human_count(count: float) -> str:
    """`1.8B`, as model names have it."""
    return _human(count, ("", "K", "M", "B", "T"))


def _human(count: float, units: Sequence[str]) -> str:
    exponent = 0
    while count >= 999.95 and exponent < len(units) - 1:
        count, exponent = count / 1000, exponent + 1
    return f"{count:.{1 if exponent else 0}f}{units[exponent]}"
