"""Messages, tools and template options that make no sense, or want to be more than they are."""

from __future__ import annotations

from typing import Any

from hostile.case import CHAT, GENERATE, MESSAGES, OK, Answer, Case, chat, completion, fields, refused

MISSING = refused(404, "NotFoundError", "model")
LACKING = (501, "NotImplementedError")
TOOL = {"type": "function", "function": {"name": "f"}}
PICTURE = {"type": "image_url", "image_url": {"url": "http://127.0.0.1:9/x.png"}}


def message(name: str, value: Any, param: str) -> Case:
    return chat(name, refused(param=param), messages=[value])


def call(name: str, value: Any) -> Case:
    messages = [*MESSAGES, {"role": "assistant", "content": None, "tool_calls": value}]
    return chat(
        name, refused(param="messages[1].tool_calls" + ("[0]" if isinstance(value, list) else "")), messages=messages
    )


def argument(name: str, key: str, value: Any, answer: Answer | None = None) -> Case:
    refusal = refused(param=f"chat_template_kwargs.{key[:40]}")
    return chat(name, answer or refusal, chat_template_kwargs={key: value})


# fmt: off -- a table: one case, one line
CASES: list[Case] = [
    message("a role that nobody has", {"role": "root", "content": "x"}, "messages[0].role"),
    message("a role with a line end", {"role": "user\n", "content": "x"}, "messages[0].role"),
    message("a role in capitals", {"role": "USER", "content": "x"}, "messages[0].role"),
    message("no role", {"content": "x"}, "messages[0].role"),
    message("a role that is a list", {"role": ["user"], "content": "x"}, "messages[0].role"),
    message("no content", {"role": "user"}, "messages[0].content"),
    message("content that is null", {"role": "user", "content": None}, "messages[0].content"),
    message("content that is a number", {"role": "user", "content": 5}, "messages[0].content"),
    message("content that is an object", {"role": "user", "content": {"text": "x"}}, "messages[0].content"),
    message("a part that is a text", {"role": "user", "content": ["x"]}, "messages[0].content[0]"),
    message("a part without a type", {"role": "user", "content": [{"text": "x"}]}, "messages[0].content[0]"),
    message("a picture", {"role": "user", "content": [PICTURE]}, "messages[0].content[0]"),
    message("a text part without text", {"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0]"),
    message("a name that is a number", {"role": "user", "content": "x", "name": 5}, "messages[0].name"),
    message(
        "a thought that is a number",
        {"role": "assistant", "content": "x", "reasoning_content": 5},
        "messages[0].reasoning_content",
    ),
    call("tool calls that are a text", "f()"),
    call("a tool call that is a text", ["f()"]),
    call("a tool call of nothing", [{}]),
    call("a tool call without a name", [{"type": "function", "function": {"arguments": "{}"}}]),
    call("a tool call with a number as arguments", [{"type": "function", "function": {"name": "f", "arguments": 5}}]),
    chat("tool calls of a user", OK, messages=[{"role": "user", "content": "x", "tool_calls": "nonsense"}]),
    chat(
        "the answer of a tool that nobody called", OK, messages=[{"role": "tool", "content": "x", "tool_call_id": "1"}]
    ),
    chat("only a system prompt", OK, messages=[{"role": "system", "content": ""}]),
    chat(
        "a thousand turns", OK, messages=[{"role": "user", "content": ""}, {"role": "assistant", "content": ""}] * 100
    ),
    chat("to go on from a user", refused(param="continue_final_message"), continue_final_message=True),
    chat(
        "to go on and to begin",
        refused(param="continue_final_message"),
        messages=[*MESSAGES, {"role": "assistant", "content": "x"}],
        continue_final_message=True,
        add_generation_prompt=True,
    ),
    chat("a template of the client's", refused(*LACKING, "chat_template"), chat_template="{{ messages }}"),
    argument("messages as a template argument", "messages", []),
    argument("tools as a template argument", "tools", []),
    argument("a template as a template argument", "chat_template", "x"),
    argument("the begin token as a template argument", "bos_token", "x"),
    argument("the end token as a template argument", "eos_token", "x"),
    argument("a template argument that is no name", "a-b", 1),
    argument("a template argument with brackets", "__class__()", 1),
    argument("a template argument without a name", "", 1),
    argument("a template argument of a thousand letters", "a" * 1000, 1, OK),
    argument("thinking that is a word", "thinking", "yes"),
    argument("thinking that is a number", "enable_thinking", 1),
    argument("a dunder as a template argument", "__class__", "x", OK),
    argument("the loop as a template argument", "loop", "x", OK),
    argument("the namespace as a template argument", "namespace", "x", refused(param="messages")),
    chat("a tool that is a number", refused(param="tools"), tools=[5]),
    chat("a model that is not here", MISSING, model="gpt-4"),
    chat("a model without a name", MISSING, model=""),
    chat("a model in a file", MISSING, model="../../etc/passwd"),
    chat("a model whose name has a line end", MISSING, model="sampan-tiny\n"),
    completion("a model that is not here to go on", MISSING, model="gpt-4"),
    chat("old functions beside tools", refused(param="functions"), functions=[{"name": "f"}], tools=[TOOL]),
    chat("a function without a name", refused(param="functions"), functions=[{}]),
    chat("a tool without a function", refused(param="tools"), tools=[{"type": "function"}]),
    chat("a tool of a kind that nobody knows", refused(param="tools"), tools=[{**TOOL, "type": "retrieval"}]),
    chat(
        "a tool whose name is a sentence",
        refused(param="tools"),
        tools=[{"type": "function", "function": {"name": "a b"}}],
    ),
    chat(
        "a tool whose name is an end of text",
        refused(param="tools"),
        tools=[{"type": "function", "function": {"name": "<｜tool▁calls▁end｜>"}}],
    ),
    chat(
        "a tool with a schema that is none",
        refused(param="tools"),
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "cat"}}}],
        tool_choice="required",
    ),
    chat("a thousand tools", refused(param="tools"), tools=[TOOL] * 1000),
    chat("two tools of one name", refused(param="tools"), tools=[TOOL, TOOL]),
    chat(
        "a tool that is not there is demanded",
        refused(param="tool_choice"),
        tools=[TOOL],
        tool_choice={"type": "function", "function": {"name": "g"}},
    ),
    chat("a call is demanded and there is no tool", refused(param="tool_choice"), tool_choice="required"),
    chat("a choice of tools that nobody knows", refused(param="tool_choice"), tools=[TOOL], tool_choice="maybe"),
    chat("a picture as answer", refused(*LACKING, "modalities"), modalities=["text", "audio"]),
    chat("an answer to keep", refused(*LACKING, "store"), store=True),
    completion("the best of many", refused(*LACKING, "best_of"), best_of=5),
    completion("a suffix", refused(*LACKING, "suffix"), suffix="x"),
    chat("an id with a line end", OK, user="a\nb\r\n[ERROR] forged"),
    chat("a salt with zeros", OK, cache_salt="\x00\x00"),
    fields(GENERATE, "an empty simple prompt", refused(param="prompt"), prompt=""),
    fields(GENERATE, "a simple prompt that is a list", refused(param="prompt"), prompt=["x"]),
    fields(
        CHAT,
        "options of a stream that is none",
        refused(param="stream_options"),
        stream_options={"include_usage": True},
    ),
    chat("a wrong stream is refused like any other", refused(param="n"), stream=True, n=0),
    chat("a stream of a model that is not here", MISSING, stream=True, model="x"),
    chat("a stream too long", refused(param="max_tokens"), stream=True, max_tokens=2048),
    completion(
        "a stream of an expression that is none", refused(param="structured_outputs"), stream=True, guided_regex="("
    ),
]
