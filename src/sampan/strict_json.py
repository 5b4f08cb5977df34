"""JSON from files that may be damaged or hostile: of bounded size, one object, no key twice (RFC 8259)."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

from sampan.errors import CheckpointError

SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
FETCH_AGAIN = "the file is damaged: fetch it again"


def parse_json_object(data: bytes, source: str) -> dict[str, Any]:
    """Parses one UTF-8 JSON object.

    Raises:
        CheckpointError: bad syntax, or two equal keys in one object; names `source`.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{source} is not readable JSON: {error}", remedy=FETCH_AGAIN) from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{source} is not a JSON object", remedy=FETCH_AGAIN)
    if SURROGATE.search(data) and not _is_unicode(value):
        raise CheckpointError(f"{source} holds half a character, which is no Unicode", remedy=FETCH_AGAIN)
    return value


def read_json_object(path: Path, max_bytes: int) -> dict[str, Any]:
    """Reads a JSON file of at most `max_bytes`; see `parse_json_object`.

    Raises:
        CheckpointError: the file is absent, unreadable, too large or not a JSON object; names it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block us for ever
            raise CheckpointError(f"{path} is not a file", remedy="give a complete folder in Hugging Face form")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        message = f"{path} does not exist"
        raise CheckpointError(message, remedy="give a complete folder in Hugging Face form") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}", remedy="check its permissions") from error
    if len(data) > max_bytes:
        raise CheckpointError(f"{path} is larger than {max_bytes} bytes", remedy=FETCH_AGAIN)
    return parse_json_object(data, str(path))


def _is_unicode(value: Any) -> bool:
    """Whether all surrogates come in pairs. Others cannot be written anywhere."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key occurs twice in one object")
    return result
