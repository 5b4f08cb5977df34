"""`sampan doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from sampan.cli.options import Json
from sampan.cli.parameters import Argument, Option


def doctor(
    *,
    model: Annotated[str | None, Argument("a name, a folder or a GGUF file; without one this machine")] = None,
    port: Annotated[int, Option("the port for serve")] = 8000,
    json: Json = False,
) -> int:
    """Checks this machine, or a model: files, weights, tokenizer, template, stop ids, memory.

    Each finding is ok, a warning or a failure, and what is not ok has a remedy. A failure exits with 1.
    """
    from sampan.cli.checks import examine
    from sampan.cli.findings import print_findings, print_summary
    from sampan.cli.output import print_json
    from sampan.cli.progress import progress
    from sampan.finding import FAIL

    checks: Sequence[str] = ()
    if model is None:
        with progress("Examining this machine"):
            findings = list(examine(port))
    else:
        from sampan.checkpoint import resolve_model
        from sampan.examination import UNIVERSAL, examine_model

        checks = UNIVERSAL
        with progress(f"Examining {model}") as report:
            findings = list(examine_model(resolve_model(model), report))
    if json:
        print_json([finding._asdict() for finding in findings])
    else:
        print_findings(findings)
        if model is not None:
            print_summary(findings, checks)
    return int(any(finding.status == FAIL for finding in findings))
