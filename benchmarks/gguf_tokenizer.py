"""The vocabulary of a checkpoint folder as GGUF metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf

from sampan.config import ModelConfig

# llama.cpp's name for the pre-tokenizer pattern of the Qwen distills, which the embedded model shares.
PRE_TOKENIZER = "deepseek-r1-qwen"


def add_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: ModelConfig) -> None:
    """Adds `tokenizer.json` of `folder`; where there is none, only the number of tokens.

    A model's output matrix has more rows than its tokenizer has tokens. llama.cpp wants a text for each row, so the
    rest is named `[PAD<id>]` and marked as unused.
    """
    file = folder / "tokenizer.json"
    if not file.exists():
        writer.add_tokenizer_model("none")
        writer.add_vocab_size(config.vocab_size)
        return
    data = json.loads(file.read_text(encoding="utf-8"))
    tokens, types = _tokens(data, config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE_TOKENIZER)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]])
    writer.add_add_bos_token(config.bos_token_id is not None)
    if config.bos_token_id is not None:
        writer.add_bos_token_id(config.bos_token_id)
    if config.eos_token_ids:
        writer.add_eos_token_id(config.eos_token_ids[0])
    settings = folder / "tokenizer_config.json"
    template = json.loads(settings.read_text(encoding="utf-8")).get("chat_template") if settings.exists() else None
    if isinstance(template, str):
        writer.add_chat_template(template)


def _tokens(data: dict[str, Any], vocab_size: int) -> tuple[list[str], list[int]]:
    """Text and type of every id below `vocab_size`."""
    tokens = [f"[PAD{token_id}]" for token_id in range(vocab_size)]
    types = [int(gguf.TokenType.UNUSED)] * vocab_size
    for text, token_id in data["model"]["vocab"].items():
        tokens[token_id], types[token_id] = text, int(gguf.TokenType.NORMAL)
    for added in data["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]], types[added["id"]] = added["content"], int(kind)
    return tokens, types
