"""Files that a user gives for their texts: plain text, or JSON line by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sampan.errors import UsageError

MAX_FILE_BYTES = 64 * 2**20


def read_user_text(path: Path) -> str:
    """The whole of a file in UTF-8.

    Raises:
        UsageError: it cannot be read, or is too large.
    """
    try:
        if not path.is_file():
            raise UsageError(f"{path} is not a file", remedy="check the path")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB", remedy="give a part of it")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text", remedy="convert it to UTF-8") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", remedy="check its permissions") from error


def read_json_lines(path: Path, form: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each line is, and its object; empty lines are left out.

    Args:
        form: what a line should be, for errors.

    Raises:
        UsageError: the file cannot be read, or a line is no JSON object.
    """
    for number, line in enumerate(read_user_text(path).splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{where} is no JSON: {error}", remedy=form) from error
        if not isinstance(entry, dict):
            raise UsageError(f"{where} is no JSON object", remedy=form)
        yield where, entry
