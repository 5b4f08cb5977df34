"""One hostile request and what is answered to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

CHAT, COMPLETIONS, GENERATE = "/v1/chat/completions", "/v1/completions", "/generate"
BAD = "BadRequestError"
MESSAGES = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True)
class Answer:
    """Of an error also what its body holds; of an answer at least how many tokens the prompt had."""

    status: int
    type: str = ""
    param: str | None = None
    prompt_tokens: int = 0


@dataclass(frozen=True)
class Case:
    """Bytes that are sent over a connection of their own, and the answers to them in turn; none where it just ends."""

    name: str
    data: bytes
    answers: tuple[Answer, ...]


def case(name: str, data: bytes, *answers: Answer) -> Case:
    """A case in raw bytes."""
    return Case(name, data, answers)


def refused(status: int = 400, type_: str = BAD, param: str | None = None) -> Answer:
    """An error."""
    return Answer(status, type_, param)


OK = Answer(200)


def head(line: str, *headers: str) -> bytes:
    """A request's first line and headers, with the host that the server wants."""
    return "\r\n".join((line, "Host: localhost", *headers, "", "")).encode("latin-1")


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request in proper form, whatever its body."""
    return (
        head(f"POST {path} HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers) + body
    )


def body(name: str, content: bytes, answer: Answer, path: str = CHAT) -> Case:
    """A case of which only the body is odd."""
    return case(name, post(path, content), answer)


def fields(path: str, name: str, answer: Answer, **given: Any) -> Case:
    """A case of which only some fields are odd."""
    needed: dict[str, Any] = {"messages": MESSAGES} if path == CHAT else {"prompt": "hi"}
    return body(name, json.dumps({**needed, "max_tokens": 4, **given}).encode(), answer, path)


def chat(name: str, answer: Answer, **given: Any) -> Case:
    """The same of a chat."""
    return fields(CHAT, name, answer, **given)


def completion(name: str, answer: Answer, **given: Any) -> Case:
    """The same of a completion."""
    return fields(COMPLETIONS, name, answer, **given)


def with_prompt(answer: Answer, tokens: int) -> Answer:
    """An answer to a prompt that had as many tokens at least: what looked special in it stayed text."""
    return replace(answer, prompt_tokens=tokens)
