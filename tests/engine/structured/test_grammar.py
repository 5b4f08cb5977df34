"""Constraints from strangers: good ones mean what they say, bad ones are refused in one line and in time."""

from __future__ import annotations

import json
import time

import pytest

from byte_vocabulary import byte_vocabulary, encode
from sampan.engine.structured import GrammarCompiler, StructuredOutputsParams
from sampan.engine.structured.compiler import MAX_COMPILING, MAX_GRAMMARS
from sampan.engine.structured.params import MAX_CHARS
from sampan.errors import OverloadedError, RequestError

SECONDS = 5.0  # 1 on an idle machine


@pytest.fixture(scope="module")
def compiler() -> GrammarCompiler:
    return GrammarCompiler(byte_vocabulary())


def accepts(compiler: GrammarCompiler, params: StructuredOutputsParams, text: str) -> bool:
    matcher = compiler.compile(params).result().deep_copy()
    tokens = encode(text)
    return matcher.validate_tokens(tokens) == len(tokens) and matcher.consume_tokens(tokens) and matcher.is_accepting()


@pytest.mark.parametrize(
    ("given", "good", "bad"),
    [
        ({"json": {"type": "integer"}}, ["0", "-12"], ["1.5", '"1"', " 1", ""]),
        ({"json": '{"enum": ["é", 1, null]}'}, ['"é"', "1", "null"], ['"e"', "true"]),
        ({"json": {"type": "string", "pattern": "^[ab]+$"}}, ['"ab"'], ['""', '"c"']),
        (
            {"json": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}},
            ["[]", "[true, false]"],
            ["[1]", "[true,true,true]"],
        ),
        (
            {
                "json": {
                    "$ref": "#/$defs/t",
                    "$defs": {
                        "t": {
                            "type": "object",
                            "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/t"}}},
                            "additionalProperties": False,
                        }
                    },
                }
            },
            ['{"kids":[{"kids":[]},{}]}'],
            ['{"kids":{}}'],
        ),
        (
            {"json_object": True},
            ["{}", '{"a":[1,{"b":null}]}', '{\n  "a": 1\n}'],
            ["[]", "1", "", '{"a":1}}', '{\n\n"a":1}'],
        ),
        ({"regex": r"\d{3}|[x-z]+"}, ["123", "zyx"], ["12", "1234", "a"]),
        ({"regex": "^ab$"}, ["ab"], ["a", "abb"]),
        ({"choice": ["a.b", "", "(c|d)", "line\nbreak"]}, ["a.b", "", "(c|d)", "line\nbreak"], ["axb", "c"]),
        ({"grammar": 'start: NAME "=" NAME\nNAME: /[a-z]+/'}, ["a=b"], ["a=", "=b"]),
        ({"grammar": 'root ::= "(" root ")" | [0-9]'}, ["((7))"], ["((7)", "77"]),
    ],
)
def test_what_it_means(compiler: GrammarCompiler, given: dict[str, object], good: list[str], bad: list[str]) -> None:
    params = StructuredOutputsParams(**given)
    assert [text for text in good if not accepts(compiler, params, text)] == []
    assert [text for text in bad if accepts(compiler, params, text)] == []


def test_an_unknown_keyword_is_refused_or_left_aside(compiler: GrammarCompiler) -> None:
    schema = {"type": "integer", "not": {"const": 1}}
    with pytest.raises(RequestError, match="not"):
        compiler.compile(StructuredOutputsParams(json=schema)).result()
    assert accepts(compiler, StructuredOutputsParams(json=schema, strict=False), "1")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"json": {}, "regex": "a"},
        {"choice": []},
        {"choice": "ab"},
        {"regex": "a" * (MAX_CHARS + 1)},
        {"json": "[" * (2**20)},
        {"json": {"a": object()}},
        {"choice": ["a" * 1000] * 100},
    ],
)
def test_what_is_refused_at_once(given: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        StructuredOutputsParams(**given)


def nested(levels: int) -> str:
    return '{"items":' * levels + "{}" + "}" * levels


def chain(length: int) -> str:
    links = (f'"{i}":{{"items":{{"$ref":"#/$defs/{i + 1}"}}}}' for i in range(length))
    return f'{{"$ref":"#/$defs/0","$defs":{{{",".join(links)},"{length}":{{}}}}}}'


HOSTILE = {
    "deep schema": {"json": nested(6000)},
    "schema is no object": {"json": "[1]"},
    "schema is no JSON": {"json": '{"type":'},
    "numbers that are none": {"json": '{"const": NaN}'},
    "lone surrogate": {"regex": "\ud800"},
    "lone surrogate in a schema": {"json": '{"const":"\\ud800"}'},
    "reference to itself": {"json": {"$ref": "#"}},
    "references in a circle": {
        "json": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}
    },
    "remote reference": {"json": {"$ref": "http://127.0.0.1:9/schema.json"}},
    "reference to a file": {"json": {"$ref": "file:///etc/passwd"}},
    "long chain of references": {"json": chain(1500)},
    "product of alternatives": {
        "json": {"allOf": [{"anyOf": [{"required": [f"{i}.{j}"]} for j in range(6)]} for i in range(12)]}
    },
    "no value fits": {"json": {"type": "integer", "minimum": 5, "maximum": 4}},
    "many patterns": {
        "json": {"properties": {f"p{i}": {"type": "string", "pattern": "[a-z]{3,90}"} for i in range(1100)}}
    },
    "many formats": {"json": {"properties": {f"p{i}": {"type": "string", "format": "date-time"} for i in range(1100)}}},
    "large enumeration": {"json": {"enum": [f"value {i}" for i in range(4000)]}},
    "many choices": {"choice": [f"choice {i}" for i in range(4000)]},
    "huge counts": {"json": {"type": "array", "items": {"type": "string", "maxLength": 10**9}, "minItems": 10**9}},
    "large divisor": {"json": {"type": "integer", "multipleOf": 982451653}},
    "nested counts": {"regex": "(([a-z]{1,1000}){1,1000}){1,1000}"},
    "nested stars": {"regex": "(a|a)*" * 2000 + "b"},
    "exponential automaton": {"regex": "(a|b)*a(a|b){2000}"},
    "deep expression": {"regex": "(" * 30_000 + "a" + ")" * 30_000},
    "look-around": {"regex": "(?=a)b"},
    "back reference": {"regex": r"(a)\1"},
    "deep grammar": {"grammar": "start: " + "(" * 30_000 + '"a"' + ")" * 30_000},
    "deep GBNF": {"grammar": "root ::= " + "(" * 30_000 + '"a"' + ")" * 30_000},
    "long chain of rules": {
        "grammar": "start: r0\n" + "\n".join(f"r{i}:r{i + 1}" for i in range(5000)) + '\nr5000:"a"'
    },
    "rule without an end": {"grammar": "start: a\na: b\nb: a"},
    "unknown rule": {"grammar": "start: nothing"},
    "ambiguity": {"grammar": 'start: start start start | "a" | ""'},
    "empty grammar": {"grammar": ""},
}


@pytest.mark.parametrize("given", HOSTILE.values(), ids=HOSTILE)
def test_hostile_constraints_end_in_time(compiler: GrammarCompiler, given: dict[str, object]) -> None:
    started = time.monotonic()
    error: Exception | None = None
    try:
        assert not compiler.matcher(StructuredOutputsParams(**given), [5]).failed
    except RequestError as refused:
        error = refused
    assert time.monotonic() - started < SECONDS
    if error is not None:
        assert "\n" not in str(error)
        assert len(str(error)) < 400


def test_what_cannot_be_met_is_refused(compiler: GrammarCompiler) -> None:
    for name in ("reference to itself", "remote reference", "reference to a file", "no value fits", "look-around"):
        with pytest.raises(RequestError):
            compiler.matcher(StructuredOutputsParams(**HOSTILE[name]), [5])


def test_a_grammar_is_compiled_once_and_the_last_ones_are_kept() -> None:
    compiler = GrammarCompiler(byte_vocabulary())
    first = StructuredOutputsParams(regex="first")
    grammar = compiler.compile(first)
    grammar.result()
    for i in range(MAX_GRAMMARS - 1):
        compiler.compile(StructuredOutputsParams(regex=f"r{i}")).result()
    assert compiler.compile(StructuredOutputsParams(regex="first")) is grammar
    for i in range(MAX_GRAMMARS):
        compiler.compile(StructuredOutputsParams(regex=f"s{i}")).result()
    assert compiler.compile(first) is not grammar
    bad = StructuredOutputsParams(regex="(")
    assert compiler.compile(bad).exception() is not None
    assert compiler.compile(bad).exception() is not None  # forgotten and tried again, to no other end


def test_too_many_that_wait_are_refused() -> None:
    compiler = GrammarCompiler(byte_vocabulary())
    slow = [StructuredOutputsParams(json={"title": str(i), **json.loads(chain(900))}) for i in range(MAX_COMPILING + 5)]
    futures = []
    with pytest.raises(OverloadedError):
        futures += [compiler.compile(params) for params in slow]
    assert accepts(compiler, slow[0], "[]")
