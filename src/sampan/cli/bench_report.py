"""What `sampan bench` found: as a document for scripts, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from sampan.backends import native
from sampan.bench import Limits, Measurement, roofline_svg
from sampan.cli.output import print_table
from sampan.cli.sizes import human_bytes, human_count
from sampan.cli.terminal import printable
from sampan.machine import read_memory, read_processor

COLUMNS = ("phase", "batch", "tokens", "tokens/s", "limit", "reached", "bound by")


class BenchReport(NamedTuple):
    """A finished run.

    Args:
        machine: see `describe_machine`.
        model: name, parameters, kv_cache, load_format, load_seconds, resident_bytes.
        precision: of the weights.
    """

    machine: dict[str, Any]
    model: dict[str, Any]
    precision: str
    limits: Limits
    measurements: Sequence[Measurement]

    def document(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "machine": self.machine,
            "model": self.model,
            "limits": {name: round(limit, 3) for name, limit in asdict(self.limits).items()},
            "results": [self._result(measurement) for measurement in self.measurements],
        }

    def _result(self, measurement: Measurement) -> dict[str, Any]:
        workload = measurement.workload
        return {
            "phase": workload.phase,
            "batch": workload.batch,
            "tokens": workload.tokens,
            "context": workload.context,
            "precision": self.precision,
            "tokens_per_s": round(measurement.tokens_per_s, 3),
            "fraction_of_limit": round(measurement.fraction_of_limit(self.limits), 4),
            "bound": measurement.work.bound(self.limits),
        }

    def picture(self) -> str:
        """An SVG file."""
        title = f"{self.model['name']}, {self.precision}"
        note = self._machine_line()
        return roofline_svg(self.measurements, self.limits, precision=self.precision, title=title, note=note)

    def show(self) -> None:
        """A line each for machine, limits and model, then the table."""
        limits, model = self.limits, self.model
        lines = (
            self._machine_line(),
            f"limits: read {limits.read_gb_s:.1f} GB/s, int8 {limits.int8_gmac_s:.0f} and fp32 "
            f"{limits.fp32_gmac_s:.0f} G products/s",
            f"{model['name']}: {human_count(model['parameters'])} parameters in {self.precision}, "
            f"{human_bytes(model['resident_bytes'])} resident, loaded in {model['load_seconds']:.1f} s",
            "",
        )
        for line in lines:
            print(printable(line, lines=False))
        rows = [self._row(measurement) for measurement in self.measurements]
        print_table(COLUMNS, rows, [None] * len(rows), ())

    def _row(self, measurement: Measurement) -> tuple[str, ...]:
        workload, fraction = measurement.workload, measurement.fraction_of_limit(self.limits)
        return (
            workload.phase,
            str(workload.batch),
            str(workload.tokens),
            f"{measurement.tokens_per_s:.1f}",
            f"{measurement.tokens_per_s / fraction:.1f}",
            f"{100 * fraction:.1f} %",
            measurement.work.bound(self.limits),
        )

    def _machine_line(self) -> str:
        threads = self.machine["threads"]
        return f"{self.machine['processor']}, {self.machine['isa']}, {threads} thread{'s' if threads > 1 else ''}"


def describe_machine(threads: int) -> dict[str, Any]:
    """What the figures hold for."""
    processor = read_processor()
    return {
        "processor": processor.name,
        "cores": processor.physical,
        "memory_bytes": read_memory().total,
        "isa": native.active_isa(),
        "threads": threads,
    }
