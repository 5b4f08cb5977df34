"""The distills' tokenizers: golden ids, special tokens that users cannot write, bytes, and damaged files."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from sampan.config import ModelConfig
from sampan.errors import RequestError, TokenizerError
from sampan.text import Tokenizer, TokenizerConfig

SPECIALS = ["<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<think>", "</think>"]
PIECES = ["<", "｜", "User", "think", ">", "/", "你好", "é", "e\u0301", "👩‍👩‍👧", " ", "\n", "a", "7", "\u0085"]
texts = st.text() | st.lists(st.sampled_from(SPECIALS + PIECES)).map("".join)
plain_texts = texts.filter(lambda text: "<" not in text)
CONFIG: dict[str, Any] = {
    "model_type": "qwen2",
    "vocab_size": 151936,
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "bos_token_id": 151643,  # as in the real files, where the tokenizer says 151646
    "eos_token_id": 151643,
}


def vectors(folder: Path) -> list[tuple[str, list[int]]]:
    data = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))
    return [(vector["text"], vector["ids"]) for vector in data]


def written_by(folder: Path, text: str) -> str:
    """Qwen's tokenizer composes characters first, Llama's does not."""
    return unicodedata.normalize("NFC", text) if "qwen" in folder.name else text


def test_golden_ids(tokenizer: Tokenizer, sample_dir: Path) -> None:
    for text, ids in vectors(sample_dir):
        assert tokenizer.encode(text) == ids, text
        assert tokenizer.decode(ids) == written_by(sample_dir, text), text


def test_golden_ids_of_the_whole_tokenizers(whole: Tokenizer, whole_dir: Path) -> None:
    sample = "qwen" if "qwen" in whole_dir.name else "llama"
    for text, ids in vectors(whole_dir) + vectors(Path(__file__).parents[1] / "data" / "tokenizers" / sample):
        assert whole.encode(text) == ids, text
        assert whole.decode(ids) == written_by(whole_dir, text), text
    assert whole.vocab_size == {"qwen": 151665, "llama": 128256}[sample]


def test_properties_of_the_distills(tokenizer: Tokenizer, sample_dir: Path) -> None:
    is_qwen = sample_dir.name == "qwen"
    assert tokenizer.vocab_size == (151665 if is_qwen else 128256)
    assert tokenizer.bos_token_id == (151646 if is_qwen else 128000)
    assert tokenizer.eos_token_ids == ((151643,) if is_qwen else (128001,))
    assert (tokenizer.think_start_id, tokenizer.think_end_id) == ((151648, 151649) if is_qwen else (128013, 128014))
    assert tokenizer.token_to_id("<think>") == tokenizer.think_start_id
    assert tokenizer.token_to_id("no such token") is None


def test_every_special_token_is_text_when_users_write_it(tokenizer: Tokenizer, library: tokenizers.Tokenizer) -> None:
    added = library.get_added_tokens_decoder()
    for token_id, token in added.items():
        for text in (token.content, f"say {token.content}!", f"{token.content}{token.content}"):
            assert added.keys().isdisjoint(tokenizer.encode(text))
            assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.encode_with_specials(token.content) == [token_id]


@given(texts)
def test_users_text_never_becomes_a_special_token(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text)
    assert min(tokenizer.special_ids) not in ids
    assert tokenizer.think_start_id not in ids
    assert tokenizer.think_end_id not in ids
    assert unicodedata.normalize("NFC", tokenizer.decode(ids)) == unicodedata.normalize("NFC", text)


@given(plain_texts)
def test_harmless_text_gets_the_ids_of_the_library(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, text: str
) -> None:
    assert tokenizer.encode(text) == library.encode(text, add_special_tokens=False).ids


@given(texts)
def test_with_specials_gets_the_ids_of_the_library(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, text: str
) -> None:
    assert tokenizer.encode_with_specials(text) == library.encode(text, add_special_tokens=False).ids


@given(st.lists(texts))
def test_guarded_texts_hold_no_special_token_however_they_are_joined(tokenizer: Tokenizer, parts: list[str]) -> None:
    joined = "".join(tokenizer.guard(part, "\ufdd0") for part in parts)
    assert tokenizer.encode_with_specials(joined, mark="\ufdd0") == tokenizer.encode("".join(parts))


@given(st.text("abc <>｜|User/think"), st.integers(0, 20), st.integers(0, 20))
def test_guarded_texts_hold_no_special_token_however_they_are_cut(
    tokenizer: Tokenizer, text: str, start: int, end: int
) -> None:
    cut = tokenizer.guard(text, "\ufdd0")[start:end].strip()
    assert not {tokenizer.think_start_id, tokenizer.think_end_id} & set(tokenizer.encode_with_specials(cut + cut))


def test_bos_exactly_where_it_is_asked_for(tokenizer: Tokenizer) -> None:
    bos = tokenizer.bos_token_id
    assert tokenizer.encode("Hello", add_bos=True) == [bos, *tokenizer.encode("Hello")]
    assert bos not in tokenizer.encode("Hello")
    assert bos not in tokenizer.encode_with_specials("Hello")


@pytest.mark.parametrize(("add_bos", "expected"), [(True, True), (False, False), (None, True)])
def test_add_bos_token_rules_and_else_the_post_processor(edited: Any, add_bos: bool | None, expected: bool) -> None:
    assert Tokenizer.from_dir(edited(config=lambda data: data.update(add_bos_token=add_bos))).adds_bos is expected


def test_without_post_processor_no_bos(edited: Any) -> None:
    folder = edited(
        config=lambda data: data.pop("add_bos_token"), tokenizer=lambda data: data.update(post_processor=None)
    )
    assert not Tokenizer.from_dir(folder).adds_bos
    folder = edited(config=lambda data: data.update(bos_token=None))
    assert not Tokenizer.from_dir(folder).adds_bos
    assert Tokenizer.from_dir(folder).bos_token_id is None


@given(
    ids=st.lists(st.integers(0, 300) | st.integers(151600, 151999) | st.integers(128000, 128300)), skip=st.booleans()
)
def test_decode_is_that_of_the_library(
    tokenizer: Tokenizer, library: tokenizers.Tokenizer, ids: list[int], skip: bool
) -> None:
    assert tokenizer.decode(ids, skip_special_tokens=skip) == library.decode(ids, skip_special_tokens=skip)


def test_bytes_of_tokens(qwen: Tokenizer) -> None:
    ids = qwen.encode("🦙")
    assert b"".join(map(qwen.id_to_bytes, ids)) == "🦙".encode()
    assert qwen.id_to_bytes(151644) == "<｜User｜>".encode()
    assert [qwen.id_to_bytes(i) for i in (-1, 151665, 151935, 2**40)] == [b""] * 4
    assert qwen.all_bytes() == [qwen.id_to_bytes(i) for i in range(qwen.vocab_size)]


def test_lone_surrogate(tokenizer: Tokenizer) -> None:
    with pytest.raises(RequestError, match="lone surrogate at character 2"):
        tokenizer.encode("ab\ud800")


def test_whether_a_prompt_ends_in_a_thought(qwen: Tokenizer) -> None:
    assert qwen.is_in_reasoning([1, 151648, 2])
    assert not qwen.is_in_reasoning([1, 151648, 2, 151649, 3])
    assert qwen.is_in_reasoning([151649, 151648])
    assert not qwen.is_in_reasoning([1, 2])


def test_end_ids_come_from_the_tokenizer_and_the_generation_config(edited: Any) -> None:
    assert Tokenizer.from_dir(edited(generation='{"eos_token_id": 151644}')).eos_token_ids == (151643, 151644)
    assert Tokenizer.from_dir(edited(generation='{"eos_token_id": [151643, 5]}')).eos_token_ids == (151643, 5)
    assert Tokenizer.from_dir(edited(generation="{}")).eos_token_ids == (151643,)


def test_special_tokens_as_plain_texts(edited: Any) -> None:
    folder = edited(config=lambda data: data.update(bos_token="<｜begin▁of▁sentence｜>", eos_token="<｜User｜>"))
    tokenizer = Tokenizer.from_dir(folder)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_ids) == (151646, (151644,))


def test_chat_template_by_name_and_by_file(edited: Any) -> None:
    named = [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]
    folder = edited(config=lambda data: data.update(chat_template=named))
    assert TokenizerConfig.from_dir(folder).chat_template == "d"
    folder = edited(config=lambda data: data.update(chat_template=named), template="from the file")
    assert TokenizerConfig.from_dir(folder).chat_template == "from the file"
    (folder / "chat_template.jinja").unlink()
    assert TokenizerConfig.from_dir(edited(config=lambda data: data.pop("chat_template"))).chat_template is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer": None}, r"tokenizer\.json does not exist"),
        ({"tokenizer": "{"}, r"tokenizer\.json is damaged"),
        ({"tokenizer": lambda data: data.pop("model")}, r"tokenizer\.json is damaged"),
        ({"tokenizer": lambda data: data["model"].update(continuing_subword_prefix="x" * 99)}, "is damaged: range end"),
        ({"tokenizer": lambda data: data.update(decoder=None)}, "not a byte-level BPE tokenizer"),
        ({"tokenizer": lambda data: data["added_tokens"][1].update(rstrip=True)}, "eats blanks"),
        ({"tokenizer": lambda data: data["added_tokens"][1].update(single_word=True)}, "eats blanks"),
        ({"tokenizer": lambda data: data["added_tokens"][1].update(content="x" * 257)}, "too long"),
        (
            {"tokenizer": lambda data: data["added_tokens"].append({**data["added_tokens"][1], "content": "a"})},
            "ordinary",
        ),
        ({"config": None}, r"tokenizer_config\.json does not exist"),
        ({"config": "{"}, r"tokenizer_config\.json is not readable JSON"),
        ({"config": "[" * 100_000}, r"tokenizer_config\.json is not readable JSON"),
        ({"config": "[]"}, r"tokenizer_config\.json is not a JSON object"),
        ({"config": lambda data: data.update(bos_token=7)}, "bos_token is neither"),
        ({"config": lambda data: data.update(bos_token="<s>")}, "does not hold the bos_token '<s>'"),
        ({"config": lambda data: data.update(chat_template=7)}, "chat_template is neither"),
        ({"config": lambda data: data.update(chat_template=[{"name": ["x"]}])}, "named 'default'"),
        ({"template": "\udcff"}, r"chat_template\.jinja is not readable"),
        ({"generation": "nonsense"}, r"generation_config\.json is not readable JSON"),
        ({"generation": '{"eos_token_id": "x"}'}, "is not a token id"),
        ({"generation": '{"eos_token_id": [true]}'}, "is not a token id"),
    ],
)
def test_files_that_are_absent_or_damaged(edited: Any, changes: dict[str, Any], message: str) -> None:
    if changes.get("template") == "\udcff":
        folder = edited()
        (folder / "chat_template.jinja").write_bytes(b"\xff")
    else:
        folder = edited(**changes)
    with pytest.raises(TokenizerError, match=message) as caught:
        Tokenizer.from_dir(folder)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_model_and_tokenizer_of_the_real_distills_agree_enough(qwen: Tokenizer) -> None:
    qwen.check_model(ModelConfig.from_dict(CONFIG))
    qwen.check_model(ModelConfig.from_dict({**CONFIG, "bos_token_id": None, "eos_token_id": None}))
    qwen.check_model(ModelConfig.from_dict({**CONFIG, "eos_token_id": [151643, 151645]}))
    qwen.check_model(ModelConfig.from_dict({**CONFIG, "vocab_size": 151665}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocab_size": 151664}, "has 151665 tokens, the model only 151664"),
        ({"bos_token_id": 128000}, "bos_token_id=128000 of config.json is no special token"),
        ({"eos_token_id": [151643, 128001]}, "eos_token_id=128001 of config.json is no special token"),
    ],
)
def test_a_tokenizer_of_another_model(qwen: Tokenizer, change: dict[str, Any], message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        qwen.check_model(ModelConfig.from_dict({**CONFIG, **change}))


def test_the_tokenizers_of_the_distills_swapped(whole: Tokenizer, whole_dir: Path) -> None:
    other = {**CONFIG, "bos_token_id": 128000, "eos_token_id": 128001, "vocab_size": 128256}
    config = ModelConfig.from_dict(CONFIG if "llama" in whole_dir.name else other)
    with pytest.raises(TokenizerError):
        whole.check_model(config)


def test_an_end_token_beyond_the_vocabulary(edited: Any) -> None:
    tokenizer = Tokenizer.from_dir(edited(generation='{"eos_token_id": 151700}'))
    with pytest.raises(TokenizerError, match="end token 151700 is not in the vocabulary"):
        tokenizer.check_model(ModelConfig.from_dict(CONFIG))
