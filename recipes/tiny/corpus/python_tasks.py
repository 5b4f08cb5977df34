"""Small Python tasks: a question, a plan as the thought, a fenced function as the answer."""

from __future__ import annotations

import random

from recipes.tiny.corpus.grammar import expand
from recipes.tiny.corpus.noise import embellish, roughen
from recipes.tiny.corpus.sample import Sample, language_of
from recipes.tiny.corpus.tasks import TASKS, Task

_LISTS: dict[str, list[str]] = {
    "py": ["Python", "Python", "python", "python", "Python3", "py", "PYTHON", "Python 3"],
    "code_zh": ["代码", "函数", "程序", "实现", "示例代码", "源码", "脚本", "例子"],
    "code_en": ["code", "function", "program", "script", "snippet", "implementation", "example"],
    "how_zh": ["怎么", "如何", "怎样", "该怎么", "要怎么"],
}  # fmt: skip

_FRAMES: dict[str, list[str]] = {
    "zh_thing": [
        "用{py}[实现|写|写一个|写个|编写|做一个|完成|写一下|来实现|写出|敲一个|搞个]{x}", "用{py}实现{x}", "[请|帮我|请你|麻烦|你来|][用|使用]{py}[实现|写|写一个|编写|写个]{x}", "{py}[ |]{x}[怎么写|怎么实现|如何实现|代码|的代码|示例|]", "{x}[怎么|如何|该怎么][用{py}|用代码|][写|实现]",
        "[写|给我|帮我写|请写|给出|来|贴|要][一个|一段|个|段|]{x}的[{py}|]{code_zh}", "{how_zh}用{py}[写|实现|编写]{x}", "[实现|写]{x}", "{x}[的|]{py}[实现|代码|版本|写法|源码]", "[我要|我想|我想要|想要|需要|求]{x}的{py}{code_zh}", "{py}[里|中]{x}{how_zh}[写|实现]", "我想[用{py}写|实现|学写]{x}",
        "[给我|展示|看看|show一下][{py}版|][的|]{x}", "{x}，[用|语言用]{py}", "[作业|面试]要[写|求写]{x}[，用{py}|]",
    ],
    "zh_act": [
        "[写|请写|帮我写|编写|定义|给我|来]一[个|段]{py}[函数|程序|代码|脚本][，|来|：|用来|，用于|]{x}", "用{py}{x}", "[请|帮我|]用{py}[写|编写|][个|一个|][函数|程序|代码|][来|]{x}", "{py}{how_zh}{x}", "{how_zh}用{py}{x}", "{how_zh}[写代码|写函数|编程|写程序]{x}",
        "[写|定义]个[函数|方法]{x}", "[我想|想|需要|要]用{py}{x}", "{py}[，|][{how_zh}|]{x}", "[能|可以][给|写|贴]一段{x}的[{py}|]代码[吗|]", "[求|要|给个]{x}的{py}{code_zh}", "{x}，用{py}[实现|写|怎么写]", "[函数|代码][要求|功能]：{x}",
    ],
    "en_thing": [
        "[write|implement|code|give me|show me|create|make|program|provide|build|do] {x} [in|using|with] {py}", "{py} {x}", "{x} in {py}", "[please |][write|implement|code|show|give me] {x} in {py}", "how [do I|to|can I|would you] [write|implement|code|make|program] {x} in {py}",
        "[can|could|would] you [write|implement|code|show me|give me] {x} [in {py}|using {py}|]", "[I need|I want|I'd like|need|looking for] {x} in {py}", "{py} {code_en} for {x}", "[write|give me|show me] [a |some |the |]{py} {code_en} for {x}", "[implement|write|code] {x}", "{x}, {py}[ please|]",
        "[what does|how does] {x} look [like |]in {py}", "[an example of|sample code for|code for] {x} in {py}", "[use|using|with] {py}[, | ][write|implement|code] {x}", "{x} {code_en} in {py}", "[my homework is|the task is|interview question:] {x} in {py}",
    ],
    "en_act": [
        "[write|create|define|make|give me|show me|code|implement|I need|I want] a {py} [function|program|script|method|snippet] [to|that can|that is able to] {x}", "[write|create|define|make|code|implement] a function to {x} [in {py}|]", "how [do I|to|can I|do you|would I|should I] {x} [in|using|with] {py}",
        "{x} [in|using|with] {py}", "{py}[: | - | ]{x}", "[write|show me|give me] [some |the |]{py} code to {x}", "[please |]{x} [in|with|using] {py}", "[can|could] you [write|show me|give me] [a {py} function|{py} code|some code] to {x}", "[I want|I need|need|want|trying] to {x} [in|with|using] {py}",
        "[use|using|with] {py}[, | to | ]{x}", "[help me|show me how to|tell me how to|teach me how to] {x} [in|with] {py}", "{py} [function|code|program] to {x}", "[what is the|what's the|is there a] {py} [code|way|function] to {x}", "[write|make] a [function|program|script|method] [which|that] {s} [in {py}|]", "a {py} function [which|that] {s}",
    ],
}  # fmt: skip


def make(rng: random.Random, task: Task | None = None, language: str | None = None) -> Sample:
    """A request for `task` (any where None) in `language` and its code."""
    task = task or rng.choice(TASKS)
    language = language or rng.choice(["zh", "en"])
    text = prompt(task, language, rng)
    language = language_of(text)
    return Sample("python", task.key, language, text, thought(task, language), answer(task, language))


def _third_person(act: str) -> str:
    verb, _, rest = act.partition(" ")
    if verb.endswith(("sh", "ch", "s", "x")):
        return f"{verb}es {rest}"
    return f"{verb[:-1]}ies {rest}" if verb.endswith(("ly", "fy")) else f"{verb}s {rest}"


def prompt(task: Task, language: str, rng: random.Random) -> str:
    """One way to ask."""
    shape = rng.choice(["thing", "act"])
    core = expand(rng.choice(getattr(task, shape)[language]), rng, _LISTS)
    frame = rng.choice(_FRAMES[f"{language}_{shape}"])
    text = expand(frame, rng, {**_LISTS, "x": [core], "s": [_third_person(core)]})
    return roughen(embellish(text, language, rng), language, rng, typos=0.08)


def thought(task: Task, language: str) -> str:
    """Restates the wish, then the plan."""
    if language == "zh":
        return f"用户想用Python实现{task.title['zh']}。\n思路：{task.plan['zh']}"
    return f"The user wants {task.title['en']} in Python.\nPlan: {task.plan['en']}"


def answer(task: Task, language: str) -> str:
    """One line, then the code in a fence."""
    head = f"{task.title['zh']}的Python代码：" if language == "zh" else f"Python code for {task.title['en']}:"
    return f"{head}\n\n```python\n{task.code}\n```"
