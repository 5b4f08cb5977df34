"""What an answer must look like, as plain data. The names are vLLM's."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass
from typing import Any

from sampan.errors import RequestError

MAX_CHARS = 65_536  # of a schema, an expression or a grammar, and of all choices together
_FIELD = "structured_outputs"


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredOutputsParams:
    """Exactly one of the five ways to constrain an answer. Immutable; sizes are checked when it is made, and the rest
    when the grammar is compiled.

    Args:
        json: a JSON schema, as text or as a dictionary (which is kept as text).
        json_object: any JSON object.
        regex: the whole answer matches this expression (Rust's `regex` syntax, without look-around and references).
        choice: the answer is one of these strings.
        grammar: a grammar in Lark's notation as llguidance reads it, or in GBNF (`root ::= ...`).
        strict: a keyword of the schema that cannot be enforced is refused; false leaves such keywords aside.

    Raises:
        RequestError: not exactly one is given, or it is empty or too long.
    """

    json: str | dict[str, Any] | None = None
    json_object: bool = False
    regex: str | None = None
    choice: tuple[str, ...] | None = None
    grammar: str | None = None
    strict: bool = True

    def __post_init__(self) -> None:
        given = [name for name in ("json", "regex", "choice", "grammar") if getattr(self, name) is not None]
        given += ["json_object"] if self.json_object else []
        if len(given) != 1:
            raise RequestError(
                f"{_FIELD} holds {', '.join(given) or 'no constraint'}",
                param=_FIELD,
                remedy="give exactly one of json, json_object, regex, choice and grammar",
            )
        if isinstance(self.choice, str) or (self.choice is not None and not self.choice):
            raise RequestError("choice is no list of strings", param=_FIELD, remedy="give one string at least")
        if self.choice is not None:
            object.__setattr__(self, "choice", tuple(self.choice))
        if isinstance(self.json, dict):
            object.__setattr__(self, "json", _to_text(self.json))
        num_chars = sum(map(len, (*(self.choice or ()), *filter(None, (self.json, self.regex, self.grammar)))))
        if num_chars > MAX_CHARS:
            raise RequestError(
                f"{given[0]} has {num_chars} characters", param=_FIELD, remedy=f"use at most {MAX_CHARS}"
            )


def _to_text(schema: dict[str, Any]) -> str:
    try:
        return json_text.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"the schema is no JSON: {error}", param=_FIELD, remedy="send a JSON object") from None
