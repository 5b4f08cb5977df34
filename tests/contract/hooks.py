"""What schemathesis has to know of Sampan; `test_openapi.py` runs it."""

from __future__ import annotations

import json
import re
from typing import Any

import schemathesis

# Why a request that fits its schema may still be refused with 400: what JSON Schema cannot say, or reads otherwise.
BEYOND_A_SCHEMA = [
    # Rules between fields.
    r"\w+( and [\w.]+)+ differ",
    r"min_tokens=\d+ is out of range",  # by max_tokens
    r"answer_reserve=\d+ is out of range",
    r"structured_outputs says where the answer ends",
    r"structured_outputs holds .*constraint|structured_outputs holds \w+, ",
    r"json_schema is missing",
    r"max_tokens=0 is out of range",  # without prompt_logprobs
    r"stream and prompt_logprobs exclude each other",
    r"text_1 holds \d+ texts and text_2 \d+",
    r"top_logprobs needs logprobs",
    r"continue_final_message (wants|and)",
    r"repetition_detection is out of range",
    r"allowed_token_ids leaves nothing to draw",
    r"bad_words holds too many",
    r"structured_outputs says which tokens may come",
    r"an answer of that id is open",
    r"two tools have the same name",
    r"tool_choice asks for a function",
    r"functions are what tools were",
    r"the answer cannot be a tool call and follow",
    r"the parameters of [\w.-]+ are no object",
    r"the schema is missing",
    r"(previous_response_id|conversation|prompt) refers to what this server does not store",
    r"input holds 0 messages",
    r"\w+ is given twice",  # in the query and in the body
    r"prompt is missing or empty",  # in both
    r"\w+ and \w+ are both given|\w+ does not go with|only a prompt has query parameters",
    r"send one of prompt, messages and content",
    r"raw is without system and context",
    r"model is missing",
    r"tool_choice.name is missing|tool_choice asks for a function",
    r"two tools have the same name",
    # What the model's context and template make of a text.
    r"\d+ prompt tokens and max_tokens=\d+ exceed the context",
    r"the chat template cannot show these messages",
    r"input\[\d+\] has \d+ tokens, and the context",
    r"a query and its document have \d+ tokens, and the context",
    r"This model's embeddings have \d+ dimensions",
    # Texts with a grammar of their own.
    r"the constraint cannot be used",
    # Numbers: to a schema 1.0 is an integer, and some of its readers round what a double cannot hold.
    r"[\w\[\]]+: Input should be a valid (integer|string)$",
    r"\w+: Input should be less than or equal to 9223372036854775807",
]
SHORTEST_TIMEOUT = 1.0


@schemathesis.check
def a_refusal_has_a_reason(ctx: Any, response: Any, case: Any) -> None:
    """A request that fits its schema is refused for one of the reasons above only."""
    if response.status_code in (400, 422) and case.meta and case.meta.generation.mode.is_positive:
        error = json.loads(response.content)["error"]
        message = error if isinstance(error, str) else error["message"]  # in the dialect of the route
        assert any(re.match(reason, message) for reason in BEYOND_A_SCHEMA), message


@schemathesis.check
def nothing_leaks(ctx: Any, response: Any, case: Any) -> None:
    """No answer shows a stack, a file or an address of this program."""
    assert not re.search(rb"Traceback|File \"|site-packages|\.py\b|0x[0-9a-f]{8}", response.content)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Allows the time that an answer takes: the shortest that the schema permits would end them all."""
    timeout = case.body.get("timeout") if isinstance(case.body, dict) else None
    if isinstance(timeout, float) and 0 < timeout < SHORTEST_TIMEOUT:
        case.body["timeout"] = SHORTEST_TIMEOUT
