"""How each of Sampan's processes logs."""

from __future__ import annotations

import logging


def start_log(level: str) -> None:
    """Logs to standard error, a line an event.

    Args:
        level: `debug`, `info`, `warning` or `error`.
    """
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
