"""Errors as a reader sees them: two short lines on stderr, what is wrong and what to do."""

from __future__ import annotations

import sys

from sampan.cli.terminal import Style, printable
from sampan.errors import SampanError


def report(error: Exception) -> int:
    """Prints an error and returns the exit code that it stands for."""
    known = explain(error)
    style = Style.of(sys.stderr)
    print(style.error("error:"), printable(known.message, lines=False), file=sys.stderr)
    if known.remedy:
        print(style.dim("remedy:"), printable(known.remedy, lines=False), file=sys.stderr)
    return known.exit_code


def explain(error: Exception) -> SampanError:
    """Any exception as one of ours, with a message and a remedy for the reader."""
    if isinstance(error, SampanError):
        return error
    if isinstance(error, MemoryError):
        return SampanError("the machine's memory is full", remedy="use a smaller model, or a --precision of fewer bits")
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return SampanError(f"{where}{error.strerror}", remedy="sampan doctor checks disk, memory and permissions")
    return SampanError(
        f"unexpected {type(error).__name__}: {error}", remedy="please report what it prints with SAMPAN_DEBUG=1"
    )
