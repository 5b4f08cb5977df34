"""Counts without end, alone and together, and values beyond their bounds."""

from __future__ import annotations

from hostile.case import COMPLETIONS, GENERATE, OK, Case, body, chat, completion, fields, refused

HUGE = 10**12
CONTEXT = 2048  # of the embedded model


def beyond(name: str, value: object, *, label: str = "") -> Case:
    """A field of a chat that is refused under its own name."""
    return chat(label or f"{name}={value!r}"[:60], refused(param=name), **{name: value})


# fmt: off -- a table: one case, one line
CASES: list[Case] = [
    *(beyond("n", value) for value in (0, -1, 65, HUGE, 2**63, 1.5)),
    *(beyond("max_tokens", value) for value in (0, -1, CONTEXT, 2**31, HUGE, 2**64)),
    *(beyond("max_completion_tokens", value) for value in (0, -1, HUGE)),
    *(beyond("top_logprobs", value) for value in (-1, 21, HUGE)),
    *(beyond("temperature", value) for value in (-0.1, 100.1, -1e308)),
    *(beyond("top_p", value) for value in (0, -0.5, 1.1)),
    *(beyond("top_k", value) for value in (-2, HUGE, 2**64)),
    *(beyond("min_p", value) for value in (-0.1, 1.1)),
    *(beyond("seed", value) for value in (-1, 2**63, 2**64)),
    *(beyond("presence_penalty", value) for value in (-2.1, 2.1)),
    *(beyond("frequency_penalty", value) for value in (-2.1, 1e300)),
    *(beyond("repetition_penalty", value) for value in (0, -1, 1e9)),
    *(beyond("min_tokens", value) for value in (-1, 5, HUGE)),  # max_tokens is 4
    *(beyond("thinking_token_budget", value) for value in (-1, HUGE)),
    *(beyond("thinking_budget", value) for value in (-1, HUGE)),
    *(beyond("answer_reserve", value) for value in (-1, 4, HUGE)),
    *(beyond("priority", value) for value in (101, -101, HUGE)),
    *(beyond("timeout", value) for value in (0, -1, 1e9)),
    beyond("user", "u" * 257, label="a user's name too long"),
    beyond("cache_salt", "s" * 257, label="a salt too long"),
    beyond("model", "m" * 257, label="a model's name too long"),
    beyond("stop", ["s"] * 17, label="17 stop strings"),
    beyond("stop", ["s"] * 100_000, label="100,000 stop strings"),
    beyond("stop", "s" * 257, label="a stop string too long"),
    beyond("stop", "", label="an empty stop string"),
    beyond("stop", ["a", ""], label="an empty stop string among others"),
    beyond("stop_token_ids", [0] * 65, label="65 stop ids"),
    beyond("stop_token_ids", [-1], label="a negative stop id"),
    beyond("stop_token_ids", [2**31 - 1], label="a stop id outside the vocabulary"),
    beyond("stop_token_ids", [2**64], label="a stop id beyond all integers"),
    beyond("logit_bias", {str(i): 1 for i in range(1025)}, label="1025 biases"),
    beyond("logit_bias", {str(i): 1 for i in range(200_000)}, label="200,000 biases"),
    beyond("logit_bias", {"5": 100.5}, label="a bias too large"),
    beyond("logit_bias", {"-1": 1}, label="a bias of a negative id"),
    beyond("logit_bias", {"2147483647": 1}, label="a bias outside the vocabulary"),
    beyond("logit_bias", {str(2**64): 1}, label="a bias of an id beyond all integers"),
    beyond("logit_bias", {"cat": 1}, label="a bias of a word"),
    beyond("logit_bias", {"1e3": 1}, label="a bias of a number with an exponent"),
    beyond("logit_bias", {"": 1}, label="a bias of nothing"),
    beyond("logit_bias", {"5": None}, label="no bias"),
    beyond("messages", [], label="no message"),
    beyond("messages", [{"role": "user", "content": "x"}] * 4097, label="4097 messages"),
    completion("n of a completion", refused(param="n"), n=65),
    completion("logprobs=21", refused(param="logprobs"), logprobs=21),
    completion("logprobs=-1", refused(param="logprobs"), logprobs=-1),
    completion("a negative token id", refused(param="prompt"), prompt=[-1]),
    completion("a token id outside the vocabulary", refused(param="prompt"), prompt=[1, 2**31 - 1]),
    completion("a token id beyond 32 bits", refused(param="prompt"), prompt=[2**31]),
    completion("a token id beyond 64 bits", refused(param="prompt"), prompt=[2**64]),
    completion("a token id that is true", refused(param="prompt"), prompt=[True]),
    completion("a token id that is a fraction", refused(param="prompt"), prompt=[1.5]),
    completion("token ids and text", refused(param="prompt"), prompt=[1, "a"]),
    completion("no token id", refused(param="prompt"), prompt=[]),
    completion("one prompt without a token", refused(param="prompt"), prompt=[[1], []]),
    completion("65 prompts", refused(param="prompt"), prompt=["x"] * 65),
    completion("33 prompts with two answers each", refused(param="n"), prompt=["x"] * 33, n=2),
    completion("100,000 prompts", refused(param="prompt"), prompt=["x"] * 100_000),
    completion("a prompt longer than the context", refused(param="prompt"), prompt=[5] * (CONTEXT + 1)),
    completion("a prompt as long as the context", refused(param="prompt"), prompt=[5] * CONTEXT, max_tokens=1),
    completion("a prompt that leaves room for one token", OK, prompt=[5] * (CONTEXT - 1), max_tokens=1),
    completion("prompt and answer exceed the context", refused(param="max_tokens"), prompt=[5] * 2000, max_tokens=100),
    completion("64 answers of one token", OK, n=64, max_tokens=1),
    completion(
        "64 answers longer than the context", refused(param="max_tokens"), n=64, max_tokens=100_000, logprobs=20
    ),
    chat(
        "everything at its largest",
        OK,
        n=64,
        max_tokens=1,
        logprobs=True,
        top_logprobs=20,
        stop=["z" * 256] * 16,
        logit_bias={str(i): 0.5 for i in range(1024)},
        stop_token_ids=list(range(100, 164)),
        min_tokens=1,
        temperature=100,
        top_k=2**31 - 1,
        repetition_penalty=100,
        presence_penalty=2,
        frequency_penalty=2,
        seed=2**63 - 1,
    ),
    chat(
        "everything beyond its bound",
        refused(param="priority"),
        n=HUGE,
        max_tokens=HUGE,
        top_logprobs=HUGE,
        stop=["z"] * 1000,
        logit_bias={str(i): 1 for i in range(5000)},
        priority=HUGE,
    ),
    chat("two bounds that differ", refused(param="max_completion_tokens"), max_tokens=4, max_completion_tokens=5),
    chat("top_logprobs without logprobs", refused(param="top_logprobs"), top_logprobs=5),
    fields(GENERATE, "a long simple answer", refused(param="max_length"), max_length=HUGE),
    body("a bias of an id twice", b'{"prompt":"x","max_tokens":2,"logit_bias":{"5":1,"5":-1}}', OK, COMPLETIONS),
]
