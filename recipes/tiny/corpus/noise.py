"""How people really type: openers and thanks, lost punctuation, odd casing, typos, full and half width."""

from __future__ import annotations

import random

from recipes.tiny.corpus.grammar import expand

LISTS: dict[str, list[str]] = {
    "zh_open": [
        "请问[一下|下|]{c}", "你好{c}", "您好{c}", "[想|我想|麻烦][问|请教|咨询][一下|下|]{c}", "求助{c}", "[有|我有]个问题{c}",
        "[客服|师傅|老师|大神][你好|您好|]{c}", "帮[个|我个]忙{c}", "[hi|hello|嗨|哈喽]{c}", "那个{c}", "[急|急急急|在线等]{c}",
        "[各位|大家][好|]{c}", "[再|另外]问[一下|下]{c}", "早上好{c}", "[小白|新手][求助|提问|一个|]{c}", "打扰[一下|了]{c}", "不好意思{c}",
    ],
    "zh_context": [
        "我[刚|刚刚|上周|昨天][搬了家|搬家|装了宽带|买了房|换了手机]{c}", "[我|我家|公司]用的是[小米|华为|普通|老式|TP-LINK|运营商送的][路由器|设备]{c}",
        "我[对电脑|对这些|对网络][不太|不][懂|熟]{c}", "[我妈|我爸|同事|邻居|孩子|老板|朋友][问我|想知道|让我问]{c}",
        "[今天|昨天|最近|这几天|晚上|从早上开始]{c}", "[家里|公司里|宿舍里|店里|办公室里]{c}", "[折腾|弄|试|找]了[半天|好久|一天]{c}", "[马上|等会]要[开会|出门|上课]{c}",
        "[网上|说明书里]没[找到|看懂]{c}", "[这是|这是我]第一次弄{c}",
    ],
    "zh_tail": [
        "{c}[谢谢|谢谢啦|多谢|感谢|谢了|先谢过]", "{c}[急|急用|挺急的|在线等]", "{c}[麻烦了|拜托了|辛苦了|有劳]", "{c}[请|]给[出|我]步骤",
        "{c}[具体|详细][步骤|做法|流程][是什么|说一下|]", "{c}[能|可以][详细|具体|简单]说[说|一下]吗", "{c}求[教程|指教|解答|帮忙|大神]", "{c}[一步一步|分步][讲|说|教我]",
        "{c}[最好|尽量]简单[点|一点]", "{c}[我|我真的]不会[弄|]", "{c}请[教我|指点|帮帮我|回答]",
    ],
    "c": ["，", "，", ",", " ", "", "。", "：", "！", "…"],
    "en_open": [
        "[please|pls|plz]{e}", "[hi|hello|hey|hi there|hello there|good morning|good evening]{e}", "[sorry|excuse me|sorry to bother you]{e}",
        "[quick|simple|silly|dumb|one|another] question[:|,|.| -]", "[I have a|got a|a] question[:|,|.]", "[help|help me|help please]{e}", "[ok|okay|so|well|um|and|now|alright]{e}",
        "[just wondering|I was wondering|just curious]{e}", "[can|could|would] [you|someone|anyone] [please |]help[ me|]?", "[newbie|beginner] here{e}", "[dear|hi] [support|team|friend]{e}",
        "[urgent|quickly]{e}",
    ],
    "en_context": [
        "I [just|recently|finally] [moved|moved house|got fibre|switched provider|bought a new phone]{e}", "[my|our] router is [a TP-Link|an Asus|old|a cheap one|from the provider]{e}",
        "I am [not|not very|really not] [technical|good with computers|good at this]{e}", "my [mum|dad|wife|husband|boss|neighbour|son|daughter|friend] [keeps asking|asked me this|wants to know]{e}",
        "[since yesterday|today|lately|this week|all morning|at home|at work|in the office|at my shop]{e}", "I [looked everywhere|searched the manual|tried for an hour|spent all day on this]{e}",
        "[this is my first time|first time doing this|I never did this before]{e}", "we have [guests|visitors|a meeting soon]{e}",
    ],
    "en_tail": [
        "{e}[thanks|thank you|thx|many thanks|cheers|thanks a lot|thanks in advance|ta]", "{e}[please|pls|plz]", "{e}[I am|I'm] [stuck|lost|confused|in a hurry]",
        "{e}[step by step|in simple steps|with steps|in detail|in plain words]", "{e}[any|some] [ideas|help|advice|tips|hints]", "{e}what should I do", "{e}[I need this|need it] [now|today|soon|quickly]",
        "{e}I have no [idea|clue]", "{e}[can|could] you [help|help me|explain]", "{e}what are the steps",
    ],
    "e": [", ", " ", ". ", ": ", "! ", "... ", " - "],
}  # fmt: skip

_ZH_SLIPS = (("路由器", "路由"), ("路由器", "陆由器"), ("密码", "蜜码"), ("怎么", "怎末"), ("设置", "设制"), ("登录", "登陆"), ("的", ""),
             ("一下", "下"), ("如何", "如和"), ("网络", "网路"), ("吗", "嘛"), ("连接", "链接"), ("账号", "帐号"), ("函数", "涵数"))  # fmt: skip
_TO_HALF = str.maketrans("，。？！：；（）", ",.?!:;()")
_TO_FULL = str.maketrans(",?!:;", "，？！：；")


def embellish(text: str, language: str, rng: random.Random) -> str:
    """Adds a greeting, some circumstances or thanks, most often nothing."""
    for place, chance in (("context", 0.12), ("open", 0.22), ("tail", 0.2)):
        if rng.random() < chance:
            extra = expand(f"{{{language}_{place}}}", rng, LISTS)
            if place == "tail":
                text = text.rstrip("?？ ") + rng.choice(["?", "？" if language == "zh" else "? ", ""]) + extra
            else:
                text = extra + text
    return text.strip()


def _misspell(text: str, rng: random.Random) -> str:
    """One slip of the fingers inside a word of Latin letters; digits are left alone."""
    places = [i for i in range(1, len(text) - 1) if text[i - 1 : i + 2].isascii() and text[i - 1 : i + 2].isalpha()]
    if not places:
        return text
    at = rng.choice(places)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _end(text: str, language: str, rng: random.Random) -> str:
    if text[-1] in ".?!。？！":
        return text
    ends = ["？", "?", "", "", "。", "！", "??"] if language == "zh" else ["?", "?", "", "", ".", "!", "??"]
    return text + rng.choice(ends)


def roughen(text: str, language: str, rng: random.Random, *, typos: float = 0.12) -> str:
    """The same question as another hand would type it."""
    text = _end(text, language, rng)
    if language == "en":
        case = rng.random()
        if case < 0.45:
            text = text[0].upper() + text[1:]
        elif case < 0.75:
            text = text.lower()
        elif case < 0.79:
            text = text.upper()
        if rng.random() < 0.2:
            text = text.replace(",", "").replace("'", "")
    else:
        width = rng.random()
        if width < 0.2:
            text = text.translate(_TO_HALF)
        elif width < 0.5:
            text = text.translate(_TO_FULL)
        for right, wrong in _ZH_SLIPS:
            if rng.random() < typos * 0.25:
                text = text.replace(right, wrong, 1)
        if rng.random() < 0.1:
            text = text.lower()
    while rng.random() < typos:
        text = _misspell(text, rng)
    return text.strip() or "?"
