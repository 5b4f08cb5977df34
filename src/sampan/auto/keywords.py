"""Keywords of other libraries: known here, or refused in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sampan.errors import ConfigError


def refuse_unknown(where: str, given: Iterable[str], known: Iterable[str], instead: Mapping[str, str]) -> None:
    """Refuses the first keyword that is not known.

    Args:
        where: the call, for the message.
        instead: remedies for keywords that users of other libraries may give.

    Raises:
        ConfigError: there is one.
    """
    names = sorted(set(known))
    for name in given:
        if name in names:
            continue
        from difflib import get_close_matches

        near = get_close_matches(name, names, n=2)
        offer = f"did you mean {' or '.join(near)}?" if near else f"use {', '.join(names)}"
        raise ConfigError(f"{where} does not know {name!r}", remedy=instead.get(name, offer))
