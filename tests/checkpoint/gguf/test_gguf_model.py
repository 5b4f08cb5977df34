"""GGUF files as models: the same answers as the folder that they were made from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Type

from gguf_files import make_gguf, write_out
from sampan import LLM, SamplingParams
from sampan.checkpoint import model_folder, open_checkpoint, write_checkpoint, write_gguf
from sampan.checkpoint.gguf.reader import GgufFile
from sampan.config import RopeScaling
from sampan.convert import convert
from sampan.errors import CheckpointError, ConfigError, SampanError
from sampan.text import Tokenizer
from sampan.text.gguf_keys import tokenizer_keys
from sampan.text.gguf_vocabulary import tokenizer_files
from sampan.zoo import EMBEDDED_MODEL, find
from tiny_checkpoints import CONFIGS, QWEN, make_checkpoint, random_tensors

TINY = model_folder(find(EMBEDDED_MODEL))


@pytest.mark.parametrize("kind", CONFIGS)
def test_tensors_and_configuration_are_those_of_the_folder(tmp_path: Path, kind: str) -> None:
    config, tensors = CONFIGS[kind], random_tensors(CONFIGS[kind])
    make_gguf(tmp_path / "m.gguf", config, tensors)
    checkpoint = open_checkpoint(tmp_path / "m.gguf")
    assert checkpoint.config == config
    assert sorted(checkpoint.names()) == sorted(tensors)
    for name, values in tensors.items():
        np.testing.assert_array_equal(checkpoint.get(name), values, strict=True)
        middle = slice(1, max(2, len(values) - 3))
        np.testing.assert_array_equal(checkpoint.raw(name).rows(middle.start, middle.stop), values[middle])


@pytest.fixture(scope="module")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "sampan-tiny.gguf"
    convert("sampan-tiny", path, form="gguf", dtype="bf16")
    return path


def test_the_embedded_model_answers_alike_from_a_gguf_file(tiny_gguf: Path, home: Path) -> None:
    params = SamplingParams(max_tokens=120, temperature=0.7, seed=5)
    question = [{"role": "user", "content": "如何重置路由器密码?"}]
    answers = [LLM(str(model), precision="bf16").chat(question, params)[0] for model in (TINY, tiny_gguf)]
    assert answers[0].prompt_token_ids == answers[1].prompt_token_ids
    assert answers[0].outputs == answers[1].outputs
    assert len(list((home / "gguf").iterdir())) == 1
    LLM(str(tiny_gguf))
    assert len(list((home / "gguf").iterdir())) == 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


SAMPLES = [
    "你好,世界!",
    "def f(x):\n    return x ** 2\n",
    "emoji 👩\u200d🚀 e\u0301 é",
    " 1234567 ",
    "<think>\n</think>",
    "\r\n\t ",
]
REAL = Path(__file__).parents[4] / "shared" / "data" / "tokenizers"
TOKENIZERS = {"sampan-tiny": TINY, **{path.name: path for path in sorted(REAL.glob("*")) if path.is_dir()}}
MARKED = re.compile(r"<[|｜].*[|｜]>")  # llama.cpp's converter takes them for special, whatever tokenizer.json says
PRE = {"deepseek-r1-distill-llama": "llama-bpe"}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_goes_through_gguf_unchanged(tmp_path: Path, home: Path, name: str) -> None:
    real = Tokenizer.from_dir(TOKENIZERS[name])
    config = replace(QWEN, vocab_size=real.vocab_size + 7)
    make_checkpoint(tmp_path / "model", config)
    texts = tokenizer_keys(TOKENIZERS[name], config.vocab_size)
    write_gguf(tmp_path / "m.gguf", open_checkpoint(tmp_path / "model"), "bf16", texts=texts)
    assert texts["tokenizer.ggml.pre"] == PRE.get(name, "deepseek-r1-qwen")
    folder = tmp_path / "texts"
    folder.mkdir()
    keys = GgufFile(tmp_path / "m.gguf").keys
    assert {key: value for key, value in keys.items() if key.startswith("tokenizer.")} == texts
    for file, content in tokenizer_files(keys, "m.gguf").items():
        (folder / file).write_text(content, encoding="utf-8")
    ours = Tokenizer.from_dir(folder)
    assert (ours.vocab_size, ours.bos_token_id, ours.added_ids) == (real.vocab_size, real.bos_token_id, real.added_ids)
    assert (ours.eos_token_ids, ours.adds_bos) == (real.eos_token_ids, real.adds_bos)
    assert ours.special_ids == real.special_ids | {
        i for i in real.added_ids if MARKED.fullmatch(real.decode([i], skip_special_tokens=False))
    }
    assert ours.all_bytes() == real.all_bytes()
    for text in SAMPLES:
        assert ours.encode(text) == real.encode(text)
        assert ours.encode_with_specials(text) == real.encode_with_specials(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split.count": 4}, "is one part of several, and is not called so"),
        ({"qwen2.embedding_length": 63}, "num_attention_heads|has shape|head"),
        ({"qwen2.block_count": 3}, "lacks the tensor"),
        ({"qwen2.block_count": 1}, "is not part of this model"),
        ({"qwen2.block_count": "2"}, "is not a whole number"),
        ({"qwen2.rope.scaling.type": "yarn"}, "rope scaling 'yarn' is not supported"),
        ({"qwen2.attention.head_count": 0}, "num_attention_heads"),
    ],
)
def test_keys_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    make_gguf(tmp_path / "m.gguf", QWEN, random_tensors(QWEN), **changes)
    with pytest.raises(SampanError, match=message):
        open_checkpoint(tmp_path / "m.gguf")


def test_another_rope_scaling_is_refused(tmp_path: Path) -> None:
    config = replace(CONFIGS["llama"], rope_scaling=RopeScaling(factor=32.0))
    make_gguf(tmp_path / "m.gguf", config, random_tensors(config))
    with pytest.raises(ConfigError, match="is not Llama 3's scaling"):
        open_checkpoint(tmp_path / "m.gguf")


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "mamba")
    writer.add_tensor("token_embd.weight", np.zeros((4, 32), np.float32), raw_dtype=Type.F32)
    write_out(writer)
    with pytest.raises(ConfigError, match="'mamba' is not supported"):
        open_checkpoint(tmp_path / "m.gguf")


def test_a_file_without_a_tokenizer_is_refused_by_name(tmp_path: Path, home: Path) -> None:
    make_gguf(tmp_path / "m.gguf", QWEN, random_tensors(QWEN))
    with pytest.raises(SampanError, match=r"m\.gguf has the tokenizer 'None'"):
        LLM(str(tmp_path / "m.gguf"))


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampanError, match="does not exist"):
        LLM(str(tmp_path / "absent.gguf"))


def test_from_gguf_to_a_folder_and_back_changes_no_bit(tmp_path: Path) -> None:
    source = make_checkpoint(tmp_path / "folder", QWEN, "fp32")
    write_gguf(tmp_path / "m.gguf", source, "fp32")
    there = open_checkpoint(tmp_path / "m.gguf")
    write_checkpoint(tmp_path / "again", there.config, {name: there.get(name) for name in source.names()}, "fp32")
    first, again = (tmp_path / name / "model.safetensors" for name in ("folder", "again"))
    assert again.read_bytes() == first.read_bytes()


def test_truncation_anywhere_is_refused(tmp_path: Path) -> None:
    make_gguf(tmp_path / "m.gguf", QWEN, random_tensors(QWEN))
    data = (tmp_path / "m.gguf").read_bytes()
    for percent in range(100):
        (tmp_path / "m.gguf").write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(CheckpointError):
            open_checkpoint(tmp_path / "m.gguf")
