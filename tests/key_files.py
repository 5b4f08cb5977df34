"""Key files as `sampan key` makes them."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sampan.server.security.key_store import add_key
from sampan.server.security.keys import ApiKey, digest_of

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def secret_of(name: str) -> str:
    """The key of that name in these files."""
    return f"sk-sampan-{name}-{'x' * 32}"


def key_of(name: str, **fields: Any) -> ApiKey:
    return ApiKey(name=name, sha256=digest_of(secret_of(name).encode()).hex(), created=MADE, **fields)


def write_keys(path: Path, *keys: ApiKey) -> str:
    """Makes a file anew; returns its name, for `ServerConfig`."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    for key in keys:
        add_key(path, key)
    return str(path)


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret_of(name)}"}
