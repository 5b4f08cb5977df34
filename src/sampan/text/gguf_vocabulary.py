"""A GGUF file's tokenizer and template, as the files that a model folder has.

The file lists the tokens and merges of a byte-level BPE, and names the pattern by which text is cut before it; the
patterns themselves are in the tokenizers of the distills.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sampan.errors import TokenizerError
from sampan.strict_json import FETCH_AGAIN
from sampan.text.tokenizer import TOKENIZER_FILE
from sampan.text.tokenizer_config import CONFIG_FILE, GENERATION_FILE

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = {"pattern": WORDS + r"\p{N}" + REST, "normalizer": {"type": "NFC"}, "ignore_merges": False}
LLAMA3 = {"pattern": WORDS + r"\p{N}{1,3}" + REST, "normalizer": None, "ignore_merges": True}
PRE_TOKENIZERS: Mapping[str, Mapping[str, Any]] = {
    "qwen2": QWEN2,
    "deepseek-r1-qwen": QWEN2,
    "llama-bpe": LLAMA3,
    "llama3": LLAMA3,
}


def tokenizer_files(keys: Mapping[str, Any], source: str) -> dict[str, str]:
    """Name and content of each file.

    Args:
        keys: the GGUF file's.
        source: its name, for messages.

    Raises:
        TokenizerError: the tokenizer is absent, of another kind, or contradicts itself.
    """
    model, pre = keys.get("tokenizer.ggml.model"), keys.get("tokenizer.ggml.pre")
    if model != "gpt2" or not isinstance(pre, str) or pre not in PRE_TOKENIZERS:
        raise TokenizerError(
            f"{source} has the tokenizer {str(model)[:40]!r} with {str(pre)[:40]!r}, which is not read",
            remedy="use a GGUF file of an R1 distill",
        )
    tokens, merges = _texts(keys, "tokens", source), _texts(keys, "merges", source)
    kinds = keys.get("tokenizer.ggml.token_type")
    if not isinstance(kinds, list) or len(kinds) != len(tokens):
        raise _wrong("token_type", source)
    return {
        TOKENIZER_FILE: _tokenizer_json(tokens, kinds, merges, PRE_TOKENIZERS[pre]),
        CONFIG_FILE: json.dumps(_config(keys, tokens, source), ensure_ascii=False),
        GENERATION_FILE: json.dumps({"eos_token_id": _eos_ids(keys)}),
    }


def _texts(keys: Mapping[str, Any], name: str, source: str) -> list[str]:
    values = keys.get(f"tokenizer.ggml.{name}")
    if not isinstance(values, list) or not values or not all(isinstance(value, str) for value in values):
        raise _wrong(name, source)
    return values


def _wrong(name: str, source: str) -> TokenizerError:
    return TokenizerError(f"{source}: tokenizer.ggml.{name} is absent or odd", remedy=FETCH_AGAIN)


def _tokenizer_json(tokens: list[str], kinds: list[Any], merges: list[str], pre: Mapping[str, Any]) -> str:
    added = [
        {
            "id": token_id,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": kind == CONTROL,
        }
        for token_id, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (CONTROL, USER_DEFINED)
    ]
    split = {"type": "Split", "pattern": {"Regex": pre["pattern"]}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    data = {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": pre["normalizer"],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "ignore_merges": pre["ignore_merges"],
            "vocab": {token: i for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if kind == NORMAL},
            "merges": [merge.split(" ", 1) for merge in merges],
        },
    }
    return json.dumps(data, ensure_ascii=False)


def _config(keys: Mapping[str, Any], tokens: list[str], source: str) -> dict[str, Any]:
    config: dict[str, Any] = {"add_bos_token": bool(keys.get("tokenizer.ggml.add_bos_token", False))}
    for role, key in (("bos_token", "bos_token_id"), ("eos_token", "eos_token_id")):
        token_id = keys.get(f"tokenizer.ggml.{key}")
        if token_id is not None:
            if type(token_id) is not int or not 0 <= token_id < len(tokens):
                raise _wrong(key, source)
            config[role] = tokens[token_id]
    template = keys.get("tokenizer.chat_template")
    if isinstance(template, str):
        config["chat_template"] = template
    return config


def _eos_ids(keys: Mapping[str, Any]) -> list[int]:
    ids = [keys.get(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot")]
    return list(dict.fromkeys(token_id for token_id in ids if type(token_id) is int))
