"""Where a measurement comes from: version, commit, machine, time."""

from __future__ import annotations

import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sampan.machine import read_memory, read_processor


def run_facts() -> dict[str, Any]:
    """What may differ between two runs that find the same."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """What speeds depend on."""
    processor = read_processor()
    return {
        "processor": processor.name,
        "instruction_sets": list(processor.instruction_sets),
        "cores": processor.physical,
        "memory_bytes": read_memory().total,
        "system": f"{platform.system()} {platform.release()}",
    }


def commit() -> str:
    """Of the working tree that this runs from, with `+` where files differ from it; empty for an installed package."""
    root = Path(__file__).parents[3]
    if not (root / ".git").exists():
        return ""

    def git(*arguments: str) -> str:
        finished = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
        return finished.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except FileNotFoundError:
        return ""
