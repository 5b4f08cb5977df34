"""From what a request asks for to a grammar in llguidance's words.

A schema never makes anybody fetch anything: references that leave it are refused. Grammars are bounded in what they may
cost to compile and in what one token may cost afterwards, as requests bring them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import llguidance
from llguidance.gbnf_to_lark import any_to_lark

from sampan.engine.structured.params import StructuredOutputsParams
from sampan.errors import RequestError

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions  # exists for type checkers alone

# Between the parts of JSON stands nothing, a blank, or a new line and its indentation: what models write, without the
# endless blanks that some fall into.
WHITESPACE = r"( |\n[ \t]{0,32})"
LIMITS = llguidance.LLParserLimits(
    initial_lexer_fuel=100_000,  # 2 ms; a few megabytes where all of it goes into states ahead of time
    step_lexer_fuel=200_000,  # 14 ms a token
    step_max_items=50_000,  # 3 ms a token
    max_items_in_row=2_000,
    max_lexer_states=20_000,  # 2 kB each
    max_grammar_size=200_000,
    verbose_errors=False,
)
MAX_REASON_CHARS = 200


def to_grammar(params: StructuredOutputsParams) -> str:
    """The constraint as llguidance reads it, not yet compiled.

    Raises:
        RequestError: it is not well formed, as far as that shows without compiling.
    """
    try:
        if params.json_object:
            return _from_schema({"type": "object"}, strict=True)
        if params.json is not None:
            return _from_schema(_parse_schema(str(params.json)), strict=params.strict)
        if params.choice is not None:
            return llguidance.LLMatcher.grammar_from_regex("|".join(map(re.escape, params.choice)))
        if params.grammar is not None:
            return llguidance.LLMatcher.grammar_from_lark(any_to_lark(params.grammar))
        return llguidance.LLMatcher.grammar_from_regex(params.regex or "")
    except Exception as error:  # the converters raise what they happen to raise
        raise refusal(str(error)) from None


def compile_grammar(trie: llguidance.LLTokenizer, grammar: str) -> llguidance.LLMatcher:
    """A matcher at the beginning of an answer. Its first mask is computed already, so it is known that there is one.

    Raises:
        RequestError: the grammar is wrong, too complex, or allows no answer at all.
    """
    matcher = llguidance.LLMatcher(trie, grammar, log_level=0, limits=LIMITS)
    if not matcher.is_error():
        matcher.compute_bitmask()
    if matcher.is_error():
        raise refusal(matcher.get_error())
    return matcher


def refusal(reason: str) -> RequestError:
    """What is wrong with a constraint, in one line."""
    line = " ".join(reason.split())
    if "NoExtension" in line:
        line = "no answer can follow it"
    return RequestError(
        f"the constraint cannot be used: {line[:MAX_REASON_CHARS]}",
        param="structured_outputs",
        remedy="correct or simplify it",
    )


def _parse_schema(text: str) -> dict[str, Any]:
    schema = json.loads(text)
    if not isinstance(schema, dict):
        raise ValueError("a JSON schema is an object")
    return schema


def _from_schema(schema: dict[str, Any], *, strict: bool) -> str:
    options: JsonCompileOptions = {
        "whitespace_pattern": WHITESPACE,
        "item_separator": ",",
        "key_separator": ":",
        "lenient": not strict,
    }
    return llguidance.LLMatcher.grammar_from_json_schema(schema, overrides=options)
