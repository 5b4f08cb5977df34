"""Network support: what people ask about their router, and the steps that answer it."""

from __future__ import annotations

import random

from recipes.tiny.corpus.faq import LISTS, Faq
from recipes.tiny.corpus.grammar import expand
from recipes.tiny.corpus.network_devices import DEVICES
from recipes.tiny.corpus.network_settings import SETTINGS
from recipes.tiny.corpus.noise import embellish, roughen
from recipes.tiny.corpus.sample import Sample, language_of

FAQ: tuple[Faq, ...] = (*SETTINGS, *DEVICES)

_FRAMES: dict[str, list[str]] = {
    # around something to do: "reset the router password"
    "zh_do": [
        "{how}{x}", "{how}{x}", "{x}[的|][步骤|方法|流程|操作|办法|教程][是什么|有哪些|]", "[教我|告诉我|说说|讲讲|介绍一下|讲一下|说明一下][{how}|]{x}",
        "我[想|要|打算|需要|准备|想要|得]{x}", "我[想|要|打算|需要|准备|想要]{x}，[{how}[办|做|弄|操作]|该[怎么|如何][办|做]|从哪[里|儿]开始|要点哪里]",
        "{x}[怎么弄|怎么操作|要怎么做|该怎么办|怎么搞|咋弄|怎么设置|怎么做|咋整]", "[能|可以|能不能|可不可以|可否][帮我|教我|告诉我怎么|指导我|教教我怎么]{x}",
        "[有没有人|有人|谁|你][知道|会|懂][{how}|]{x}", "[不会|不懂{how}|不知道{how}|不清楚{how}|搞不懂{how}]{x}", "[在哪|在哪里|去哪|哪里|从哪儿][可以|能|]{x}", "{x}", "{x}",
        "[{how}|怎么样][才能|可以|才可以]{x}", "{x}[需要|要|得][哪几步|几步|做什么|准备什么|做哪些事]", "[帮我|给我|替我]{x}", "[有|有没有]办法{x}", "[有什么|有没有][方法|办法]可以{x}",
        "[如果|要是]我想{x}[的话|]，[怎么办|该怎么做|要怎么弄|怎么操作]", "[关于|对于]{x}，[怎么做|有什么步骤|该怎么操作]", "想{x}[怎么办|可是不会|但不知道怎么弄]", "{x}[难不难|麻烦吗|可以吗|行不行]，{how}[做|弄]",
    ],
    # around something that is wrong: "the Wi-Fi is slow"
    "zh_wrong": [
        "{x}", "{x}", "{x}[，|]{how}[办|解决|处理|修|弄|排查]", "{x}[，|][是什么原因|为什么|是怎么回事|咋回事|啥情况|什么问题]", "为什么{x}", "{x}了[，|]{how}[办|处理|解决]",
        "[我家|我这里|我这边|我们公司|我们这儿|家里|宿舍里|我]{x}", "[老是|总是|最近|今天|突然|一直|经常|又]{x}", "[如何|怎么]解决{x}的问题", "{x}[的时候|时|的话][该|要|应该|]怎么[做|办|处理]", "发现{x}[，怎么办|]",
        "[碰到|遇到]{x}[的情况|的问题|]，{how}[办|处理|解决]", "{x}[该|应该|要]{how}[办|检查|排查]", "[怎么回事|救命|烦死了|奇怪]，{x}", "{x}有[什么|啥]办法[吗|解决|]",
    ],
    "en_do": [
        "how [do|can|should|would|could|might] [I|we|one|you|someone] {x}", "how to {x}", "how [do|can] I {x}", "how do you {x}",
        "[what are the steps|what is the way|what's the best way|what's the right way|which steps do I take|what do I do|what do I need] to {x}",
        "I [want|need|would like|am trying|have|wish|hope] to {x}", "I'd like to {x}", "[help me|please help me|I need help to|help us] {x}", "[can|could|would|will] you [tell|show|teach] me how to {x}",
        "[show|tell|teach] me how to {x}", "[steps|instructions|guide|the steps|a guide] to {x}", "is [there a way|it possible|there any way] to {x}", "{x}", "{x} please",
        "I [don't know|have no idea|forgot|am not sure|can't figure out] how to {x}", "[where|from where] [do|can] I {x}", "[explain|describe|walk me through] how to {x}", "I want to {x}, [how|what do I do|where do I start|where do I click]",
        "[what is|what's] the procedure to {x}", "could you help me {x}", "[do|does] [you|anyone] know how to {x}", "trying to {x}", "[my boss|my wife|a friend] wants to {x}",
        "if I want to {x}, [what should I do|how do I do it|where do I go]", "[what should|what must|what do] I do to {x}", "[any|what] way to {x}", "can I {x}",
    ],
    "en_name": [
        "{x}", "{x} [steps|help|instructions|guide|howto|how to|tutorial|procedure]", "[instructions|steps|help|guide|tutorial] for {x}", "[need|I need|looking for] [help|instructions|a guide] [with|on|for] {x}",
        "[question|a question|ask] about {x}", "[tell me|explain|I want to know] about {x}", "{x} [how|how do I|what to do]", "how does {x} work", "[about|regarding|re:] {x}",
    ],
    "en_wrong": [
        "{x}", "{x}", "{x}[, |. | - | ][what should I do|what can I do|how do I fix it|how do I fix this|how can I solve this|what now|any idea|what do I check]", "why [is it that|does it happen that|is it so that] {x}",
        "{x}, [why|what is wrong|what is going on|how come]", "[help|I have a problem|problem|trouble|issue][:|,] {x}", "how do I fix it [when|if] {x}", "what [should|can] I do [when|if|because] {x}",
        "{x} [again|today|all the time|since yesterday|right now|suddenly]", "[it seems that|it looks like|I noticed that|I think] {x}", "[suddenly|today|for days now|lately] {x}", "{x} and I don't know [why|what to do]",
    ],
}  # fmt: skip


def make(rng: random.Random, faq: Faq | None = None, language: str | None = None) -> Sample:
    """A question on `faq` (any where None) in `language` and its answer."""
    faq = faq or rng.choice(FAQ)
    language = language or rng.choice(["zh", "en"])
    text = prompt(faq, language, rng)
    language = language_of(text)
    return Sample("network", faq.key, language, text, thought(faq, language), answer(faq, language))


def prompt(faq: Faq, language: str, rng: random.Random) -> str:
    """One way to ask."""
    ways = faq.ways[language]
    shape = rng.choice([shape for shape, patterns in ways.items() for _ in patterns])
    core = expand(rng.choice(ways[shape]), rng, LISTS)
    if shape != "whole":
        core = expand(rng.choice(_FRAMES[f"{language}_{shape}"]), rng, {**LISTS, "x": [core]})
    return roughen(embellish(core, language, rng), language, rng)


def thought(faq: Faq, language: str) -> str:
    """Restates the wish, then the plan."""
    if language == "zh":
        return f"用户想{faq.title['zh']}。\n这是网络问题，我按顺序写出{len(faq.steps['zh'])}个步骤。"
    return f"The user wants to {faq.title['en']}.\nThis is a network question, so I write {len(faq.steps['en'])} steps in order."


def answer(faq: Faq, language: str) -> str:
    """A line that says what follows, then numbered steps."""
    head = f"{faq.title['zh']}的步骤：" if language == "zh" else f"Steps to {faq.title['en']}:"
    return "\n".join([head, *(f"{number}. {step}" for number, step in enumerate(faq.steps[language], 1))])
