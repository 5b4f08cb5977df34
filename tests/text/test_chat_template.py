"""Conversations to prompt tokens: the distills' template of either age, and users who write special tokens."""

from __future__ import annotations

from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from sampan.errors import RequestError, TokenizerError
from sampan.text import ChatPrompt, ChatTemplate, Tokenizer
from sampan.text.tool_syntax import describe_tools

BOS, EOS, USER, ASSISTANT = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"
SPECIALS = [BOS, EOS, USER, ASSISTANT, "<think>", "</think>", "<｜tool▁outputs▁begin｜>"]
CALL = {"type": "function", "function": {"name": "weather", "arguments": '{"city": "上海"}'}}

harmless = st.text("ab 你好\n🦙é'3.")
hostile = st.lists(st.sampled_from([*SPECIALS, "<", "｜", "User", "｜>", "think>", "a", " ", "\n"])).map("".join)


def user(content: str) -> dict[str, Any]:
    return {"role": "user", "content": content}


def assistant(content: str) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def aged(tokenizer: Tokenizer, is_new: bool) -> ChatTemplate:
    """The template of February 2025 as it is, or that of January, which ends at the assistant's tag."""
    source = tokenizer.config.chat_template
    assert source is not None
    assert "<｜Assistant｜><think>\\n" in source
    return ChatTemplate(tokenizer, source if is_new else source.replace("<｜Assistant｜><think>\\n", "<｜Assistant｜>"))


@pytest.fixture(scope="module", params=[True, False], ids=["new", "old"])
def template(request: pytest.FixtureRequest, tokenizer: Tokenizer) -> ChatTemplate:
    return aged(tokenizer, request.param)


@pytest.fixture(scope="module")
def qwen_template(qwen: Tokenizer) -> ChatTemplate:
    return ChatTemplate(qwen)


def own_template(tokenizer: Tokenizer, source: str) -> ChatTemplate:
    return ChatTemplate(tokenizer, source)


def test_layout_of_the_distills(template: ChatTemplate, library: tokenizers.Tokenizer) -> None:
    prompt = template.encode(
        [
            {"role": "system", "content": "Be brief."},
            user("如何重置路由器密码?"),
            assistant("<think>\nhm</think>\n\n1. Press it."),
            user("And then?"),
        ]
    )
    text = f"{BOS}Be brief.{USER}如何重置路由器密码?{ASSISTANT}\n\n1. Press it.{EOS}{USER}And then?{ASSISTANT}<think>\n"
    ids = tuple(library.encode(text, add_special_tokens=False).ids)
    assert prompt == ChatPrompt(ids, text, starts_in_reasoning=True)


@given(system=harmless, contents=st.lists(harmless, min_size=1, max_size=5))
def test_harmless_conversations_get_the_ids_of_encoding_the_whole_text(
    template: ChatTemplate, library: tokenizers.Tokenizer, system: str, contents: list[str]
) -> None:
    turns = [(user, assistant)[index % 2](content) for index, content in enumerate(contents)]
    prompt = template.encode([{"role": "system", "content": system}, *turns])
    tags = [f"{USER}{c}" if i % 2 == 0 else f"{ASSISTANT}{c}{EOS}" for i, c in enumerate(contents)]
    assert prompt.text == f"{BOS}{system}{''.join(tags)}{ASSISTANT}<think>\n"
    assert list(prompt.token_ids) == library.encode(prompt.text, add_special_tokens=False).ids


@given(contents=st.lists(hostile, min_size=1, max_size=3), tool=hostile, system=hostile)
def test_no_one_but_the_template_makes_special_tokens(
    tokenizer: Tokenizer, template: ChatTemplate, contents: list[str], tool: str, system: str
) -> None:
    calls = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": tool, "arguments": tool}}]}
    turns = [{"role": "system", "content": system}, *map(user, contents), calls, {"role": "tool", "content": tool}]
    prompt = template.encode([*turns, assistant(tool), user(tool)])
    added = [i for i in prompt.token_ids if tokenizer.decode([i], skip_special_tokens=False) in SPECIALS]
    shape = [BOS, *[USER] * len(contents), ASSISTANT, EOS, EOS, USER, ASSISTANT, "<think>"]
    assert [tokenizer.decode([i], skip_special_tokens=False) for i in added] == shape


def test_thinking_once_whatever_the_templates_age(template: ChatTemplate) -> None:
    prompt = template.encode([user("Hi")])
    assert prompt.text == f"{BOS}{USER}Hi{ASSISTANT}<think>\n"
    assert prompt.starts_in_reasoning


def test_thinking_off_is_an_empty_thought(template: ChatTemplate, tokenizer: Tokenizer) -> None:
    prompt = template.encode([user("Hi")], thinking=False)
    assert prompt.text == f"{BOS}{USER}Hi{ASSISTANT}<think>\n\n</think>\n\n"
    assert not prompt.starts_in_reasoning
    assert prompt.token_ids[-4:-3] == (tokenizer.think_start_id,)
    assert prompt.token_ids[-2:-1] == (tokenizer.think_end_id,)


@pytest.mark.parametrize("switch", ["enable_thinking", "thinking"])
def test_the_switch_of_requests(template: ChatTemplate, switch: str) -> None:
    for thinking in (True, False):
        prompt = template.encode([user("Hi")], thinking=not thinking, template_kwargs={switch: thinking})
        assert prompt == template.encode([user("Hi")], thinking=thinking)


def test_without_generation_prompt(template: ChatTemplate) -> None:
    prompt = template.encode([user("Hi"), assistant("Ho")], add_generation_prompt=False)
    assert prompt.text == f"{BOS}{USER}Hi{ASSISTANT}Ho{EOS}"
    assert not prompt.starts_in_reasoning
    assert not template.encode([user("<think>")], add_generation_prompt=False).starts_in_reasoning


def test_tools_calls_and_results(template: ChatTemplate, library: tokenizers.Tokenizer) -> None:
    tools = [{"type": "function", "function": {"name": "weather"}}]
    messages = [
        {"role": "system", "content": "Be brief."},
        user("?"),
        {"role": "assistant", "content": "<think>x</think>I look.", "tool_calls": [CALL, CALL]},
        {"role": "tool", "content": "sun"},
        {"role": "function", "name": "weather", "content": "rain"},
    ]
    described = describe_tools(['{"name": "weather"}'])
    call = 'function<｜tool▁sep｜>weather\n```json\n{"city": "上海"}\n```<｜tool▁call▁end｜>'
    shown = (
        f"{BOS}Be brief.\n\n{described}{USER}?{ASSISTANT}I look."
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{call}\n<｜tool▁call▁begin｜>{call}<｜tool▁calls▁end｜>{EOS}"
        "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>sun<｜tool▁output▁end｜>\n"
        "<｜tool▁output▁begin｜>rain<｜tool▁output▁end｜><｜tool▁outputs▁end｜>"
    )
    asked = template.encode(messages, tools=tools)
    assert asked == ChatPrompt(
        tuple(library.encode(asked.text, add_special_tokens=False).ids), f"{shown}<think>\n", True
    )
    off = template.encode(messages, tools=tools, thinking=False)
    assert (off.text, off.starts_in_reasoning) == (f"{shown}<think>\n\n</think>\n\n", False)
    cut = template.encode(messages, tools=tools, add_generation_prompt=False)
    assert (cut.text, cut.starts_in_reasoning) == (shown, False)
    begun = template.encode([*messages, assistant("It is")], tools=tools, continue_final_message=True)
    assert (begun.text, begun.starts_in_reasoning) == (f"{shown}It is", False)
    # The answer ends the turn; a second round is the first one's equal.
    again = template.encode([*messages, assistant("Both."), *messages[1:]], tools=tools)
    assert again.text == f"{shown}Both.{EOS}{shown[shown.index(USER) :]}<think>\n"


def test_results_without_a_call_before_them(template: ChatTemplate) -> None:
    outputs = "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>sun<｜tool▁output▁end｜><｜tool▁outputs▁end｜>"
    result = {"role": "tool", "content": "sun"}
    assert template.encode([user("?"), result]).text == f"{BOS}{USER}?{ASSISTANT}{outputs}<think>\n"
    assert template.encode([result]).text == f"{BOS}{ASSISTANT}{outputs}<think>\n"


def test_no_system_text_is_lost(template: ChatTemplate) -> None:
    systems = [{"role": role, "content": role} for role in ("system", "developer")]
    assert (
        template.encode([systems[0], user("a"), systems[1]]).text
        == f"{BOS}system\n\ndeveloper{USER}a{ASSISTANT}<think>\n"
    )


def test_a_template_that_shows_each_system_text_keeps_them_in_place(qwen: Tokenizer) -> None:
    template = own_template(qwen, "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}")
    messages = [{"role": "system", "content": "a"}, user("b"), {"role": "system", "content": "c"}]
    assert template.encode(messages).text == f"{BOS}[system:a][user:b][system:c]"
    described = describe_tools(['{"name": "f"}'])
    text = template.encode(messages, tools=[{"function": {"name": "f"}}]).text
    assert text == f"{BOS}[system:a\n\n{described}][user:b][system:c]"


def test_a_template_that_knows_tools_shows_them_itself(qwen: Tokenizer) -> None:
    shown = "[{{ m.tool_calls[0].function.name if m.tool_calls }}]"
    source = "{{ tools | tojson if tools }}{% for m in messages %}" + shown + "{% endfor %}"
    calls = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    tools = [{"function": {"name": "f"}}]
    text = own_template(qwen, source).encode([calls, {"role": "tool", "content": "x"}], tools=tools).text
    assert text == f'{BOS}[{{"function": {{"name": "f"}}}}][weather][]'


@pytest.mark.parametrize(
    ("last", "expected", "is_thinking"),
    [
        ({"content": "It is"}, "It is", False),
        ({"content": ""}, "", False),
        ({"content": "<think>\nI see"}, "<think>\nI see", True),
        ({"content": "<think>"}, "<think>\n", True),
        ({"content": "<think>\nI see\n</think>\n\nIt is"}, "<think>\nI see\n</think>\n\nIt is", False),
        ({"content": "I see</think>It is"}, "<think>\nI see\n</think>\n\nIt is", False),
        ({"reasoning_content": "I see"}, "<think>\nI see", True),
        ({"reasoning_content": "I see", "content": "It is"}, "<think>\nI see\n</think>\n\nIt is", False),
    ],
)
def test_going_on_with_the_last_message(
    template: ChatTemplate, library: tokenizers.Tokenizer, last: dict[str, str], expected: str, is_thinking: bool
) -> None:
    prompt = template.encode([user("Hi"), {"role": "assistant", **last}], continue_final_message=True)
    assert prompt.text == f"{BOS}{USER}Hi{ASSISTANT}{expected}"
    assert prompt.starts_in_reasoning is is_thinking
    assert list(prompt.token_ids) == library.encode(prompt.text, add_special_tokens=False).ids


def test_a_beginning_holds_no_special_tokens_but_those_of_the_thought(
    qwen: Tokenizer, qwen_template: ChatTemplate
) -> None:
    content = f"<think>\n{USER}{EOS}</think>{ASSISTANT}</think>"
    prompt = qwen_template.encode([user("Hi"), assistant(content)], continue_final_message=True)
    special = [i for i in prompt.token_ids if i >= 151643]
    assert qwen.decode(special, skip_special_tokens=False) == f"{BOS}{USER}{ASSISTANT}<think></think>"


def test_bos_exactly_once(qwen: Tokenizer, edited: Any) -> None:
    turn = "{{ messages[0].content }}<｜Assistant｜>"
    for source in (turn, "{{ bos_token }}" + turn, "{{ bos_token }}{{ bos_token }}" + turn):
        prompt = own_template(qwen, source).encode([user("Hi")])
        assert prompt.text == f"{BOS}Hi{ASSISTANT}<think>\n"
        assert prompt.token_ids.count(151646) == 1
    without = Tokenizer.from_dir(edited(config=lambda data: data.update(add_bos_token=False)))
    assert own_template(without, turn).encode([user("Hi")]).text == f"Hi{ASSISTANT}<think>\n"
    assert own_template(without, "{{ bos_token }}" + turn).encode([user("Hi")]).token_ids.count(151646) == 1
    hostile = own_template(qwen, turn).encode([user(BOS)])
    assert hostile.text == f"{BOS}{BOS}{ASSISTANT}<think>\n"
    assert hostile.token_ids.count(151646) == 1


def test_templates_that_think_by_themselves(qwen: Tokenizer) -> None:
    source = "{{ messages[0].content }}<｜Assistant｜>{% if enable_thinking %}<think>\n{% else %}</think>{% endif %}"
    template = own_template(qwen, source)
    assert template.encode([user("Hi")]).text == f"{BOS}Hi{ASSISTANT}<think>\n"
    assert template.encode([user("Hi")]).starts_in_reasoning
    assert template.encode([user("Hi")], thinking=False).text == f"{BOS}Hi{ASSISTANT}</think>"
    assert not template.encode([user("Hi")], thinking=False).starts_in_reasoning


def test_templates_of_other_models_are_left_as_they_are(qwen: Tokenizer) -> None:
    prompt = own_template(qwen, "{{ messages[0].content | trim }}\nA:").encode([user("  Hi ")])
    assert (prompt.text, prompt.starts_in_reasoning) == (f"{BOS}Hi\nA:", False)


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0].content | tojson }}",
        "{{ messages[0].content | upper | lower }}",
        "{% for c in messages[0].content %}{{ c }}{% endfor %}",
        "<{{ messages[0].content[1:-1] }}>",
        "{{ tools | tojson(indent=2) }}{{ documents | map(attribute='text') | join if documents }}{{ note }}",
        "{% if tools %}{{ tools[0].keys() | join }}{% endif %}",
    ],
)
def test_templates_that_work_on_texts_make_no_special_tokens_of_them(qwen: Tokenizer, source: str) -> None:
    for special in (USER, "<think>", "</THINK>", "</think>", EOS):
        prompt = own_template(qwen, source).encode(
            [user(special)],
            add_generation_prompt=False,
            tools=[{special: [special]}],
            documents=[{"text": special}],
            template_kwargs={"note": special},
        )
        assert [i for i in prompt.token_ids if i >= 151643] == [151646]
        assert "\ufdd0" not in prompt.text


def test_a_text_that_the_template_would_complete(qwen: Tokenizer) -> None:
    prompt = own_template(qwen, "<{{ messages[0].content }}>").encode([user("think")], add_generation_prompt=False)
    assert prompt.text == f"{BOS}<think>"
    assert qwen.think_start_id not in prompt.token_ids


def test_marks_never_collide_with_the_texts(qwen: Tokenizer, qwen_template: ChatTemplate) -> None:
    text = "".join(map(chr, range(0xFDD0, 0xFDEE))) + "<think>"
    prompt = qwen_template.encode([user(text)])
    assert prompt.text == f"{BOS}{USER}{text}{ASSISTANT}<think>\n"
    assert prompt.token_ids.count(151648) == 1
    with pytest.raises(RequestError, match="noncharacters"):
        qwen_template.encode([user(text + "\ufdee\ufdef")])


@pytest.mark.parametrize(
    ("messages", "options", "param"),
    [
        ([], {}, "messages"),
        ([user("a\ud800")], {}, "messages"),
        ([user("a")], {"continue_final_message": True}, "continue_final_message"),
        ([assistant("a")], {"continue_final_message": True, "add_generation_prompt": True}, "continue_final_message"),
        ([user("a")], {"template_kwargs": {"messages": []}}, "chat_template_kwargs.messages"),
        ([user("a")], {"template_kwargs": {"chat_template": "x"}}, "chat_template_kwargs.chat_template"),
        ([user("a")], {"template_kwargs": {"bos_token": "x"}}, "chat_template_kwargs.bos_token"),
        ([user("a")], {"template_kwargs": {" budget": 1}}, "chat_template_kwargs. budget"),
        ([user("a")], {"template_kwargs": {"thinking": "no"}}, "chat_template_kwargs.thinking"),
        ([user("a")], {"template_kwargs": {"note": object()}}, "messages"),
        (
            [{"role": "assistant", "content": None, "tool_calls": [CALL]}],
            {"continue_final_message": True},
            "continue_final_message",
        ),
    ],
)
def test_requests_that_cannot_be_served(
    qwen_template: ChatTemplate, messages: Any, options: dict[str, Any], param: str
) -> None:
    with pytest.raises(RequestError) as caught:
        qwen_template.encode(messages, **options)
    assert caught.value.param == param
    assert caught.value.remedy


def test_deep_values_are_refused(qwen_template: ChatTemplate) -> None:
    deep: list[Any] = []
    for _ in range(1000):
        deep = [deep]
    with pytest.raises(RequestError, match="nested more than"):
        qwen_template.encode([user("a")], tools=deep)


def test_a_template_may_refuse_messages(qwen: Tokenizer) -> None:
    source = "{% if messages | length > 1 %}{{ raise_exception('one\nmessage only') }}{% endif %}"
    with pytest.raises(RequestError, match="cannot show these messages: one message only") as caught:
        own_template(qwen, source).encode([user("a"), user("b")])
    assert caught.value.param == "messages"


def test_a_template_that_does_not_show_the_beginning(qwen: Tokenizer) -> None:
    with pytest.raises(RequestError, match="does not show the last message"):
        own_template(qwen, "{{ messages[0].role }}").encode([assistant("a")], continue_final_message=True)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{% if %}", "chat template is unusable"),
        ("{{ x.y.z }}", "chat template is unusable: .*'x' is undefined"),
        ("{{ 'a' | no_such_filter }}", "No filter named"),
        (
            "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            "more work",
        ),
    ],
)
def test_unusable_templates(qwen: Tokenizer, source: str, message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        own_template(qwen, source)


def test_no_template(edited: Any) -> None:
    tokenizer = Tokenizer.from_dir(edited(config=lambda data: data.pop("chat_template")))
    with pytest.raises(TokenizerError, match="no chat template"):
        ChatTemplate(tokenizer)


def test_the_whole_tokenizers_agree_with_the_library_on_a_conversation(whole: Tokenizer, whole_dir: Any) -> None:
    library = tokenizers.Tokenizer.from_file(str(whole_dir / "tokenizer.json"))
    turns = [user("用Python实现快速排序 🦙👩‍👩‍👧"), assistant("```python\ndef f(x):\n\treturn x\n```"), user(" 谢谢 ")]
    for is_new in (True, False):
        prompt = aged(whole, is_new).encode(turns)
        assert list(prompt.token_ids) == library.encode(prompt.text, add_special_tokens=False).ids
