"""The packed store: what goes in comes out, and damage of any kind is found before a weight is used."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import numpy_packer
from sampan import _native
from sampan.checkpoint import Checkpoint, SafetensorsFile, write_safetensors
from sampan.checkpoint.dtypes import FLOAT_DTYPES, from_float32
from sampan.checkpoint.safetensors.header import build_header, parse_header
from sampan.errors import CheckpointError
from sampan.quant import PRECISIONS, PackedModel, pack_model
from sampan.quant.store_reader import open_store
from sampan.quant.store_writer import write_store
from tiny_checkpoints import CONFIGS, ODD, QWEN, make_checkpoint

Array = npt.NDArray[np.generic]
SOURCE = "0" * 64


def packed_by_hand(checkpoint: Checkpoint, precision: str) -> dict[str, Array]:
    """Every tensor of a packed model, from the float32 weights and the numpy packer."""
    config = checkpoint.config
    outer = "int8" if precision == "int4" else precision  # attention and output
    packed: dict[str, Array] = {}

    def vector(name: str, *sources: str) -> None:
        packed[name] = np.concatenate([checkpoint.get(source) for source in sources])

    def matrix(name: str, format: str, *sources: str) -> None:
        x = np.concatenate([checkpoint.get(source) for source in sources])
        if format in ("int8", "int4"):
            pack = numpy_packer.pack_int8 if format == "int8" else numpy_packer.pack_int4
            packed[name + ".codes"], packed[name + ".scales"] = pack(x)
        else:
            packed[name + ".codes"] = numpy_packer.panels_of(bits_of(x, format))

    def bits_of(x: npt.NDArray[np.float32], format: str) -> Array:
        stored = from_float32(x, format)
        return stored if format == "fp32" else stored.view(np.uint16)

    embedding = checkpoint.get("model.embed_tokens.weight")
    packed["embed_tokens.codes"] = bits_of(embedding, "bf16" if outer == "int8" else outer)
    for layer in range(config.num_hidden_layers):
        name, source = f"layers.{layer}.", f"model.layers.{layer}."
        qkv = [f"{source}self_attn.{head}_proj" for head in "qkv"]
        vector(name + "input_layernorm", source + "input_layernorm.weight")
        matrix(name + "qkv_proj", outer, *(head + ".weight" for head in qkv))
        if config.attention_bias:
            vector(name + "qkv_proj.bias", *(head + ".bias" for head in qkv))
        matrix(name + "o_proj", outer, source + "self_attn.o_proj.weight")
        vector(name + "post_attention_layernorm", source + "post_attention_layernorm.weight")
        gate_up = source + "mlp.gate_proj.weight", source + "mlp.up_proj.weight"
        matrix(name + "gate_up_proj", precision, *gate_up)
        matrix(name + "down_proj", precision, source + "mlp.down_proj.weight")
    vector("norm", "model.norm.weight")
    matrix("lm_head", outer, "model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight")
    return packed


def assert_same(found: dict[str, Array], expected: dict[str, Array]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape), name
        assert found[name].tobytes() == np.ascontiguousarray(array).tobytes(), name


def stored(checkpoint: Checkpoint, precision: str, path: Path, threads: int = 2) -> PackedModel:
    write_store(path, checkpoint, precision, SOURCE, threads=threads)
    return open_store(path, threads=threads)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("dtype", FLOAT_DTYPES)
@pytest.mark.parametrize("kind", CONFIGS)
def test_every_precision_from_every_source(kind: str, dtype: str, precision: str, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model", CONFIGS[kind], dtype)
    model = stored(checkpoint, precision, tmp_path / "store.safetensors")
    assert_same(model.tensors, packed_by_hand(checkpoint, precision))
    assert (model.config, model.precision) == (CONFIGS[kind], precision)
    expected = {"int4": {"int4", "int8", "bf16"}, "int8": {"int8", "bf16"}}.get(precision, {precision})
    assert set(model.formats.values()) == expected


@pytest.mark.parametrize("precision", ["bf16", "fp16", "fp32"])
def test_odd_sizes(precision: str, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model", ODD)
    model = stored(checkpoint, precision, tmp_path / "store.safetensors")
    assert_same(model.tensors, packed_by_hand(checkpoint, precision))
    assert all(tensor.ctypes.data % 64 == 0 for tensor in model.tensors.values())


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_rows_without_whole_groups_leave_no_file(precision: str, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model", ODD)
    with pytest.raises(CheckpointError, match=r"'model\.layers\.0\.self_attn\.q_proj\.weight' has rows of 36 values"):
        write_store(tmp_path / "out" / "store.safetensors", checkpoint, precision, SOURCE)
    assert not (tmp_path / "out").exists()


def test_shards_and_threads_change_no_byte(tmp_path: Path) -> None:
    whole = make_checkpoint(tmp_path / "whole")
    shards = make_checkpoint(tmp_path / "shards", max_shard_bytes=20_000)
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    contents = []
    for name, checkpoint, threads in (("a", whole, 1), ("b", whole, 2), ("c", shards, 5)):
        write_store(tmp_path / name, checkpoint, "int4", SOURCE, threads=threads)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_large_matrices_are_packed_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = make_checkpoint(tmp_path / "model")
    write_store(tmp_path / "whole", checkpoint, "int8", SOURCE)
    monkeypatch.setattr("sampan.quant.packing.PIECE_VALUES", 1)
    monkeypatch.setattr("sampan.quant.store_reader.VERIFY_BYTES", 100)
    monkeypatch.setattr("sampan.quant.store_writer.HUGE_PAGE", 1000)
    reports: list[tuple[int, int]] = []
    write_store(tmp_path / "pieces", checkpoint, "int8", SOURCE, report=lambda *report: reports.append(report))
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()
    assert_same(open_store(tmp_path / "pieces").tensors, packed_by_hand(checkpoint, "int8"))
    done = [done for done, _ in reports]
    assert done == sorted(done)
    assert reports[-1] == (checkpoint.config.num_parameters, checkpoint.config.num_parameters)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_packing_in_memory_gives_the_same(precision: str, tmp_path: Path) -> None:
    checkpoint = make_checkpoint(tmp_path / "model")
    model = pack_model(checkpoint, precision)
    assert_same(model.tensors, packed_by_hand(checkpoint, precision))
    assert model.path is None
    assert not any(tensor.flags.writeable for tensor in model.tensors.values())


def test_a_store_is_a_safetensors_file_that_says_what_it_is(tmp_path: Path) -> None:
    model = stored(make_checkpoint(tmp_path / "model"), "int4", tmp_path / "store.safetensors")
    file = SafetensorsFile(tmp_path / "store.safetensors")
    assert set(file.names()) >= model.tensors.keys()
    assert file.metadata["layout"] == "sampan-packed-1"
    assert file.metadata["precision"] == "int4"
    assert file.metadata["source"] == SOURCE
    assert json.loads(file.metadata["formats"])["layers.1.down_proj"] == "int4"
    assert json.loads(file.metadata["config"])["hidden_size"] == QWEN.hidden_size
    assert not any(tensor.flags.writeable for tensor in model.tensors.values())
    assert all(tensor.ctypes.data % 64 == 0 for tensor in model.tensors.values())


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("intact")
    write_store(folder / "store", make_checkpoint(folder / "model"), "int4", SOURCE)
    return (folder / "store").read_bytes()


@settings(deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(
    intact: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    length = int.from_bytes(intact[:8], "little") + 8
    in_header = data.draw(st.booleans())
    place = data.draw(st.integers(0, length - 1) if in_header else st.integers(length, len(intact) - 1))
    changed = bytearray(intact)
    changed[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("changed") / "store"
    path.write_bytes(changed)
    with pytest.raises(CheckpointError, match=str(path)) as caught:
        open_store(path)
    assert "makes it anew" in caught.value.remedy
    assert "\n" not in caught.value.message


@settings(deadline=None)
@given(data=st.data())
def test_any_other_length_is_found(
    intact: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "store"
    path.write_bytes(data.draw(st.sampled_from([intact[: data.draw(st.integers(0, len(intact) - 1))], intact + b"\0"])))
    with pytest.raises(CheckpointError, match=str(path)):
        open_store(path)


def test_exchanged_tensors_are_found(intact: bytes, tmp_path: Path) -> None:
    """Checksums that fit the data, but data in the wrong place."""
    header = intact[: int.from_bytes(intact[:8], "little") + 8]
    first, second = b'"layers.0.qkv_proj.codes":{', b'"layers.1.qkv_proj.codes":{'
    swapped = header.replace(first, b"~").replace(second, first).replace(b"~", second)
    assert swapped != header
    (tmp_path / "store").write_bytes(swapped + intact[len(header) :])
    with pytest.raises(CheckpointError, match="checksum of its header is wrong"):
        open_store(tmp_path / "store")


LIES = {
    "precision": "int3",
    "formats": '{"lm_head": "int8"}',
    "config": '{"model_type": "qwen2"}',
    "crc32c": "{}",
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_lie_are_refused(intact: bytes, lie: str, tmp_path: Path) -> None:
    """Also where their checksum is right."""
    length = int.from_bytes(intact[:8], "little") + 8
    entries, metadata = parse_header(intact[8:length], len(intact) - length, "store")
    header = build_header(entries, {**metadata, lie: LIES[lie], "header_crc32c": "0" * 8})
    checksum = f"{_native.crc32c(np.frombuffer(header, np.uint8)):08x}".encode()
    header = header.replace(b'"header_crc32c":"00000000"', b'"header_crc32c":"' + checksum + b'"')
    (tmp_path / "store").write_bytes(header + intact[length:])
    with pytest.raises(CheckpointError) as caught:
        open_store(tmp_path / "store")
    assert "makes it anew" in caught.value.remedy
    assert "checksum" not in caught.value.message


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        open_store(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="cannot be read: Is a directory"):
        open_store(tmp_path)
    write_safetensors(tmp_path / "other", {"x": np.ones(3, np.float32)})
    with pytest.raises(CheckpointError, match="no packed store of the layout"):
        open_store(tmp_path / "other")
    write_safetensors(tmp_path / "newer", {"x": np.ones(3, np.float32)}, metadata={"layout": "sampan-packed-2"})
    with pytest.raises(CheckpointError, match="no packed store of the layout"):
        open_store(tmp_path / "newer")
    write_safetensors(tmp_path / "liar", {"x": np.ones(3, np.float32)}, metadata={"layout": "sampan-packed-1"})
    with pytest.raises(CheckpointError, match="checksum of its header is wrong"):
        open_store(tmp_path / "liar")


BAD = {
    "model.layers.1.mlp.up_proj.weight": (96, 64),
    "model.layers.0.self_attn.v_proj.weight": (48, 64),
    "model.layers.0.self_attn.k_proj.bias": (48,),
    "model.embed_tokens.weight": (50, 64),
    "model.norm.weight": (64,),
}


@pytest.mark.parametrize("precision", ["int8", "int4", "bf16"])
@pytest.mark.parametrize("name", BAD)
def test_weights_that_are_no_numbers_are_refused_by_name(name: str, precision: str, tmp_path: Path) -> None:
    bad = np.ones(BAD[name], np.float32)
    bad.reshape(-1)[-1] = np.nan
    checkpoint = make_checkpoint(tmp_path / "model", **{name.replace(".", "__"): bad})
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: tensor '{name}' holds NaN or Inf"):
        write_store(tmp_path / "store", checkpoint, precision, SOURCE)
    assert sorted(os.listdir(tmp_path)) == ["model"]


def test_weights_that_are_too_large_are_refused_by_name(tmp_path: Path) -> None:
    large = np.full((50, 64), 7e4, np.float32)
    checkpoint = make_checkpoint(tmp_path / "model", lm_head__weight=large)
    with pytest.raises(CheckpointError, match=r"'lm_head\.weight' holds values that are too large"):
        write_store(tmp_path / "store", checkpoint, "fp16", SOURCE)
    stored(checkpoint, "int8", tmp_path / "store")


def test_too_little_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = make_checkpoint(tmp_path / "model")
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=2, f_frsize=4096))
    with pytest.raises(CheckpointError, match=r"has 0\.0 GB free, and the packed weights need 0\.0 GB"):
        write_store(tmp_path / "store", checkpoint, "int8", SOURCE)
    assert sorted(os.listdir(tmp_path)) == ["model"]


def test_a_disk_that_fills_up_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = make_checkpoint(tmp_path / "model")

    def full(fd: int, data: Sequence[int], offset: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        write_store(tmp_path / "store", checkpoint, "int8", SOURCE)
    assert sorted(os.listdir(tmp_path)) == ["model"]
