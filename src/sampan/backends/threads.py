"""How many threads are worth having: those that the machine, and the container around this process, really give."""

from __future__ import annotations

import math
import os
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")


def default_threads() -> int:
    """Physical cores, within the processors that this process may use and the container's CPU quota.

    Two threads on one core share its vector units, so a kernel gains nothing from the second.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or usable
    return max(1, min(usable, physical, math.ceil(cpu_quota() or usable)))


def cpu_quota(cgroup: Path = CGROUP) -> float | None:
    """Processors that the control group may use at a time (version 2's cpu.max, or version 1's quota); None: all."""
    for name in ("cpu.max", "cpu/cpu.cfs_quota_us"):
        try:
            words = (cgroup / name).read_text(encoding="ascii").split()
            if len(words) == 1:
                words.append((cgroup / "cpu/cpu.cfs_period_us").read_text(encoding="ascii").strip())
            quota, period = words
            return None if quota in ("max", "-1") else float(quota) / float(period)
        except (OSError, ValueError, ZeroDivisionError):
            continue
    return None
