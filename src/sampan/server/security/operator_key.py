"""The one key of `--api-key`, for servers that need no file of them. Whoever has it may do everything."""

from __future__ import annotations

import logging
import os
import re

from sampan.errors import UsageError
from sampan.server.security.keys import digest_of

logger = logging.getLogger("sampan.server")

VARIABLE = "SAMPAN_API_KEY"
PRINTABLE = re.compile(r"[!-~]{16,512}")  # ASCII without spaces: what fits into a header


def read_api_key(secret: str | None) -> str:
    """The SHA-256 of a key in hexadecimal, empty for None. From here on nobody needs the key itself, so it leaves the
    environment that child processes get.

    Raises:
        UsageError: it is too short, or cannot stand in a header.
    """
    from_environment = os.environ.pop(VARIABLE, None)
    if secret is None:
        return ""
    if not PRINTABLE.fullmatch(secret):
        raise UsageError(
            "the API key must have 16 to 512 characters, ASCII without spaces", remedy="openssl rand -hex 24 makes one"
        )
    if secret != from_environment:
        logger.warning("everybody on this machine can see --api-key in the list of processes; set %s instead", VARIABLE)
    return digest_of(secret.encode()).hex()
