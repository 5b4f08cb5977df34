"""Facts about this machine from the kernel's own files: processors, memory, and a container's limits on both.

Linux only (`/proc`, `/sys/fs/cgroup`); a file that is not there leaves its fact unknown. Tests bring a `root` of their
own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")
# What the kernels can make use of, weakest first, in the kernel's spelling of the flags.
INSTRUCTION_SETS = {
    "AVX2": ("avx2", "fma"),
    "AVX-512": ("avx512f", "avx512bw", "avx512vl"),
    "AVX-VNNI": ("avx_vnni",),
    "AVX-512 VNNI": ("avx512_vnni",),
    "AVX-512 BF16": ("avx512_bf16",),
    "AMX": ("amx_tile", "amx_int8"),
}


class Processor(NamedTuple):
    """The processors that this process may use."""

    name: str
    instruction_sets: tuple[str, ...]
    logical: int  # hardware threads
    physical: int  # cores
    quota: float | None  # cores' worth of time that the container may use; None where unlimited


class Memory(NamedTuple):
    """Bytes; the smaller of the machine's and the container's."""

    total: int
    available: int


def read_processor(root: Path = ROOT, usable: set[int] | None = None) -> Processor:
    """Counts cores among the `usable` logical processors (default: this process's affinity)."""
    usable = usable if usable is not None else os.sched_getaffinity(0)
    blocks = [
        dict(re.findall(r"^([^\t:]+)\s*:\s*(.*)$", block, re.MULTILINE))
        for block in _read(root / "proc/cpuinfo").split("\n\n")
        if block.strip()
    ]
    blocks = [block for block in blocks if int(block.get("processor", -1)) in usable]
    flags = set(blocks[0].get("flags", "").split()) if blocks else set()
    # Without topology (ARM, some virtual machines) every logical processor counts as a core.
    cores = {(block.get("physical id"), block.get("core id", block["processor"])) for block in blocks}
    return Processor(
        name=blocks[0].get("model name", "unknown") if blocks else "unknown",
        instruction_sets=tuple(name for name, needed in INSTRUCTION_SETS.items() if flags.issuperset(needed)),
        logical=len(usable),
        physical=len(cores) or len(usable),
        quota=_cpu_quota(root),
    )


def read_memory(root: Path = ROOT) -> Memory:
    """Memory of the machine, or of the container where that has less."""
    kib = {
        key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    }
    total, available = kib.get("MemTotal", 0) * 1024, kib.get("MemAvailable", 0) * 1024
    for folder in _cgroups(root, "memory"):
        limit = _number(folder / "memory.max") or _number(folder / "memory.limit_in_bytes")
        used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
        if limit is not None:
            # File pages that nobody uses now count as used but are given back on demand.
            reclaimable = re.search(r"^(?:total_)?inactive_file (\d+)", _read(folder / "memory.stat"), re.MULTILINE)
            free = limit - used + (int(reclaimable[1]) if reclaimable else 0)
            total, available = min(total, limit), min(available, max(free, 0))
    return Memory(total, available)


def read_resident(root: Path = ROOT) -> int:
    """Bytes that this process has in memory, its parts of mapped files among them; 0 where nobody knows."""
    line = re.search(r"^VmRSS:\s+(\d+) kB", _read(root / "proc/self/status"), re.MULTILINE)
    return int(line[1]) * 1024 if line else 0


def _cpu_quota(root: Path) -> float | None:
    quotas: list[float] = []
    for folder in _cgroups(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")  # version 2; "max" is no limit
        quota = quota or _read(folder / "cpu.cfs_quota_us")  # version 1; -1 is no limit
        period = period or _read(folder / "cpu.cfs_period_us")
        if quota.strip().isdigit() and period.strip().isdigit() and int(period) > 0:
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """The folders whose limits bind this process, innermost first: its cgroup and all above it, in either version."""
    mount = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", controller) and controller not in controllers.split(","):
            continue
        base = mount / controllers if controllers else mount
        folder = base / path.lstrip("/")
        while True:
            if folder.is_dir():
                yield folder
            if folder == base or base not in folder.parents:
                break
            folder = folder.parent


def _number(path: Path) -> int | None:
    """The number in a file; None where there is no such file, or it says "max"."""
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
