"""Near matches of a mistyped name, for remedies."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy that offers the known names closest to `name`, or `otherwise` where none is close."""
    from difflib import get_close_matches  # costs as much as all of --help, and only mistakes need it

    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else otherwise
