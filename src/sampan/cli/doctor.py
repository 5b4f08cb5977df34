"""`sampan doctor`."""

from __future__ import annotations

from typing import Annotated

from sampan.cli.options import Json
from sampan.cli.parameters import Option


def doctor(
    *,
    port: Annotated[int, Option("the port for serve")] = 8000,
    json: Json = False,
) -> int:
    """Checks what Sampan needs: Python, Paddle, kernels, processor, memory, disk, the embedded model.

    Each finding is ok, a warning or a failure, and what is not ok has a remedy. A failure exits with 1.
    """
    from sampan.cli.checks import FAIL, OK, WARN, examine
    from sampan.cli.output import print_json, print_table
    from sampan.cli.progress import progress

    with progress("Examining this machine"):
        findings = list(examine(port))
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        style = {OK: None, WARN: "yellow", FAIL: "red"}
        rows = []
        for finding in findings:
            rows.append((finding.check, finding.status, finding.detail))
            if finding.remedy:
                rows.append(("", "", f"-> {finding.remedy}"))
        print_table(("check", "status", "finding"), rows, [style.get(row[1]) for row in rows], {"finding"})
    return int(any(finding.status == FAIL for finding in findings))
