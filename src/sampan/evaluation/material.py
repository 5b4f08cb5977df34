"""What a model is measured on: texts that it reads, and tasks that it answers.

Sampan's own are in `data/`, written for it: Chinese, English, code, and thoughts in the manner of R1; sums, word
problems, multiple choice and what a piece of code prints. A user's file takes their place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from sampan.errors import UsageError
from sampan.evaluation.overlap import Fingerprint
from sampan.text.user_file import read_json_lines, read_user_text

DATA = Path(__file__).parent / "data"
DOMAINS = ("zh", "en", "code", "thought")
BETWEEN = "\n====\n"  # texts of a file of Sampan's own
FORM = 'write {"text": "..."} or {"messages": [...], "answer": "..."} on each line'

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Text:
    """What a model reads. `domain` is what figures are also given for."""

    domain: str
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """A conversation and the answer that is expected; see `sampan.evaluation.grading`."""

    kind: str
    messages: tuple[Message, ...]
    answer: str

    @property
    def prompt(self) -> str:
        """What the user said last."""
        return str(self.messages[-1]["content"])


@dataclass(frozen=True)
class Material:
    """Texts and tasks.

    Args:
        sources: the names of the files that they come from.
        dropped: beginnings of the texts and tasks that were left out, because the calibration saw them.
    """

    texts: tuple[Text, ...]
    tasks: tuple[Task, ...]
    sources: tuple[str, ...]
    dropped: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """Of all texts and tasks, in their order."""
        content = [[text.domain, text.text] for text in self.texts]
        asked = [[task.kind, list(task.messages), task.answer] for task in self.tasks]
        return sha256(json.dumps([content, asked], ensure_ascii=False).encode()).hexdigest()

    def limited(self, max_tasks: int | None) -> Material:
        """With at most so many tasks, of all kinds alike."""
        if max_tasks is None or max_tasks >= len(self.tasks):
            return self
        chosen = (self.tasks[index * len(self.tasks) // max_tasks] for index in range(max_tasks))
        return replace(self, tasks=tuple(chosen))

    def without(self, calibration: Iterable[str]) -> Material:
        """What the calibration of a quantised model has not seen: a text that shares a piece of it is left out.

        Args:
            calibration: its texts; `read_texts` gives those of a file.

        Raises:
            UsageError: no text is left.
        """
        seen = Fingerprint(calibration)
        texts = tuple(text for text in self.texts if not seen.overlaps(text.text))
        tasks = tuple(task for task in self.tasks if not seen.overlaps(task.prompt))
        gone = [t.text for t in self.texts if t not in texts] + [t.prompt for t in self.tasks if t not in tasks]
        if not texts and self.texts:
            raise UsageError(
                "the calibration holds all of the evaluation's texts", remedy="evaluate on others: --data FILE"
            )
        return replace(self, texts=texts, tasks=tasks, dropped=(*self.dropped, *(_beginning(text) for text in gone)))


def own_material() -> Material:
    """Sampan's own."""
    texts = [
        Text(domain, text.strip("\n"))
        for domain in DOMAINS
        for text in (DATA / f"{domain}.txt").read_text(encoding="utf-8").split(BETWEEN)
    ]
    tasks = [_task(entry, "tasks.jsonl") for _, entry in read_json_lines(DATA / "tasks.jsonl", FORM)]
    return Material(tuple(texts), tuple(tasks), ("sampan",))


def read_material(path: str | Path | None) -> Material:
    """A user's file, or Sampan's own where there is none.

    Args:
        path: plain text, or JSONL (by its suffix) with `{"text"}` or `{"messages", "answer"}` on each line; both may
            have a `"domain"` or `"kind"`, for figures of their own.

    Raises:
        UsageError: the file cannot be read, or a line is neither.
    """
    if path is None:
        return own_material()
    path = Path(path)
    if path.suffix.lower() != ".jsonl":
        text = read_user_text(path)
        if not text.strip():
            raise UsageError(f"{path} is empty", remedy=f"give a text, or a .jsonl file: {FORM}")
        return Material((Text(path.stem, text),), (), (path.name,))
    texts, tasks = [], []
    for where, entry in read_json_lines(path, FORM):
        if isinstance(entry.get("text"), str) and entry["text"].strip():
            texts.append(Text(str(entry.get("domain", path.stem)), entry["text"]))
        else:
            tasks.append(_task(entry, where))
    if not texts and not tasks:
        raise UsageError(f"{path} is empty", remedy=FORM)
    return Material(tuple(texts), tuple(tasks), (path.name,))


def _task(entry: Mapping[str, Any], where: str) -> Task:
    messages, answer = entry.get("messages"), entry.get("answer")
    is_conversation = isinstance(messages, list) and all(
        isinstance(message, dict) and isinstance(message.get("role"), str) and isinstance(message.get("content"), str)
        for message in messages
    )
    if not messages or not is_conversation or not isinstance(answer, (str, int, float)):
        raise UsageError(f"{where} is neither a text nor a task with its answer", remedy=FORM)
    return Task(str(entry.get("kind", "task")), tuple(messages), str(answer).strip())


def read_texts(path: str | Path) -> Iterator[str]:
    """Every text in a calibration file, text or JSONL, whatever the names of its fields.

    Raises:
        UsageError: the file cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() != ".jsonl":
        yield read_user_text(path)
        return
    for _, entry in read_json_lines(path, FORM):
        yield from _strings(entry)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for part in value.values() for text in _strings(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in _strings(part))


def _beginning(text: str, length: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
