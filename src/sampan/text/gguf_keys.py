"""The tokenizer and template of a model folder as the keys of a GGUF file, as llama.cpp's converter writes them.

The way back is `gguf_vocabulary`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sampan.errors import TokenizerError
from sampan.strict_json import read_json_object
from sampan.text.gguf_vocabulary import CONTROL, LLAMA3, NORMAL, QWEN2, UNUSED, USER_DEFINED
from sampan.text.tokenizer import TOKENIZER_FILE, Tokenizer

# llama.cpp's names of the ways in which the distills' tokenizers cut text.
NAMES = (("deepseek-r1-qwen", QWEN2), ("llama-bpe", LLAMA3))
LOOKS_SPECIAL = re.compile(r"<[|｜][^<>]*[|｜]>")  # also where tokenizer.json calls it plain text
MAX_BYTES = 64 << 20  # of tokenizer.json
ANOTHER = "use the tokenizer of an R1 distill"


def tokenizer_keys(folder: str | Path, vocab_size: int) -> dict[str, Any]:
    """The keys that begin with `tokenizer.`.

    A model's output matrix has more rows than its tokenizer has tokens. llama.cpp wants a text for each row, so the
    rest is named `[PAD<id>]` and marked as unused.

    Args:
        vocab_size: rows of the output matrix.

    Raises:
        TokenizerError: a file is absent or damaged, or the tokenizer is of a kind that llama.cpp has no name for.
    """
    file = Path(folder) / TOKENIZER_FILE
    tokenizer = Tokenizer.from_dir(folder)
    data = read_json_object(file, MAX_BYTES)
    tokens = [f"[PAD{token_id}]" for token_id in range(vocab_size)]
    kinds = [UNUSED] * vocab_size
    named = [(text, token_id, NORMAL) for text, token_id in data["model"]["vocab"].items()]
    named += [(added["content"], added["id"], _kind(added)) for added in data["added_tokens"]]
    for text, token_id, kind in named:
        if token_id >= vocab_size:
            raise TokenizerError(f"{file}: {text!r} is beyond the model's vocabulary", remedy=ANOTHER)
        tokens[token_id], kinds[token_id] = text, kind
    keys: dict[str, Any] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": _pre(data, file),
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [
            merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]
        ],
        "tokenizer.ggml.add_bos_token": tokenizer.adds_bos,
    }
    padding = tokenizer.config.special_tokens.get("pad_token")
    ids = {
        "bos": tokenizer.bos_token_id,
        "eos": next(iter(tokenizer.eos_token_ids), None),
        "padding": None if padding is None else tokenizer.token_to_id(padding),
    }
    keys |= {f"tokenizer.ggml.{role}_token_id": token_id for role, token_id in ids.items() if token_id is not None}
    if tokenizer.config.chat_template is not None:
        keys["tokenizer.chat_template"] = tokenizer.config.chat_template
    return keys


def _kind(added: dict[str, Any]) -> int:
    return CONTROL if added["special"] or LOOKS_SPECIAL.fullmatch(added["content"]) else USER_DEFINED


def _pre(data: dict[str, Any], file: Path) -> str:
    """By what the file says, not by what the model is called."""
    parts = (data.get("pre_tokenizer") or {}).get("pretokenizers") or [{}]
    pattern = (parts[0].get("pattern") or {}).get("Regex")
    for name, known in NAMES:
        if (pattern, data.get("normalizer")) == (known["pattern"], known["normalizer"]):
            return name
    raise TokenizerError(f"{file} cuts text in a way that llama.cpp has no name for", remedy=ANOTHER)
