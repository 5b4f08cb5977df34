"""Bodies that are no JSON, or JSON that no one would write."""

from __future__ import annotations

import json

from hostile.case import COMPLETIONS, GENERATE, OK, Case, body, chat, refused

HELLO = b'{"messages":[{"role":"user","content":"hi"}],"max_tokens":2'
NO_JSON = refused()
MIB = 2**20
LIMIT = 4 * MIB  # of a body


def hello(more: bytes) -> bytes:
    return HELLO + b"," + more + b"}"


# fmt: off -- a table: one case, one line
CASES: list[Case] = [
    body("nothing", b"", NO_JSON),
    body("blanks", b" \r\n\t", NO_JSON),
    body("an open brace", b"{", NO_JSON),
    body("a cut body", HELLO, NO_JSON),
    body("null", b"null", NO_JSON),
    body("a list", b"[]", NO_JSON),
    body("a text", b'"messages"', NO_JSON),
    body("a number", b"1", NO_JSON),
    body("true", b"true", NO_JSON),
    body("an empty object", b"{}", refused(param="messages")),
    body("something after the end", HELLO + b"}}", NO_JSON),
    body("two objects", HELLO + b"}" + HELLO + b"}", NO_JSON),
    body("single quotes", b"{'messages':[]}", NO_JSON),
    body("a comment", HELLO + b"/* hi */}", NO_JSON),
    body("a comma too many", HELLO + b",}", NO_JSON),
    body("no quotes", b"{messages:[]}", NO_JSON),
    body("hexadecimal", hello(b'"seed":0x10'), NO_JSON),
    body("a leading zero", hello(b'"seed":010'), NO_JSON),
    body("a leading plus", hello(b'"seed":+1'), NO_JSON),
    body("a bare point", hello(b'"temperature":.5'), NO_JSON),
    body("a byte order mark", b"\xef\xbb\xbf" + HELLO + b"}", NO_JSON),
    body("UTF-16", (HELLO + b"}").decode().encode("utf-16"), NO_JSON),
    body("UTF-32", (HELLO + b"}").decode().encode("utf-32"), NO_JSON),
    body("no UTF-8", b'{"prompt":"\xff\xfe"}', NO_JSON, COMPLETIONS),
    body("UTF-8 that is cut", b'{"prompt":"\xe4\xbd"}', NO_JSON, COMPLETIONS),
    body("UTF-8 that is too long", b'{"prompt":"\xc0\xaf"}', NO_JSON, COMPLETIONS),
    body("a surrogate in UTF-8", b'{"prompt":"\xed\xa0\x80"}', NO_JSON, COMPLETIONS),
    body("half a pair of surrogates", b'{"prompt":"\\ud83e"}', NO_JSON, COMPLETIONS),
    body("the other half", b'{"prompt":"\\udd14"}', NO_JSON, COMPLETIONS),
    body("halves in the wrong order", b'{"prompt":"\\udd14\\ud83e"}', NO_JSON, COMPLETIONS),
    body("half a pair in a key", b'{"prompt":"x","\\ud83e":1}', NO_JSON, COMPLETIONS),
    body("half a pair in a simple prompt", b'{"prompt":"\\ud83e"}', NO_JSON, GENERATE),
    body("both halves", b'{"prompt":"\\ud83e\\udd14","max_tokens":2}', OK, COMPLETIONS),
    body("an escaped zero", b'{"prompt":"\\u0000","max_tokens":2}', OK, COMPLETIONS),
    body("a bare control character", b'{"prompt":"a\nb"}', NO_JSON, COMPLETIONS),
    body("an escape that is none", b'{"prompt":"\\x41"}', NO_JSON, COMPLETIONS),
    body("an escape that is cut", b'{"prompt":"\\u00"}', NO_JSON, COMPLETIONS),
    body("NaN", hello(b'"temperature":NaN'), refused(param="temperature")),
    body("Infinity", hello(b'"temperature":Infinity'), refused(param="temperature")),
    body("minus Infinity", hello(b'"temperature":-Infinity'), refused(param="temperature")),
    body("a number beyond all doubles", hello(b'"temperature":1e999'), refused(param="temperature")),
    body("NaN as a bias", hello(b'"logit_bias":{"5":NaN}'), refused(param="logit_bias")),
    body("NaN in a field that nobody knows", hello(b'"mystery":NaN'), OK),
    body("NaN in a schema", hello(b'"guided_json":{"maximum":NaN}'), refused(param="structured_outputs")),
    body("an integer of 5000 digits", hello(b'"seed":' + b"9" * 5000), refused()),
    body("an integer of 4000 digits", hello(b'"seed":' + b"9" * 4000), refused(param="seed")),
    body("a fraction of 100,000 digits", hello(b'"temperature":0.' + b"1" * 100_000), OK),
    body("an exponent of 1000 digits", hello(b'"temperature":1e-' + b"9" * 1000), OK),
    body("minus nothing", hello(b'"temperature":-0.0'), OK),
    body("a key twice", hello(b'"max_tokens":1'), OK),
    body("a key twice, the second wrong", hello(b'"max_tokens":"x"'), refused(param="max_tokens")),
    body("a key twice, the first wrong", b'{"max_tokens":"x",' + HELLO[1:] + b"}", OK),
    body("messages twice", hello(b'"messages":[]'), refused(param="messages")),
    body("an empty key", hello(b'"":1'), OK),
    body("the key of all objects", hello(b'"__proto__":{"stream":true},"constructor":1'), OK),
    body("keys of Python", hello(b'"__class__":"x","model_config":{},"model_fields_set":["n"],"__dict__":{}'), OK),
    body("a key of a million letters", hello(b'"' + b"k" * MIB + b'":1'), OK),
    body("10,000 unknown keys", hello(b",".join(b'"k%d":0' % i for i in range(10_000))), OK),
    body("100,000 open brackets", b"[" * 100_000, NO_JSON),
    body("100,000 open objects", b'{"a":' * 100_000, NO_JSON),
    body("100,000 brackets in a field", b'{"messages":' + b"[" * 100_000, NO_JSON),
    body("150 brackets in an unknown field", hello(b'"x":' + b"[" * 150 + b"]" * 150), OK),
    body("500 brackets in an unknown field", hello(b'"x":' + b"[" * 500 + b"]" * 500), NO_JSON),
    body(
        "a schema 150 deep",
        hello(b'"guided_json":' + b'{"not":' * 150 + b"{}" + b"}" * 150),
        refused(param="structured_outputs"),
    ),
    body("tools 100 deep", hello(b'"tools":[' + b'{"a":' * 100 + b"{}" + b"}" * 100 + b"]"), refused(param="tools")),
    body("a body at its limit", hello(b'"x":"' + b"x" * (LIMIT - len(HELLO) - 8) + b'"'), OK),
    body("a body beyond its limit", hello(b'"x":"' + b"x" * LIMIT + b'"'), refused(413)),
    body("4 MiB of blanks", b" " * LIMIT, NO_JSON),
    body("a million zeros", b'{"prompt":[' + b"0," * MIB + b"0]}", refused(param="prompt"), COMPLETIONS),
    body("a million empty texts", b'{"prompt":[' + b'"",' * 1_000_000 + b'""]}', refused(param="prompt"), COMPLETIONS),
    body(
        "half a million stop strings of the wrong type",
        hello(b'"stop":[' + b"0," * 500_000 + b"0]"),
        refused(param="stop"),
    ),
    body(
        "100,000 biases of the wrong type",
        hello(b'"logit_bias":{' + b",".join(b'"%d":""' % i for i in range(100_000)) + b"}"),
        refused(param="logit_bias"),
    ),
    body("a million messages", b'{"messages":[' + b"{}," * MIB + b"{}]}", refused(param="messages")),
    chat(
        "a text of half a million letters",
        refused(param="prompt"),
        messages=[{"role": "user", "content": "x" * (MIB // 2)}],
    ),
    body(
        "a text of a million blanks", json.dumps({"prompt": " " * MIB}).encode(), refused(param="prompt"), COMPLETIONS
    ),
]
