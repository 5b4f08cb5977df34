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
        bytes_read: see `engines.Measured`; None where nothing is packed.
    """

    subject: str
    engine: str
    format: str
    cache: str
    bytes_read: int | None
    divergence: Divergence


@dataclass(frozen=True, slots=True)
class Report:
    """Args:
    weights_read: of each subject, counted like `bytes_read`.
    left_out: why an engine is missing.
    """

    rows: list[Row]
    weights_read: dict[str, int]
    left_out: dict[str, str]

    def bits(self, row: Row) -> float | None:
        """Bits for each weight that a step reads, its scales included."""
        return None if row.bytes_read is None else 8 * row.bytes_read / self.weights_read[row.subject]

    def write(self, path: Path) -> None:
        """Writes the JSON file; its folder is made where it is missing."""
        data = {
            "format": FORMAT,
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": commit(),
            "machine": machine(),
            "weights_read": self.weights_read,
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
    for heading in ("engine", "weights", "cache"):
        shown.add_column(heading)
    for heading in ("bits", "mean KL", "KL, 99 %", "same top", "perplexity"):
        shown.add_column(heading, justify="right")
    for row in rows:
        bits, result = report.bits(row), row.divergence
        shown.add_row(
            row.engine,
            row.format,
            row.cache,
            "" if bits is None else f"{bits:.2f}",
            f"{result.mean_kl:.1e}",
            f"{result.kl_99:.1e}",
            f"{result.top1:.2%}",
            f"x {result.perplexity_ratio:.4f}",
        )
    return shown
