"""`tokenizer.json` read by hand is what the library reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers

from sampan.text.tokenizer_file import parse_tokenizer

FILES = sorted((Path(__file__).parents[1] / "data" / "tokenizers").glob("*/tokenizer.json"))
EMBEDDED = Path(__file__).parents[2] / "src" / "sampan" / "assets" / "sampan-tiny" / "tokenizer.json"


def without_gaps(data: dict[str, Any]) -> None:
    """The samples hold a few tokens of their vocabularies."""
    vocabulary = data["model"]["vocab"]
    data["model"]["vocab"] = dict(
        zip(sorted(vocabulary, key=vocabulary.__getitem__), range(len(vocabulary)), strict=True)
    )
    new = (token for token in data["added_tokens"] if token["content"] not in vocabulary)
    for token_id, token in enumerate(new, len(vocabulary)):
        token["id"] = token_id
    for token in data["added_tokens"]:
        token["id"] = data["model"]["vocab"].get(token["content"], token["id"])


def as_older_files_write(data: dict[str, Any]) -> None:
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]


def with_options(data: dict[str, Any]) -> None:
    data["model"].update(byte_fallback=True, ignore_merges=True, fuse_unk=True, unk_token="!")


def with_added_tokens_of_all_kinds(data: dict[str, Any]) -> None:
    token = {**data["added_tokens"][0], "special": False}
    first = 1 + max([*data["model"]["vocab"].values(), *(added["id"] for added in data["added_tokens"])])
    for i, change in enumerate(({}, {"special": True}, {"normalized": True}, {"lstrip": True}, {"single_word": True})):
        data["added_tokens"].append({**token, **change, "content": f"<{i}>", "id": first + i})


def without_added_tokens(data: dict[str, Any]) -> None:
    data["added_tokens"] = []


def truncating(data: dict[str, Any]) -> None:
    data["truncation"] = {"direction": "Right", "max_length": 9, "strategy": "LongestFirst", "stride": 0}


@pytest.mark.parametrize("file", [*FILES, EMBEDDED], ids=lambda file: file.parent.name)
@pytest.mark.parametrize(
    "changes",
    [
        [],
        [without_gaps],
        [without_gaps, as_older_files_write],
        [without_gaps, with_options],
        [without_gaps, with_added_tokens_of_all_kinds],
        [with_added_tokens_of_all_kinds],
        [without_added_tokens],
        [truncating],
    ],
)
def test_nothing_differs(file: Path, changes: list[Callable[[dict[str, Any]], None]]) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    for edit in changes:
        edit(data)
    for text in (json.dumps(data), json.dumps(data, indent=2, ensure_ascii=False)):
        found, num_plain = parse_tokenizer(text.encode())
        expected = tokenizers.Tokenizer.from_str(text)
        assert found.to_str() == expected.to_str()
        ids = expected.get_vocab(with_added_tokens=False).values()
        assert num_plain == (max(ids) + 1 if len(ids) == max(ids) + 1 else None)
        sample = "Ein Schiff <0>,<1> 你好  <4>x\n" + "".join(str(token) for token in data["added_tokens"][:3])
        assert found.encode(sample).ids == expected.encode(sample).ids


def test_another_kind_of_model_is_left_to_the_library() -> None:
    text = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0}, unk_token="a")).to_str()
    found, num_plain = parse_tokenizer(text.encode())
    assert (found.to_str(), num_plain) == (text, None)


def test_the_library_says_what_is_wrong() -> None:
    with pytest.raises(Exception, match="did not match"):
        parse_tokenizer(b'{"model": 3}')
