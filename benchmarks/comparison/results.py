"""The comparison as one JSON file: what was measured, on which machine, of which commit."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.comparison.measurements import Measurements, Ratio, Work, ratios
from sampan.machine import read_memory, read_processor

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that a run brought. `left_out` says why a contender is missing."""

    model: str
    threads: int
    works: Sequence[Work]
    measurements: Mapping[str, Measurements]
    left_out: Mapping[str, str]

    def pairs(self) -> dict[tuple[str, str], dict[str, Ratio]]:
        """(Sampan's name, the other's name) -> ratios by figure, for contenders of equal bits."""
        return {
            (mine, theirs): ratios(self.measurements[mine], other)
            for mine, own in self.measurements.items()
            for theirs, other in self.measurements.items()
            if mine.startswith("Sampan") and not theirs.startswith("Sampan") and own.bits == other.bits
        }

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types. Speeds are tokens a second, one for each round."""
        return {
            "format": FORMAT,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": machine(),
            "model": self.model,
            "weights": "random",
            "threads": self.threads,
            "works": [asdict(work) for work in self.works],
            "results": {name: asdict(measured) for name, measured in self.measurements.items()},
            "ratios": [
                {"of": mine, "to": theirs, "figure": figure, **asdict(ratio)}
                for (mine, theirs), figures in self.pairs().items()
                for figure, ratio in figures.items()
            ],
            "left_out": dict(self.left_out),
        }

    def write(self, path: Path) -> None:
        """Writes the JSON file; its folder is made where it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    processor = read_processor()
    return {
        "processor": processor.name,
        "instruction_sets": list(processor.instruction_sets),
        "cores": processor.physical,
        "memory_bytes": read_memory().total,
        "system": f"{platform.system()} {platform.release()}",
    }


def commit() -> str:
    """The commit of this working tree, with `+` where files differ from it; empty where there is no repository."""
    root = Path(__file__).parents[2]

    def git(*arguments: str) -> str:
        finished = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
        return finished.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except FileNotFoundError:
        return ""
