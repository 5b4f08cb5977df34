"""GGUF's quantised types on their way into packed weights: taken over as they are, or with the loss told."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import numpy_packer
from gguf_files import make_gguf
from sampan.checkpoint import Checkpoint, open_checkpoint
from sampan.quant import PackedModel, pack_model
from sampan.quant.store_reader import open_store
from sampan.quant.store_writer import write_store
from sampan.quant.taking_over import formats_of
from tiny_checkpoints import CONFIGS, random_tensors

SOURCES = {
    "qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o_proj": ("self_attn.o_proj",),
    "gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "down_proj": ("mlp.down_proj",),
}


def make(path: Path, kind: str, **types: str) -> Checkpoint:
    """A file whose matrices are blocks: `types` by the last part of their names, `other` for all others."""
    config = replace(CONFIGS[kind], hidden_size=256, intermediate_size=512, head_dim=64)
    tensors = random_tensors(config)
    matrices = [name for name, values in tensors.items() if values.ndim == 2]
    found = {name: types.get(name.split(".")[-2], types.get("other")) for name in matrices}
    make_gguf(path, config, tensors, {name: stored for name, stored in found.items() if stored})
    return open_checkpoint(path)


def packed_and_stored(checkpoint: Checkpoint, model: PackedModel, matrix: str) -> tuple[np.ndarray, np.ndarray]:
    """The values of a matrix of layer 1, as packed and as the file has them."""
    stored = np.concatenate([checkpoint.get(f"model.layers.1.{source}.weight") for source in SOURCES[matrix]])
    name = f"layers.1.{matrix}"
    return numpy_packer.unpack(model.tensors[f"{name}.codes"], model.tensors[f"{name}.scales"], len(stored)), stored


@pytest.mark.parametrize("kind", ["qwen", "llama"])
@pytest.mark.parametrize(("stored", "format"), [("Q8_0", "int8"), ("Q4_0", "int4")])
def test_what_is_packed_is_what_is_stored(tmp_path: Path, kind: str, stored: str, format: str) -> None:
    checkpoint = make(tmp_path / "m.gguf", kind, other=stored)
    model = pack_model(checkpoint, "auto")
    assert (model.precision, set(model.formats.values()), model.requantised) == (format, {"bf16", format}, ())
    for matrix in SOURCES:
        np.testing.assert_array_equal(*packed_and_stored(checkpoint, model, matrix))


def test_codes_of_some_rows_are_those_of_all(tmp_path: Path) -> None:
    checkpoint = make(tmp_path / "m.gguf", "llama", other="Q4_0")
    for name in ("model.layers.0.self_attn.k_proj.weight", "model.layers.0.mlp.up_proj.weight"):
        coded, values = checkpoint.coded(name), checkpoint.get(name)
        assert coded is not None
        assert (coded.bits, coded.group_size, coded.shape) == (4, 32, values.shape)
        codes, scales = coded.rows(5, 71)
        np.testing.assert_array_equal(codes * scales.astype(np.float32).repeat(32, axis=1), values[5:71])


def test_a_mixed_file_gets_the_narrowest_format_for_each_matrix(tmp_path: Path) -> None:
    types = {"down_proj": "Q6_K", "up_proj": "Q5_K", "v_proj": "Q6_K", "lm_head": "Q6_K", "o_proj": "Q8_0"}
    _, formats = formats_of(make(tmp_path / "mixed.gguf", "qwen", other="Q4_K", **types), "auto")
    assert {formats[f"layers.0.{matrix}"] for matrix in SOURCES} == {"int8"}
    precision, formats = formats_of(make(tmp_path / "q4_k.gguf", "qwen", other="Q4_K"), "auto")
    assert (precision, formats["lm_head"], formats["embed_tokens"]) == ("int4", "int8", "bf16")
    assert [formats[f"layers.0.{matrix}"] for matrix in SOURCES] == ["int8", "int8", "int4", "int4"]


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("sampan")]


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_a_second_quantisation_is_told_and_kept(
    tmp_path: Path, precision: str, caplog: pytest.LogCaptureFixture
) -> None:
    types = {"down_proj": "Q6_K", "up_proj": "Q8_0", "o_proj": "Q4_0"}
    checkpoint = make(tmp_path / "m.gguf", "llama", other="Q4_K", **types)
    write_store(tmp_path / "store", checkpoint, precision, "0" * 64)
    model = open_store(tmp_path / "store")
    wider = "int8" if precision == "int4" else precision
    expected = [("q_proj", "Q4_K", wider), ("k_proj", "Q4_K", wider), ("v_proj", "Q4_K", wider)]
    expected += [("gate_proj", "Q4_K", precision)] + ([("up_proj", "Q8_0", "int4")] if precision == "int4" else [])
    expected += [("down_proj", "Q6_K", precision), ("lm_head", "Q4_K", wider)]
    assert [(each.kind, each.source, each.format) for each in model.requantised] == expected
    for each in model.requantised:
        assert 0 < each.mean <= each.worst < 1
        assert each.kind in caplog.text
    assert [record.levelno for record in ours(caplog)] == [logging.WARNING]
    # Layer 1 alone, by hand: it lies between the mean and the worst, or mirrors them.
    packed, stored = packed_and_stored(checkpoint, model, "down_proj")
    error = np.sqrt(np.square(packed - stored, dtype=np.float64).sum() / np.square(stored, dtype=np.float64).sum())
    down = next(each for each in model.requantised if each.kind == "down_proj")
    assert min(abs(error - down.worst), abs(error - (2 * down.mean - down.worst))) < 2e-5
    again = pack_model(checkpoint, precision)
    assert [str(each) for each in again.requantised] == [str(each) for each in model.requantised]


def test_floats_lose_nothing_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert pack_model(make(tmp_path / "m.gguf", "qwen"), "int4").requantised == ()
    assert not ours(caplog)
