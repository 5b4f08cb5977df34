"""The tokenizer of `sampan-tiny`: a byte-level BPE built like that of the Qwen distills, only smaller."""

from __future__ import annotations

import builtins
import json
import keyword
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from recipes.tiny.chat_template import CHAT_TEMPLATE

END, USER, ASSISTANT, BEGIN = "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>"  # noqa: RUF001
THINK, THINK_END = "<think>", "</think>"
_SPECIAL = (END, USER, ASSISTANT, BEGIN, "<|EOT|>", THINK, THINK_END) + tuple(
    f"<｜{name}｜>"  # noqa: RUF001
    for name in ("tool▁calls▁begin", "tool▁calls▁end", "tool▁call▁begin", "tool▁call▁end", "tool▁outputs▁begin")
    + ("tool▁outputs▁end", "tool▁output▁begin", "tool▁output▁end", "tool▁sep")
)
_HIDDEN = (END, BEGIN)  # `special` in the distills' sense: left out when text is decoded

VOCAB_SIZE = 6144
MAX_CONTEXT = 2048
# Longer merges would swallow whole phrases of so small a corpus, and a new phrasing would look like nothing ever seen.
_MAX_TOKEN_BYTES = 10
# Words, single digits, punctuation, newlines, spaces: the pattern of Qwen2 (arXiv:2407.10671).
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Learns the merges from `texts`. All 256 bytes are tokens, so every text can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE - len(_SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        max_token_length=_MAX_TOKEN_BYTES,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_with_names(texts), trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=text in _HIDDEN) for text in _SPECIAL])
    begin = (BEGIN, tokenizer.token_to_id(BEGIN))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A {BEGIN}:1 $B:1", special_tokens=[begin]
    )
    return tokenizer


def _with_names(texts: Iterable[str]) -> Iterator[str]:
    """The corpus, then Python's own vocabulary, so that other code than the corpus' encodes well too."""
    yield from texts
    yield from (f" {name}" for name in [*keyword.kwlist, *dir(builtins), *dir(str), *dir(list), *dir(dict)] for _ in "ab")


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes `tokenizer.json` and `tokenizer_config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "add_bos_token": True,
        "add_eos_token": False,
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": END,
        "unk_token": None,
        "clean_up_tokenization_spaces": False,
        "model_max_length": MAX_CONTEXT,
        "tokenizer_class": "LlamaTokenizerFast",
        "chat_template": CHAT_TEMPLATE,
    }
    text = json.dumps(config, ensure_ascii=False, indent=2)
    (folder / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")
