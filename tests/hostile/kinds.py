"""Values of the wrong type, in every field of a chat and those of a completion that a chat has not."""

from __future__ import annotations

from typing import Any

from hostile.case import CHAT, COMPLETIONS, Case, fields, refused

WORD, NUMBER, LIST, OBJECT, FLAG, NUMERAL = "cat", 1, [1], {"a": 1}, True, "1"

WRONG: dict[str, tuple[Any, ...]] = {
    "model": (NUMBER, LIST, FLAG),
    "messages": (WORD, OBJECT, [WORD], [NUMBER], [None]),
    "temperature": (NUMERAL, FLAG, LIST),
    "top_p": (NUMERAL, FLAG),
    "top_k": (NUMERAL, 1.5, FLAG),
    "min_p": (NUMERAL, OBJECT),
    "seed": (NUMERAL, 1.5, FLAG),
    "n": (NUMERAL, 1.5, FLAG, LIST),
    "max_tokens": (NUMERAL, 1.5, FLAG, OBJECT),
    "max_completion_tokens": (NUMERAL,),
    "min_tokens": (NUMERAL,),
    "presence_penalty": (NUMERAL,),
    "frequency_penalty": (FLAG,),
    "repetition_penalty": (LIST,),
    "logit_bias": (LIST, WORD, {"5": "1"}, {"5": FLAG}),
    "stop": (NUMBER, OBJECT, [NUMBER], [None], [LIST]),
    "stop_token_ids": (NUMBER, WORD, [WORD], [1.5], [FLAG]),
    "include_stop_str_in_output": (NUMBER, WORD),
    "skip_special_tokens": (NUMBER,),
    "ignore_eos": ("false",),
    "loop_guard": (0,),
    "logprobs": (NUMBER, WORD),
    "top_logprobs": (FLAG, NUMERAL),
    "stream": (NUMBER, "true", LIST),
    "stream_options": (FLAG, LIST, {"include_usage": NUMBER}),
    "user": (NUMBER, OBJECT),
    "priority": (NUMERAL,),
    "timeout": (NUMERAL, FLAG),
    "cache_salt": (NUMBER,),
    "response_format": (WORD, NUMBER, LIST),
    "structured_outputs": (WORD, LIST),
    "guided_json": (NUMBER, LIST),
    "guided_regex": (NUMBER, LIST),
    "guided_choice": (WORD, [NUMBER], []),
    "guided_grammar": (OBJECT,),
    "tools": (WORD, OBJECT, [WORD]),
    "documents": (WORD, [NUMBER]),
    "chat_template_kwargs": (WORD, LIST),
    "reasoning_effort": (NUMBER, "extreme", ""),
    "include_reasoning": (WORD,),
    "add_generation_prompt": (NUMBER,),
    "continue_final_message": (WORD,),
}
WRONG_OF_COMPLETIONS: dict[str, tuple[Any, ...]] = {
    "prompt": (None, NUMBER, OBJECT, FLAG, [OBJECT], [[WORD]], [[[1]]]),
    "echo": (NUMBER,),
    "logprobs": (FLAG, NUMERAL),
}

CASES: list[Case] = [
    fields(path, f"{name}={value!r} in {path}", refused(param=name), **{name: value})
    for path, wrong in ((CHAT, WRONG), (COMPLETIONS, WRONG_OF_COMPLETIONS))
    for name, values in wrong.items()
    for value in values
]
