"""Training sees a conversation exactly as the chat template will show it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from recipes.tiny.corpus import Sample, generate
from recipes.tiny.encode import Encoder
from recipes.tiny.steps import STAGES
from tokenizers import Tokenizer as RawTokenizer

from sampan.checkpoint import resolve_model
from sampan.text import ChatTemplate, Tokenizer

FOLDER = resolve_model(None).path


class NoCuts(random.Random):
    """Never below a chance: no prompt is cut, no answer shortened."""

    def random(self) -> float:
        return 1.0


@pytest.fixture(scope="module")
def raw() -> RawTokenizer:
    return RawTokenizer.from_file(str(Path(FOLDER) / "tokenizer.json"))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_dir(FOLDER)


def test_context_is_what_the_chat_template_renders(raw: RawTokenizer, tokenizer: Tokenizer) -> None:
    template = ChatTemplate(tokenizer)
    encoder = Encoder(raw, NoCuts())
    chats = 0
    for sample in generate(3, 400, STAGES[0].shares):
        messages = []
        for question, answer in sample.history:
            messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        messages.append({"role": "user", "content": sample.prompt})
        example = encoder.encode(sample)
        context = example.token_ids[~example.is_target].tolist()
        assert context == list(template.encode(messages).token_ids)
        chats += bool(sample.history)
    assert chats > 10


def test_thought_answer_and_end_are_learnt(raw: RawTokenizer, tokenizer: Tokenizer) -> None:
    sample = Sample("talk", "hello", "en", "hi", "A greeting.", "Hello!")
    example = Encoder(raw, NoCuts()).encode(sample)
    target = example.token_ids[example.is_target].tolist()
    assert tokenizer.decode(target, skip_special_tokens=False) == (
        "A greeting.\n</think>\n\nHello!<｜end▁of▁sentence｜>"
    )


def test_cuts_change_tokens_but_no_text(raw: RawTokenizer, tokenizer: Tokenizer) -> None:
    sample = Sample("talk", "hello", "en", "please reset 路由器的密码 for me", "T", "A")
    seen = set()
    for seed in range(20):
        example = Encoder(raw, random.Random(seed)).encode(sample)
        context = example.token_ids[~example.is_target].tolist()
        assert sample.prompt in tokenizer.decode(context, skip_special_tokens=False)
        seen.add(tuple(context))
    assert len(seen) > 5
