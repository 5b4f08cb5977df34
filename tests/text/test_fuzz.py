"""Tokenizers, their settings, and what GGUF files say of them, changed at random."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mutations import COUNTS, mutate_json, survive
from sampan.text import ChatTemplate, Tokenizer
from sampan.text.gguf_keys import tokenizer_keys
from sampan.text.gguf_vocabulary import QWEN2, tokenizer_files

TOKENIZER = {
    "version": "1.0",
    "added_tokens": [
        {"id": 6, "content": "<think>", "special": False, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False},
        {"id": 7, "content": "<end>", "special": True, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False},
    ],
    "normalizer": {"type": "NFC"},
    "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": QWEN2["pattern"]}, "behavior": "Isolated", "invert": False},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        ],
    },
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "Ġ": 2, "ab": 3, "c": 4, "abc": 5},
              "merges": [["a", "b"], ["ab", "c"]]},
}  # fmt: skip
CONFIG = {
    "add_bos_token": True,
    "bos_token": {"content": "<think>"},
    "eos_token": "<end>",
    "chat_template": "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}",
}
KEYS = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "qwen2",
    "tokenizer.ggml.tokens": ["a", "b", "Ġ", "ab", "c", "abc", "<think>", "<end>", "[PAD8]"],
    "tokenizer.ggml.token_type": [1, 1, 1, 1, 1, 1, 4, 3, 5],
    "tokenizer.ggml.merges": ["a b", "ab c"],
    "tokenizer.ggml.add_bos_token": True,
    "tokenizer.ggml.bos_token_id": 6,
    "tokenizer.ggml.eos_token_id": 7,
    "tokenizer.chat_template": CONFIG["chat_template"],
}


def write(folder: Path) -> None:
    (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    (folder / "tokenizer_config.json").write_text(json.dumps(CONFIG))


def use(folder: Path) -> None:
    """What a start does with a tokenizer, and what a conversion does."""
    tokenizer = Tokenizer.from_dir(folder)
    ids = tokenizer.encode("ab abc 漢 <end>", add_bos=True)
    tokenizer.decode(ids)
    tokenizer.encode_with_specials("abc<end>")
    tokenizer.all_bytes()
    ChatTemplate(tokenizer).encode([{"role": "user", "content": "abc"}])
    tokenizer_keys(folder, 16)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json"])
def test_tokenizer(tmp_path: Path, name: str, count: int) -> None:
    write(tmp_path)
    use(tmp_path)
    survive(lambda path: use(path.parent), tmp_path / name, [(tmp_path / name).read_bytes()], mutate_json, count)


@pytest.mark.parametrize("count", COUNTS)
def test_gguf_keys(tmp_path: Path, count: int) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()

    def read(path: Path) -> None:
        text = path.read_text(errors="replace")
        if re.search(r"\\ud[89a-f]", text):  # a GGUF file's texts are UTF-8
            return
        try:
            keys = json.loads(text)
        except ValueError:
            return
        for name, content in tokenizer_files(keys if isinstance(keys, dict) else {}, "m.gguf").items():
            (folder / name).write_text(content, encoding="utf-8")
        use(folder)

    survive(read, tmp_path / "keys", [json.dumps(KEYS).encode()], mutate_json, count)
