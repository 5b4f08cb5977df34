"""How each of Sampan's processes logs: to standard error, a line an event."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone

import msgspec

CONSOLE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FORMATS = ("console", "json")


class LogStyle(msgspec.Struct, frozen=True):
    """What is logged, and how.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        format: `console`, or `json`: an object a line, for machines.
    """

    level: str = "info"
    format: str = "console"


class JsonFormatter(logging.Formatter):
    """One JSON object an event: `time` (RFC 3339, UTC), `level`, `logger`, `pid`, `message`, the event's own fields
    (`extra={"fields": {...}}`), and `exception` with the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        event = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["exception"] = self.formatException(record.exc_info)
        return json.dumps(event, ensure_ascii=False, default=str)


def start_log(style: LogStyle) -> None:
    """From now on this process logs so."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if style.format == "json" else logging.Formatter(CONSOLE))
    logging.basicConfig(level=style.level.upper(), handlers=[handler])
