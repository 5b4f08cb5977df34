"""The embedded model quantised in every format that is read: what is packed is what is stored, to the bit."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import numpy_packer
from paged_logits import Row, equal_chunks, paged_logits
from quantized_folders import (
    Quantized,
    as_awq,
    as_gptq,
    as_packed,
    as_plain,
    awq_config,
    compressed_config,
    gptq_config,
    is_linear,
    quantized_tensors,
    weights,
    write_folder,
)
from sampan.backends.native import NativeBackend
from sampan.backends.paddle import PaddleBackend
from sampan.checkpoint import Checkpoint, open_checkpoint, resolve_model, write_checkpoint
from sampan.quant import pack_model

SOURCE = open_checkpoint(resolve_model(None).path)
PROMPT = np.random.default_rng(0).integers(0, 6000, 24).tolist()
PARTS = {
    "qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "o_proj": ("self_attn.o_proj",),
    "gate_up_proj": ("mlp.gate_proj", "mlp.up_proj"),
    "down_proj": ("mlp.down_proj",),
}


def nearest(name: str, n: int, k: int, *, bits: int, group_size: int, symmetric: bool = True) -> Quantized:
    """The embedded model's weights, each group by its own range."""
    size = k if group_size == -1 else group_size
    groups = SOURCE.get(name).reshape(n, -1, size)
    least, most = np.minimum(groups.min(axis=2), 0), np.maximum(groups.max(axis=2), 0)
    if symmetric:
        least, most = np.minimum(least, -most), np.maximum(most, -least)
    scales = ((most - least) / (2**bits - 1)).astype(np.float16).astype(np.float32)
    scales = scales.view(np.uint32) >> 16 << 16  # a bf16, which fp16 holds as well
    scales = scales.astype(np.uint32).view(np.float32)
    zeros = np.full(least.shape, 2 ** (bits - 1)) if symmetric else np.clip(np.rint(-least / scales), 1, 2**bits - 1)
    zeros = zeros.astype(np.int64)
    codes = np.clip(np.rint(groups / scales[:, :, None]).astype(np.int64) + zeros[:, :, None], 0, 2**bits - 1)
    return Quantized(bits, codes.reshape(n, k), scales, zeros, np.arange(k) // size)


FORMATS: dict[str, tuple[dict[str, Any], Any, dict[str, Any], str]] = {
    "packed int4": (
        compressed_config("pack-quantized", weights(4, 64)),
        as_packed,
        {"bits": 4, "group_size": 64},
        "int4",
    ),
    "GPTQ int4": (gptq_config(4, 64), as_gptq, {"bits": 4, "group_size": 64}, "int4"),
    "GPTQ int4 v2": (
        gptq_config(4, 64, checkpoint_format="gptq_v2"),
        partial(as_gptq, zeros_less=0),
        {"bits": 4, "group_size": 64},
        "int4",
    ),
    "AWQ without zero points": (awq_config(64), as_awq, {"bits": 4, "group_size": 64}, "int4"),
    "AWQ": (awq_config(32), as_awq, {"bits": 4, "group_size": 32, "symmetric": False}, "int8"),
    "packed int4 with zero points": (
        compressed_config("pack-quantized", weights(4, 32, False)),
        as_packed,
        {"bits": 4, "group_size": 32, "symmetric": False},
        "int8",
    ),
    "int8 of channels": (
        compressed_config("int-quantized", weights(8, -1)),
        as_plain,
        {"bits": 8, "group_size": -1},
        "int8",
    ),
    "GPTQ int8": (gptq_config(8, 128), as_gptq, {"bits": 8, "group_size": 128}, "int8"),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Any]]]:
    """Each format's folder and the floats that it stands for."""
    made = {}
    for name, (config, store, how, _) in FORMATS.items():
        path = tmp_path_factory.mktemp("m")
        stored, floats = quantized_tensors(SOURCE.config, store, partial(nearest, **how), SOURCE)
        write_folder(path, SOURCE.config, config, stored)
        made[name] = path, floats
    return made


def packed(checkpoint: Checkpoint) -> dict[str, Any]:
    return pack_model(checkpoint, "auto").tensors


@pytest.mark.parametrize("name", FORMATS)
def test_packed_codes_are_the_stored_ones(folders: dict[str, Any], name: str) -> None:
    path, floats = folders[name]
    model = pack_model(open_checkpoint(path), "auto")
    for layer in range(SOURCE.config.num_hidden_layers):
        for part, sources in PARTS.items():
            wanted = np.concatenate([floats[f"model.layers.{layer}.{source}.weight"] for source in sources])
            matrix = f"layers.{layer}.{part}"
            assert model.formats[matrix] == FORMATS[name][3]
            codes, scales = model.tensors[matrix + ".codes"], model.tensors[matrix + ".scales"]
            np.testing.assert_array_equal(numpy_packer.unpack(codes, scales, len(wanted)), wanted)


@pytest.mark.parametrize(
    "names",
    [
        ("packed int4", "GPTQ int4", "GPTQ int4 v2", "AWQ without zero points"),
        ("packed int4 with zero points", "AWQ"),
    ],
)
def test_the_same_codes_are_the_same_model_in_any_format(folders: dict[str, Any], names: tuple[str, ...]) -> None:
    first, *others = (packed(open_checkpoint(folders[name][0])) for name in names)
    for other in others:
        assert other.keys() == first.keys()
        assert all(np.array_equal(other[name], first[name]) for name in first)


@pytest.mark.parametrize("name", ["packed int4", "AWQ", "int8 of channels"])
def test_backends_compute_with_the_stored_weights(folders: dict[str, Any], tmp_path: Path, name: str) -> None:
    """In fp32 the same logits, to the bit, as the folder of floats that the integers stand for; taken over, next to
    them: what differs is the rounding of activations alone."""
    path, floats = folders[name]
    write_checkpoint(tmp_path, SOURCE.config, floats, "fp32")
    rows = [Row(PROMPT, equal_chunks(len(PROMPT), 24), range(2))]

    def logits(backend: NativeBackend | PaddleBackend, folder: Path, precision: str) -> Any:
        backend.load(open_checkpoint(folder), precision)
        return paged_logits(backend, rows)[0]

    wanted = logits(NativeBackend(), tmp_path, "fp32")
    np.testing.assert_array_equal(logits(NativeBackend(), path, "fp32"), wanted)
    np.testing.assert_array_equal(logits(PaddleBackend(), path, "fp32"), logits(PaddleBackend(), tmp_path, "fp32"))
    taken_over = logits(NativeBackend(), path, "auto")
    assert np.abs(taken_over - wanted).max() < 0.03 * np.abs(wanted).max()


def test_the_other_weights_stay_as_they_are(folders: dict[str, Any]) -> None:
    checkpoint = open_checkpoint(folders["AWQ"][0])
    for name in checkpoint.names():
        if not is_linear(name):
            np.testing.assert_array_equal(checkpoint.get(name), SOURCE.get(name))
