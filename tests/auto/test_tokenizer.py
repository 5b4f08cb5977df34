"""`AutoTokenizer`, call by call as users of PaddleNLP and transformers make them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

import sampan
from sampan import AutoTokenizer
from sampan.checkpoint import open_checkpoint, write_gguf
from sampan.errors import ConfigError, RequestError, UnknownModelError
from sampan.text import ChatTemplate
from sampan.text.gguf_keys import tokenizer_keys

BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
ROUTER = [{"role": "user", "content": "如何重置路由器密码?"}]
EMBEDDED = Path(sampan.__file__).parent / "assets" / "sampan-tiny"


def test_a_text_becomes_ids_and_a_mask(tokenizer: AutoTokenizer) -> None:
    encoding = tokenizer("hello")
    plain = tokenizer.core.encode("hello")
    assert encoding == {"input_ids": [tokenizer.bos_token_id, *plain], "attention_mask": [1] * (len(plain) + 1)}
    assert encoding.input_ids is encoding["input_ids"]
    with pytest.raises(AttributeError, match="token_type_ids"):
        _ = encoding.token_type_ids
    assert tokenizer("hello", add_special_tokens=False).input_ids == plain
    assert tokenizer("hello", return_attention_mask=False).keys() == {"input_ids"}
    assert tokenizer.encode("hello") == encoding.input_ids
    assert tokenizer.encode("hello", return_tensors="np").tolist() == [encoding.input_ids]


def test_bos_stands_once(tokenizer: AutoTokenizer) -> None:
    text = tokenizer.apply_chat_template(ROUTER, tokenize=False, add_generation_prompt=True)
    assert text == f"{BOS}<｜User｜>如何重置路由器密码?<｜Assistant｜><think>\n"
    assert tokenizer(text).input_ids == tokenizer.apply_chat_template(ROUTER, return_dict=False)


@pytest.mark.parametrize(("kind", "type_"), [("np", np.ndarray), ("pd", paddle.Tensor)])
def test_texts_are_padded_on_the_left(tokenizer: AutoTokenizer, kind: str, type_: type) -> None:
    long, short = tokenizer("17+25=?").input_ids, tokenizer("hi").input_ids
    encoding = tokenizer(["17+25=?", "hi"], padding=True, return_tensors=kind)
    fill = len(long) - len(short)
    assert isinstance(encoding.input_ids, type_)
    assert encoding.input_ids.tolist() == [long, [tokenizer.pad_token_id] * fill + short]
    assert encoding.attention_mask.tolist() == [[1] * len(long), [0] * fill + [1] * len(short)]
    assert str(encoding.input_ids.dtype).endswith("int64")
    assert encoding.to("cpu") is encoding


def test_sides_and_lengths(tokenizer: AutoTokenizer) -> None:
    other = AutoTokenizer.from_pretrained(padding_side="right", truncation_side="left")
    ids = tokenizer("17+25=?").input_ids
    cut = tokenizer("17+25=?", truncation=True, max_length=3)
    assert cut.input_ids == ids[:3]
    assert other("17+25=?", truncation=True, max_length=3).input_ids == ids[-3:]
    assert other(["17+25=?"], padding="max_length", max_length=9).attention_mask == [
        [1] * len(ids) + [0] * (9 - len(ids))
    ]
    assert tokenizer.pad([{"input_ids": [5]}, {"input_ids": [6, 7]}]).input_ids == [[tokenizer.pad_token_id, 5], [6, 7]]
    assert tokenizer.model_max_length == 2048
    assert tokenizer("7 " * 3000, truncation=True).input_ids.__len__() == 2048


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"return_tensors": "pt"}, "use 'pd'"),
        ({"return_tensors": "np"}, "padding=True"),
        ({"padding": "shortest"}, "'max_length'"),
        ({"truncation": "only_second"}, "use True or False"),
        ({"truncation": True, "max_length": 0}, "1 or more"),
    ],
)
def test_values_that_cannot_be_served(tokenizer: AutoTokenizer, change: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as caught:
        tokenizer(["a", "a longer text"], **change)
    assert message in str(caught.value)


def test_unknown_keywords_are_refused(tokenizer: AutoTokenizer) -> None:
    with pytest.raises(ConfigError, match="'text_pair'"):
        tokenizer("a", text_pair="b")
    with pytest.raises(ConfigError, match=r"does not know 'revision'"):
        AutoTokenizer.from_pretrained(revision="main")
    AutoTokenizer.from_pretrained(trust_remote_code=True, use_fast=True)
    with pytest.raises(RequestError, match="list of texts"):
        tokenizer([["a", "b"]])  # type: ignore[list-item]
    with pytest.raises(UnknownModelError):
        AutoTokenizer.from_pretrained("no-such-model")


def test_special_tokens_are_found_unless_they_are_text(tokenizer: AutoTokenizer) -> None:
    assert tokenizer(f"a{EOS}").input_ids[-1] == tokenizer.eos_token_id
    apart = tokenizer(f"a{EOS}", split_special_tokens=True).input_ids
    assert tokenizer.eos_token_id not in apart
    assert tokenizer.decode(apart, skip_special_tokens=True) == f"a{EOS}"
    attack = [{"role": "user", "content": EOS}]
    assert tokenizer.eos_token_id not in tokenizer.apply_chat_template(attack, return_dict=False)


def test_ids_of_any_kind_and_shape_become_text(tokenizer: AutoTokenizer) -> None:
    ids = tokenizer("你好, Sampan 🚣").input_ids
    for value in (ids, [ids], np.array(ids), np.array([ids]), paddle.to_tensor(ids), paddle.to_tensor([ids])):
        assert tokenizer.decode(value) == f"{BOS}你好, Sampan 🚣"
        assert tokenizer.batch_decode(value, skip_special_tokens=True) == ["你好, Sampan 🚣"]
    assert tokenizer.batch_decode([ids, np.array(ids[:1])]) == [f"{BOS}你好, Sampan 🚣", BOS]
    assert tokenizer.decode(tokenizer.eos_token_id) == EOS
    assert tokenizer.decode([]) == ""
    assert tokenizer.batch_decode([]) == []
    with pytest.raises(RequestError, match="batch_decode"):
        tokenizer.decode([ids, ids])
    with pytest.raises(RequestError, match="no token id"):
        tokenizer.decode(["a"])


def test_conversations_become_prompts(tokenizer: AutoTokenizer) -> None:
    template = ChatTemplate(tokenizer.core)
    prompt = list(template.encode(ROUTER).token_ids)
    assert tokenizer.apply_chat_template(ROUTER) == {"input_ids": prompt, "attention_mask": [1] * len(prompt)}
    both = tokenizer.apply_chat_template([ROUTER, ROUTER], return_tensors="np")
    assert both.input_ids.tolist() == [prompt, prompt]
    assert tokenizer.apply_chat_template([ROUTER, ROUTER], tokenize=False) == [template.encode(ROUTER).text] * 2
    off = tokenizer.apply_chat_template(ROUTER, tokenize=False, enable_thinking=False)
    assert off.endswith("<think>\n\n</think>\n\n")
    bare = tokenizer.apply_chat_template(ROUTER, tokenize=False, add_generation_prompt=False)
    assert bare == f"{BOS}<｜User｜>如何重置路由器密码?"
    answered = [*ROUTER, {"role": "assistant", "content": "</think>\n\n按复位键。"}]
    assert tokenizer.apply_chat_template(answered, tokenize=False).endswith(f"按复位键。{EOS}")
    begun = tokenizer.apply_chat_template(answered, tokenize=False, continue_final_message=True)
    assert begun.endswith("按复位键。")


def test_tokens_and_vocabulary(tokenizer: AutoTokenizer) -> None:
    tokens = tokenizer.tokenize("hello world")
    ids = tokenizer.convert_tokens_to_ids(tokens)
    assert ids == tokenizer("hello world", add_special_tokens=False).input_ids
    assert tokenizer.convert_ids_to_tokens(ids) == tokens
    assert tokenizer.convert_ids_to_tokens([tokenizer.eos_token_id, *ids], skip_special_tokens=True) == tokens
    assert tokenizer.convert_ids_to_tokens(tokenizer.eos_token_id) == EOS == tokenizer.eos_token == tokenizer.pad_token
    assert tokenizer.convert_tokens_to_ids("no such token") is None
    assert (tokenizer.bos_token, tokenizer.unk_token) == (BOS, None)
    assert (tokenizer.vocab_size, len(tokenizer), len(tokenizer.get_vocab())) == (6128, 6144, 6144)
    assert tokenizer.all_special_ids == [tokenizer.pad_token_id, tokenizer.bos_token_id]
    assert tokenizer.all_special_tokens == [EOS, BOS]
    assert tokenizer.chat_template == tokenizer.core.config.chat_template


def test_the_padding_token_may_be_set() -> None:
    tokenizer = AutoTokenizer.from_pretrained()
    tokenizer.pad_token = BOS
    assert tokenizer(["a b c d", "a"], padding=True).input_ids[1][0] == tokenizer.bos_token_id
    with pytest.raises(RequestError, match="no token"):
        tokenizer.pad_token = "no such token"
    tokenizer.padding_side = "middle"
    with pytest.raises(RequestError, match="'left' or 'right'"):
        tokenizer("a")


def test_the_weights_need_not_be_there(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(EMBEDDED / name, tmp_path)
    assert AutoTokenizer.from_pretrained(str(tmp_path))("a").input_ids == AutoTokenizer.from_pretrained()("a").input_ids


def test_a_gguf_file_holds_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))
    checkpoint = open_checkpoint(EMBEDDED)
    texts = tokenizer_keys(EMBEDDED, checkpoint.config.vocab_size)
    write_gguf(tmp_path / "tiny.gguf", checkpoint, "q8_0", texts=texts)
    ours, theirs = AutoTokenizer.from_pretrained(), AutoTokenizer.from_pretrained(str(tmp_path / "tiny.gguf"))
    assert theirs.apply_chat_template(ROUTER) == ours.apply_chat_template(ROUTER)
    assert (theirs.eos_token, theirs.vocab_size) == (ours.eos_token, ours.vocab_size)
