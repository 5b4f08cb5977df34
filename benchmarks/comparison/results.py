"""The comparison as one JSON file: what was measured, on which machine, of which commit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.comparison.measurements import Measurements, Ratio, Work, ratios
from sampan.evaluation.provenance import run_facts

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
        """In JSON's types, without where it comes from. Speeds are tokens a second, one for each round."""
        return {
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
        write_result(path, FORMAT, self.to_dict())


def write_result(path: Path, version: int, result: Mapping[str, Any]) -> None:
    """Writes a JSON file: the version of its form, when and where it was measured, and the result."""
    origin = {"format": version, **run_facts()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**origin, **result}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
