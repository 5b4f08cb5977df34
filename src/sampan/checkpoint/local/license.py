"""The licence that a repository states, in the head of its README: what both hubs show on a model's page."""

from __future__ import annotations

import re
from pathlib import Path

MAX_HEAD = 64_000
HEAD = re.compile(r"\A\ufeff?---\r?\n(.*?)\r?\n---", re.DOTALL)
FIELD = re.compile(r"^(license|license_name):[ \t]*(?:\r?\n?[ \t]*-[ \t]*)?[\"']?([^\"'\r\n#]{1,80})", re.MULTILINE)


def stated_license(readme: Path) -> str:
    """`mit`, `llama3.1`; a licence of the maker's own by the name that it has. Empty where there is none."""
    try:
        with readme.open("rb") as file:
            text = file.read(MAX_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
    head = HEAD.match(text)
    fields = {name: value.strip() for name, value in FIELD.findall(head[1])} if head else {}
    stated = fields.get("license", "")
    named = fields.get("license_name", "") if stated.lower() in ("other", "") else ""
    chosen = named or stated
    return chosen if chosen.isprintable() else ""
