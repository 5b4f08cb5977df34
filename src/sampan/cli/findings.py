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


def print_summary(findings: Sequence[Finding]) -> None:
    """How many there are of each kind, in the last line."""
    counts = Counter(finding.status for finding in findings)
    style = Style.of(sys.stdout)
    if counts[FAIL]:
        warned = f", {counts[WARN]} to look at" if counts[WARN] else ""
        print(f"\n{style.error(f'{counts[FAIL]} of {len(findings)} findings are failures{warned}.')}")
    elif counts[WARN]:
        print(f"\n{style.bold(f'Usable; {counts[WARN]} of {len(findings)} findings to look at.')}")
    else:
        print(f"\n{style.bold(f'All {len(findings)} findings are ok.')}")
