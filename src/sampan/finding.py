"""What an examination of a machine or a model found: one line, and one more that says what to do about it."""

from __future__ import annotations

from typing import NamedTuple

OK, WARN, FAIL = "ok", "warn", "fail"


class Finding(NamedTuple):
    """What one check saw."""

    check: str
    status: str  # OK, WARN or FAIL
    detail: str
    remedy: str = ""
