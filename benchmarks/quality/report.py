"""What was measured, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from rich.table import Table

from benchmarks.comparison.results import commit, machine
from benchmarks.quality.divergence import Divergence

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Row:
    """One engine and format on one subject.

    Args:
        weight_bytes: None where nothing is packed.
    """

    subject: str
    engine: str
    format: str
    weight_bytes: int | None
    divergence: Divergence


@dataclass(frozen=True, slots=True)
class Report:
    """Args:
    parameters: weights of each subject.
    left_out: why an engine is missing.
    """

    rows: list[Row]
    parameters: dict[str, int]
    left_out: dict[str, str]

    def bits(self, row: Row) -> float | None:
        """Bits for each weight of the model, scales, norms and biases included."""
        return None if row.weight_bytes is None else 8 * row.weight_bytes / self.parameters[row.subject]

    def write(self, path: Path) -> None:
        """Writes the JSON file; its folder is made where it is missing."""
        data = {
            "format": FORMAT,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": machine(),
            "parameters": self.parameters,
            "results": [{**asdict(row), "bits_per_weight": self.bits(row)} for row in self.rows],
            "left_out": self.left_out,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table(report: Report, subject: str) -> Table:
    """The rows of one subject."""
    rows = [row for row in report.rows if row.subject == subject]
    title = f"{subject}: {rows[0].divergence.positions} positions against float64"
    shown = Table(title=title, title_justify="left")
    for heading in ("engine", "format"):
        shown.add_column(heading)
    for heading in ("bits a weight", "mean KL", "KL, 99 %", "same top token", "perplexity"):
        shown.add_column(heading, justify="right")
    for row in rows:
        bits, result = report.bits(row), row.divergence
        shown.add_row(
            row.engine,
            row.format,
            "" if bits is None else f"{bits:.2f}",
            f"{result.mean_kl:.1e}",
            f"{result.kl_99:.1e}",
            f"{result.top1:.2%}",
            f"x {result.perplexity_ratio:.4f}",
        )
    return shown
