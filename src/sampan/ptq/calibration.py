"""The text that quantisation is calibrated on, as token ids."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sampan.checkpoint import Checkpoint, GgufCheckpoint
from sampan.convert import write_texts
from sampan.errors import SampanError, UsageError
from sampan.text import ChatTemplate, Tokenizer
from sampan.text.user_file import read_json_lines, read_user_text

OWN_CALIBRATION = Path(__file__).parent / "calibration.jsonl"
FORM = 'write {"text": "..."} or {"messages": [...]} on each line'


@dataclass(frozen=True)
class Calibration:
    """Samples that are run through the model, each from position 0.

    Args:
        source: the name of the file.
        samples: token ids.
    """

    source: str
    samples: tuple[tuple[int, ...], ...]

    @property
    def num_tokens(self) -> int:
        return sum(map(len, self.samples))

    @cached_property
    def sha256(self) -> str:
        """Of all token ids."""
        return hashlib.sha256(json.dumps(self.samples).encode()).hexdigest()


def read_calibration(
    checkpoint: Checkpoint, path: str | Path | None = None, *, samples: int = 128, length: int = 512
) -> Calibration:
    """Reads a calibration file in the model's own tokens. The same file gives the same samples at every call.

    Args:
        checkpoint: of the model, beside whose weights its tokenizer lies.
        path: plain text, which is cut into pieces; or JSONL, by its suffix: on each line a `text`, or `messages` in
            OpenAI's shape, which the model's chat template lays out. The last answer keeps its thought, as
            `reasoning_content` or between `<think>` and `</think>`: a model that thinks is calibrated on thoughts. None
            is Sampan's own file: 148 conversations in Chinese and English, with thoughts, on home networks, Python,
            sums and everyday talk.
        samples: at most so many; of more, some from all parts of the file.
        length: at most so many tokens of each.

    Raises:
        UsageError: the file cannot be read, or a line is neither.
        TokenizerError: the model has no tokenizer, or no chat template where one is needed.
    """
    for name, value, least in (("samples", samples, 1), ("length", length, 16)):
        if value < least:
            raise UsageError(f"{name}={value} is out of range", remedy=f"use at least {least}")
    file = Path(path) if path else OWN_CALIBRATION
    found = list(_samples(file, _tokenizer(checkpoint), length))
    if not found:
        raise UsageError(f"{file} holds no text", remedy=f"give a text, or a .jsonl file: {FORM}")
    count = min(samples, len(found))
    chosen = tuple(found[len(found) * i // count] for i in range(count))
    return Calibration(file.name if path else "sampan", chosen)


def _tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """That of a GGUF file is made from its keys."""
    if not isinstance(checkpoint, GgufCheckpoint):
        return Tokenizer.from_dir(checkpoint.path)
    with TemporaryDirectory(prefix="sampan-texts-") as folder:
        write_texts(checkpoint, checkpoint.path, Path(folder))
        return Tokenizer.from_dir(folder)


def _samples(file: Path, tokenizer: Tokenizer, length: int) -> Iterator[tuple[int, ...]]:
    if file.suffix.lower() != ".jsonl":
        yield from _pieces(tokenizer, read_user_text(file), length)
        return
    template = None
    for where, entry in read_json_lines(file, FORM):
        if isinstance(entry.get("text"), str):
            yield from _pieces(tokenizer, entry["text"], length)
        elif isinstance(entry.get("messages"), list):
            template = template or ChatTemplate(tokenizer)
            yield tuple(_conversation(template, tokenizer, entry["messages"], where)[:length])
        else:
            raise UsageError(f"{where} is neither a text nor a conversation", remedy=FORM)


def _pieces(tokenizer: Tokenizer, text: str, length: int) -> Iterator[tuple[int, ...]]:
    """Each begins as the model's texts begin."""
    start = tokenizer.encode("", add_bos=True)
    ids = tokenizer.encode(text)
    size = length - len(start)
    return ((*start, *ids[begin : begin + size]) for begin in range(0, len(ids), size))


def _conversation(
    template: ChatTemplate, tokenizer: Tokenizer, messages: Sequence[Mapping[str, Any]], where: str
) -> Sequence[int]:
    """As the model would have read and written it: templates drop the thoughts of answers that are over, so the last
    answer is one that goes on, and ends here."""
    try:
        is_answered = isinstance(messages[-1], Mapping) and messages[-1].get("role") == "assistant"
        prompt = template.encode(messages, continue_final_message=is_answered)
    except (SampanError, IndexError) as error:
        reason = error.message if isinstance(error, SampanError) else "there are no messages"
        raise UsageError(f"{where}: {reason}", remedy=FORM) from error
    return (*prompt.token_ids, *tokenizer.eos_token_ids[:1]) if is_answered else prompt.token_ids
