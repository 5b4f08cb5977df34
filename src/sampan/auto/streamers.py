"""Text as it is written: objects that `generate` hands its tokens to, in transformers' shape.

A streamer is any object with `put` and `end`. `put` takes an array: first the prompt, [1, tokens], then what each step
brings, [tokens]. `end` is called once, also where generating fails, so that nobody waits for ever.
"""

from __future__ import annotations

from queue import Queue
from typing import Any, Protocol

from sampan.auto.tensors import read_matrix
from sampan.auto.tokenizer import AutoTokenizer
from sampan.text import IncrementalDetokenizer


class Streamer(Protocol):
    """What `generate` wants of one."""

    def put(self, value: Any) -> None:
        """Takes token ids."""

    def end(self) -> None:
        """There are no more."""


class TextStreamer:
    """Prints text as soon as its characters are whole. Subclasses may do something else in `on_finalized_text`.

    Args:
        skip_prompt: leave out what is put first.
        skip_special_tokens: leave special tokens out.
    """

    def __init__(
        self, tokenizer: AutoTokenizer, skip_prompt: bool = False, *, skip_special_tokens: bool = False
    ) -> None:
        self.skip_prompt = skip_prompt
        self._detokenizer = IncrementalDetokenizer(tokenizer.core, skip_special_tokens=skip_special_tokens)
        self._next_is_prompt = True

    def put(self, value: Any) -> None:
        """Takes token ids of one sequence.

        Raises:
            RequestError: they are several sequences, or no ids.
        """
        was_prompt, self._next_is_prompt = self._next_is_prompt, False
        if was_prompt and self.skip_prompt:
            return
        (row,) = read_matrix(value, "value").tolist()
        self.on_finalized_text(self._detokenizer.push(row))

    def end(self) -> None:
        """Gives out what is left, and is ready for another answer."""
        self._next_is_prompt = True
        self.on_finalized_text(self._detokenizer.finish(), stream_end=True)

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Prints; a new line at the end."""
        print(text, end="\n" if stream_end else "", flush=True)


class TextIteratorStreamer(TextStreamer):
    """Text to iterate over while another thread generates.

    Args:
        timeout: seconds to wait for the next text; then `queue.Empty` is raised. None waits.

    Example:
        >>> streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
        >>> Thread(target=model.generate, kwargs={**inputs, "streamer": streamer}).start()
        >>> for text in streamer:
        ...     print(text, end="", flush=True)
    """

    def __init__(
        self,
        tokenizer: AutoTokenizer,
        skip_prompt: bool = False,
        timeout: float | None = None,
        *,
        skip_special_tokens: bool = False,
    ) -> None:
        super().__init__(tokenizer, skip_prompt, skip_special_tokens=skip_special_tokens)
        self.timeout = timeout
        self._texts: Queue[str | None] = Queue()

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
        """Puts it where the iterator finds it."""
        if text:
            self._texts.put(text)
        if stream_end:
            self._texts.put(None)

    def __iter__(self) -> TextIteratorStreamer:
        return self

    def __next__(self) -> str:
        text = self._texts.get(timeout=self.timeout)
        if text is None:
            raise StopIteration
        return text
