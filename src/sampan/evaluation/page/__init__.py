"""The finding as files: `quality.json` for scripts, and `quality.html` for people.

The page is one file that asks for nothing outside itself: it can be mailed, printed, and opened without a network. Its
drawings are SVG written here, because they are few and simple, follow the reader's light or dark scheme and language,
and a plotting library would weigh more than the rest of the server.
"""

from sampan.evaluation.page.write import write_quality

__all__ = ["write_quality"]
