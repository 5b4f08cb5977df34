"""Findings as a table, each remedy below what it is for."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from sampan.cli.output import print_table
from sampan.cli.terminal import Style
from sampan.finding import FAIL, OK, WARN, Finding

COLOURS = {OK: None, WARN: "yellow", FAIL: "red"}


def print_findings(findings: Sequence[Finding]) -> None:
    """One line each, and one more where there is something to do."""
    rows = []
    for finding in findings:
        rows.append((finding.check, finding.status, finding.detail))
        if finding.remedy:
            rows.append(("", "", f"-> {finding.remedy}"))
    print_table(("check", "status", "finding"), rows, [COLOURS.get(row[1]) for row in rows], {"finding"})


def print_summary(findings: Sequence[Finding], checks: Sequence[str]) -> None:
    """How many there are of each kind, and which of `checks` could not be made, in the last lines."""
    counts, style = Counter(finding.status for finding in findings), Style.of(sys.stdout)
    kinds = [
        _counted(counts[status], word) for status, word in ((FAIL, "failure"), (WARN, "warning")) if counts[status]
    ]
    print()
    skipped = [check for check in checks if not any(finding.check == check for finding in findings)]
    if counts[FAIL] and skipped:
        print(style.dim(f"Not examined for these failures: {', '.join(skipped)}."))
    if kinds:
        text = f"{' and '.join(kinds)} among {len(findings)} findings."
        print(style.error(text) if counts[FAIL] else style.bold(text))
    else:
        print(style.bold(f"All {len(findings)} findings are ok."))


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
