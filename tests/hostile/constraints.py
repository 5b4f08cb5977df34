"""Grammars, expressions and schemas that explode, loop, reach out or mean nothing."""

from __future__ import annotations

from typing import Any

from hostile.case import OK, Answer, Case, chat, refused

UNUSABLE = refused(param="structured_outputs")


def regex(name: str, expression: str, answer: Answer | None = None) -> Case:
    return chat(name, answer or UNUSABLE, guided_regex=expression)


def schema(name: str, value: Any, answer: Answer | None = None) -> Case:
    return chat(name, answer or UNUSABLE, guided_json=value)


def grammar(name: str, text: str, answer: Answer | None = None) -> Case:
    return chat(name, answer or UNUSABLE, guided_grammar=text)


def response_format(name: str, value: Any, answer: Answer | None = None) -> Case:
    return chat(name, answer or refused(param="response_format"), response_format=value)


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        value = {"type": "object", "properties": {"a": value}, "required": ["a"]}
    return value


# fmt: off -- a table: one case, one line
CASES: list[Case] = [
    regex("repetitions of repetitions", "((a{1,1000}){1,1000}){1,1000}", OK),
    regex("a repetition of a billion", "a{1000000000}", OK),
    regex("nine thousand alternatives", "|".join(f"w{i}" for i in range(9000)), OK),
    regex("the classic that backtracks for ever", "(a+)+$", OK),
    regex("an open bracket", "(((("),
    regex("an open class", "[a-"),
    regex("a class that runs backwards", "[z-a]"),
    regex("a reference back", r"(a)\1"),
    regex("a look ahead", "(?=a)b"),
    regex("a look behind", "(?<!a)b"),
    regex("a quantifier of nothing", "*a"),
    regex("an empty expression", "", OK),
    regex("an expression that nothing matches", r"[^\s\S]"),
    regex("an expression too long", "a" * 65_537, refused(param="guided_regex")),
    regex("an expression with a zero", "a\x00b", OK),
    regex("ten thousand brackets", "(" * 10_000 + ")" * 10_000),
    schema("a schema of itself", {"$ref": "#"}),
    schema(
        "schemas of one another",
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
    ),
    schema("a schema elsewhere", {"$ref": "http://127.0.0.1:9/schema.json"}),
    schema("a schema in a file", {"$ref": "file:///etc/passwd"}),
    schema("a schema that is not there", {"$ref": "#/$defs/nowhere"}),
    schema("a type of a schema that is none", {"type": "cat"}),
    schema("a number as type", {"type": 5}),
    schema("a list with a billion items", {"type": "array", "items": {"type": "integer"}, "minItems": 10**9}, OK),
    schema("a text of a million million letters", {"type": "string", "minLength": 10**12}),
    schema("bounds that exclude each other", {"type": "integer", "minimum": 5, "maximum": 4}),
    schema("nothing is allowed", {"not": {}}),
    schema("false", "false"),
    schema("a schema that is no JSON", "{"),
    schema("a schema as a list", "[]"),
    schema("a pattern that explodes", {"type": "string", "pattern": "((a{1,1000}){1,1000}){1,1000}"}, OK),
    schema("a pattern that is none", {"type": "string", "pattern": "("}),
    schema("an empty choice", {"enum": []}),
    schema("properties that are none", {"type": "object", "properties": 5}),
    schema("what is required is none", {"type": "object", "required": "a"}),
    schema("a schema forty deep", nested(40), OK),
    schema("a schema four hundred deep", nested(400), refused()),
    schema(
        "ten thousand properties",
        {"type": "object", "properties": {f"p{i}": {"type": "integer"} for i in range(10_000)}},
        refused(param="guided_json"),
    ),
    schema("a choice of three thousand texts", {"enum": [f"text {i}" for i in range(3000)]}, OK),
    schema("a choice too long", {"enum": ["x" * 100] * 1000}, refused(param="guided_json")),
    grammar("no grammar", "hello"),
    grammar("an empty grammar", ""),
    grammar("a grammar without a start", "rule: /a/"),
    grammar("a rule that is not there", "start: nowhere"),
    grammar("a rule of itself alone", "start: start"),
    grammar("rules of one another", "start: a\na: b\nb: a"),
    grammar("recursion to the left", 'start: start "a" | "b"', OK),
    grammar(
        "two to the thirtieth",
        "\n".join(["start: r30", 'r0: "a"', *(f"r{i}: r{i - 1} r{i - 1}" for i in range(1, 31))]),
        OK,
    ),
    grammar("a grammar that imports", "%import common.NUMBER\nstart: NUMBER", OK),
    grammar("a grammar that includes a file", '%import "/etc/passwd"\nstart: "a"'),
    grammar("a grammar too long", 'start: "' + "a" * 65_537 + '"', refused(param="guided_grammar")),
    grammar("GBNF of itself alone", "root ::= root"),
    grammar("GBNF without a root", 'other ::= "a"'),
    grammar("GBNF with an open bracket", 'root ::= ("a"'),
    chat("choices too long", refused(param="guided_choice"), guided_choice=["x" * 100] * 1000),
    chat("two constraints", refused(param="guided_regex"), guided_regex="a", guided_grammar='start: "a"'),
    chat(
        "a constraint and an answer that must go on",
        refused(param="structured_outputs"),
        guided_regex="a",
        ignore_eos=True,
    ),
    chat(
        "all constraints at once",
        refused(param="structured_outputs"),
        structured_outputs={"json": {}, "regex": "a", "choice": ["a"], "grammar": "a"},
    ),
    chat("a constraint that is none", OK, structured_outputs={}),
    chat(
        "a way to constrain that nobody knows",
        refused(501, "NotImplementedError", "structured_outputs"),
        structured_outputs={"prolog": "a."},
    ),
    response_format("a format that nobody knows", {"type": "xml"}),
    response_format("a format without a type", {}),
    response_format("a format whose type is a list", {"type": ["text"]}),
    response_format("a schema is promised", {"type": "json_schema"}),
    response_format("a schema is promised and null", {"type": "json_schema", "json_schema": None}),
    response_format("a schema is missing in its place", {"type": "json_schema", "json_schema": {"name": "x"}}),
    response_format("a schema that is a text", {"type": "json_schema", "json_schema": {"name": "x", "schema": "{}"}}),
    response_format(
        "a keyword that cannot be enforced",
        {
            "type": "json_schema",
            "json_schema": {"name": "x", "strict": True, "schema": {"type": "array", "uniqueItems": True}},
        },
        UNUSABLE,
    ),
    response_format("any object", {"type": "json_object"}, OK),
    response_format("a text with a schema", {"type": "text", "json_schema": {"schema": {"type": "cat"}}}, OK),
]
