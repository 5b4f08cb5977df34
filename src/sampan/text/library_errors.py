"""What other people's libraries say of a file, fit for one line of ours: they quote what the file holds."""

from __future__ import annotations

from sampan.errors import SampanError

MAX_CHARS = 200


def one_line(error: BaseException) -> str:
    """The text of an error, printable and of bounded length; of one without a text, its class."""
    message = error.message if isinstance(error, SampanError) else str(error)
    text = " ".join(message.split())[:MAX_CHARS] or type(error).__name__
    return text if text.isprintable() else repr(text)[1:-1]
