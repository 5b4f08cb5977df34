"""`python -m sampan.server.metrics` prints the table of the guide on monitoring."""

from sampan.server.metrics.registry import as_markdown

print(as_markdown(), end="")
