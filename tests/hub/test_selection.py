"""Which files of a repository are fetched."""

from __future__ import annotations

import pytest

from sampan.checkpoint.local.hub_id import HubId
from sampan.errors import UsageError
from sampan.hub.listing import RemoteFile
from sampan.hub.selection import select_files

DESCRIBED = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]


def chosen(names: list[str], wanted: str = "", size: int = 10) -> list[str]:
    files = [RemoteFile(name, size, "0" * 64, "") for name in names]
    return [file.path for file in select_files(HubId("org/repo", wanted), files)]


def shards(stem: str, count: int, suffix: str = "safetensors") -> list[str]:
    return [f"{stem}-{i:05}-of-{count:05}.{suffix}" for i in range(1, count + 1)]


def test_weights_come_in_one_form_and_last() -> None:
    others = [".gitattributes", "pytorch_model.bin", "onnx/model.onnx", "figures/a.png", "model.py", "original/x.pth"]
    names = [*others, "model.safetensors", "model.Q8_0.gguf", "LICENSE", "README.md", *DESCRIBED]
    assert chosen(names) == [*sorted([*DESCRIBED, "LICENSE", "README.md"]), "model.safetensors"]


def test_shards_come_with_their_index() -> None:
    index, three = "model.safetensors.index.json", shards("model", 3)
    names = [*DESCRIBED, index, *three, *shards("consolidated", 2), "model-00001-of-00009.safetensors"]
    assert chosen(names) == [*sorted([*DESCRIBED, index]), *three]
    with pytest.raises(UsageError, match="holds no weights"):
        chosen([*DESCRIBED, index, *three[:2]])


def test_paddles_form_is_taken_where_there_is_no_other() -> None:
    index, two = "model_state.pdparams.index.json", shards("model_state", 2, "pdparams")
    assert chosen(["config.json", "model_state.pdparams"]) == ["config.json", "model_state.pdparams"]
    assert chosen(["config.json", index, *two]) == ["config.json", index, *two]
    assert chosen(["config.json", index, *two, "model.safetensors"]) == ["config.json", "model.safetensors"]


def test_a_gguf_file_comes_with_its_terms_alone() -> None:
    names = ["README.md", "config.json", "q4.gguf", "folder/q8.gguf"]
    assert chosen(names, "folder/q8.gguf") == ["README.md", "folder/q8.gguf"]
    assert chosen(["README.md", "q4.gguf"]) == ["README.md", "q4.gguf"]


@pytest.mark.parametrize(
    ("names", "wanted", "error", "remedy"),
    [
        (
            ["config.json", "pytorch_model.bin"],
            "",
            "only as pickles (pytorch_model.bin)",
            "repository with .safetensors",
        ),
        (["README.md"], "", "holds no weights", "take one with .safetensors"),
        (["model.safetensors"], "", "has no config.json", "Hugging Face's form"),
        (["a.gguf", "b.gguf"], "", "holds 2 GGUF files", "sampan pull org/repo/a.gguf or sampan pull org/repo/b.gguf"),
        (["a.gguf"], "c.gguf", "has no file c.gguf", "sampan pull org/repo/a.gguf"),
        (shards("q", 2, "gguf"), "q-00001-of-00002.gguf", "one part of several", "--merge"),
    ],
)
def test_what_cannot_be_used_is_refused_before_it_is_fetched(
    names: list[str], wanted: str, error: str, remedy: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(names, wanted)
    assert error in caught.value.message
    assert remedy in caught.value.remedy


def test_what_should_be_small_is_left_out_where_it_is_not() -> None:
    names = ["model.safetensors", "config.json", "README.md"]
    assert chosen(names, size=200_000_000) == ["model.safetensors"]
