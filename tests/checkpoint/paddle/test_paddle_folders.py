"""PaddleNLP's folders: names, layouts, shards, and the way there and back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle.nn.quant import weight_quantize

from random_folder import write_random_model
from sampan import LLM, SamplingParams
from sampan.checkpoint import open_checkpoint, write_checkpoint
from sampan.checkpoint.dtypes import from_float32, to_float32
from sampan.checkpoint.paddle.layout import PaddleLayout
from sampan.checkpoint.paddle.pdparams_reader import PdparamsFile
from sampan.checkpoint.safetensors.writer import write_safetensors
from sampan.config import ModelConfig
from sampan.errors import CheckpointError, ConfigError
from tiny_checkpoints import CONFIGS, QWEN, Tensors, random_tensors


def in_paddle(tensors: Tensors, config: ModelConfig) -> dict[str, np.ndarray]:
    """What a PaddleNLP model's state dict holds, written down anew here."""
    state = {}
    for name, values in tensors.items():
        is_linear = "_proj.weight" in name or (name == "lm_head.weight" and not config.tie_word_embeddings)
        state[name.replace("model.", f"{config.model_type}.", 1)] = values.T if is_linear else values
    return state


def write_folder(folder: Path, config: ModelConfig, state: dict[str, np.ndarray], **options: object) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    paddle.save({name: paddle.to_tensor(np.ascontiguousarray(value)) for name, value in state.items()},
                str(folder / "model_state.pdparams"), **options)  # fmt: skip


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_a_state_dict_that_paddle_saved_is_the_model(tmp_path: Path, kind: str, protocol: int) -> None:
    config, wanted = CONFIGS[kind], random_tensors(CONFIGS[kind])
    write_folder(tmp_path, config, in_paddle(wanted, config), protocol=protocol)
    checkpoint = open_checkpoint(tmp_path)
    assert sorted(checkpoint.names()) == sorted(wanted)
    for name, values in wanted.items():
        np.testing.assert_array_equal(checkpoint.get(name), values, strict=True)
        np.testing.assert_array_equal(checkpoint.raw(name).data, values)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_each_float_type_of_paddle_is_read(tmp_path: Path, dtype: str) -> None:
    wanted = random_tensors(QWEN)
    state = {name: paddle.to_tensor(value).astype(dtype) for name, value in in_paddle(wanted, QWEN).items()}
    (tmp_path / "config.json").write_text(json.dumps(QWEN.to_dict()))
    paddle.save(state, str(tmp_path / "model_state.pdparams"))
    short = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}[dtype]
    checkpoint = open_checkpoint(tmp_path)
    for name, values in wanted.items():
        assert checkpoint.raw(name).dtype == short
        np.testing.assert_array_equal(checkpoint.get(name), to_float32(from_float32(values, short), short))


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("max_shard_bytes", [None, 20_000])
def test_what_is_written_comes_back_and_paddle_reads_it(
    tmp_path: Path, dtype: str, max_shard_bytes: int | None
) -> None:
    tensors = random_tensors(QWEN)
    write_checkpoint(tmp_path, QWEN, tensors, dtype, max_shard_bytes, form="pdparams")
    files = sorted(tmp_path.glob("*.pdparams"))
    assert (len(files) > 1) == (max_shard_bytes is not None)
    checkpoint = open_checkpoint(tmp_path)
    stored = {name: from_float32(values, dtype) for name, values in tensors.items()}
    for name, values in stored.items():
        np.testing.assert_array_equal(checkpoint.raw(name).data, values, strict=True)
    loaded = {name: value for file in files for name, value in paddle.load(str(file), return_numpy=True).items()}
    for name, values in in_paddle(stored, QWEN).items():
        np.testing.assert_array_equal(loaded[name], values, strict=True)


def test_there_and_back_changes_no_bit(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    write_checkpoint(first, QWEN, random_tensors(QWEN), "bf16")
    source = open_checkpoint(first)
    write_checkpoint(second, QWEN, {name: source.get(name) for name in source.names()}, "bf16", form="pdparams")
    there = open_checkpoint(second)
    write_checkpoint(third, QWEN, {name: there.get(name) for name in source.names()}, "bf16")
    assert (third / "model.safetensors").read_bytes() == (first / "model.safetensors").read_bytes()


def test_another_form_replaces_the_files_of_the_last(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, QWEN, random_tensors(QWEN), max_shard_bytes=20_000)
    write_checkpoint(tmp_path, QWEN, random_tensors(QWEN), form="pdparams")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model_state.pdparams"]
    write_checkpoint(tmp_path, QWEN, random_tensors(QWEN))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]


def test_safetensors_with_paddles_names_have_paddles_layout(tmp_path: Path) -> None:
    wanted = random_tensors(QWEN)
    state = in_paddle(wanted, QWEN)
    shards = {"model-00001-of-00002.safetensors": ["lm_head.weight"]}
    shards["model-00002-of-00002.safetensors"] = [name for name in state if name != "lm_head.weight"]
    for shard, names in shards.items():
        write_safetensors(tmp_path / shard, {name: state[name] for name in names}, "fp32", {"format": "np"})
    index = {"weight_map": {name: shard for shard, names in shards.items() for name in names}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "config.json").write_text(json.dumps(QWEN.to_dict()))
    checkpoint = open_checkpoint(tmp_path)
    for name, values in wanted.items():
        np.testing.assert_array_equal(checkpoint.get(name), values, strict=True)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_weight_only_int8_is_what_paddle_makes_of_it(tmp_path: Path, dtype: str) -> None:
    config = replace(QWEN, hidden_size=128, intermediate_size=192, head_dim=32)
    state, wanted = {}, random_tensors(config)
    for name, value in in_paddle(wanted, config).items():
        tensor = paddle.to_tensor(np.ascontiguousarray(value)).astype(dtype)
        if "_proj.weight" not in name:
            state[name] = tensor
            continue
        codes, scales = weight_quantize(tensor, algo="weight_only_int8", arch=80)
        layer = name.removesuffix("weight")
        state[f"{layer}quant_weight"], state[f"{layer}quant_scale"] = codes, scales
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    paddle.save(state, str(tmp_path / "model_state.pdparams"))
    checkpoint = open_checkpoint(tmp_path)
    for name, values in wanted.items():
        if "_proj.weight" not in name:
            continue
        stored = np.asarray(paddle.to_tensor(values).astype(dtype).astype("float32"))
        scale = np.abs(stored).max(axis=1, keepdims=True) / 127
        # The nearest multiple of the scale, which itself is rounded to the type.
        np.testing.assert_array_less(np.abs(checkpoint.get(name) - stored), scale * 0.5 + np.abs(stored) * 2**-7)
        assert checkpoint.raw(name).dtype == "fp32"
        coded = checkpoint.coded(name)
        assert coded is not None
        assert (coded.bits, coded.group_size, coded.shape) == (8, values.shape[1], values.shape)
        codes, scales = coded.rows(0, values.shape[0])
        np.testing.assert_array_equal(codes * scales.astype(np.float32), checkpoint.get(name), strict=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"qwen2.layers.0.self_attn.qkv_proj.weight": np.zeros((4, 4))}, "is several layers in one"),
        ({"qwen2.layers.0.mlp.up_proj.quant_scale": np.zeros(4)}, "has no quant_weight"),
        ({"qwen2.layers.0.mlp.up_proj.quant_weight": np.zeros((4, 4), np.int8)}, "has no quant_scale"),
        ({"model.norm.weight": np.zeros(QWEN.hidden_size)}, "holds 'model.norm.weight' twice"),
        ({"qwen2.norm.weight": np.zeros(3)}, "has shape"),
        ({"qwen2.layers.0.self_attn.k_proj.weight": np.zeros((48, 64))}, "has shape"),
        ({"qwen2.other": np.zeros(3)}, "is not part of this model"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], message: str
) -> None:
    changes = {name: value if value.dtype == np.int8 else value.astype(np.float32) for name, value in changes.items()}
    write_folder(tmp_path, QWEN, {**in_paddle(random_tensors(QWEN), QWEN), **changes})
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(("codes", "scales"), [((64, 100), 64), ((63, 64), 63), ((64, 64), 1), ((64, 64), 32)])
def test_odd_quantised_layers_are_refused(tmp_path: Path, codes: tuple[int, int], scales: int) -> None:
    state = in_paddle(random_tensors(QWEN), QWEN)
    del state["qwen2.layers.0.mlp.up_proj.weight"]
    state["qwen2.layers.0.mlp.up_proj.quant_weight"] = np.zeros(codes, np.int8)
    state["qwen2.layers.0.mlp.up_proj.quant_scale"] = np.zeros(scales, np.float32)
    write_folder(tmp_path, QWEN, state)
    with pytest.raises(CheckpointError, match=r"is not weight-only int8|has shape"):
        open_checkpoint(tmp_path)


def test_two_forms_in_one_folder_are_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, QWEN, random_tensors(QWEN))
    write_folder(tmp_path, QWEN, in_paddle(random_tensors(QWEN), QWEN))
    with pytest.raises(CheckpointError, match=r"holds model.safetensors and model_state.pdparams"):
        open_checkpoint(tmp_path)


def test_a_file_that_changed_while_open_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path, QWEN, in_paddle(random_tensors(QWEN), QWEN))
    file = PdparamsFile(tmp_path / "model_state.pdparams")
    write_folder(tmp_path, QWEN, in_paddle(random_tensors(QWEN), QWEN))
    with pytest.raises(CheckpointError, match="changed while it was open"):
        file.raw("qwen2.norm.weight").data  # noqa: B018


OLDER = Path(__file__).parent / "saved_by_paddle_2.6.2"


@pytest.mark.parametrize("name", ["float32-protocol-2", "float32-protocol-3", "float32-protocol-4"])
def test_files_of_an_older_paddle_are_read(name: str) -> None:
    file = PdparamsFile(OLDER / f"{name}.pdparams")
    wanted = ((np.arange(48) - 20) / 16).reshape(8, 6).astype(np.float32)
    np.testing.assert_array_equal(file.get("weight"), wanted, strict=True)
    np.testing.assert_array_equal(file.get("bias"), wanted[0], strict=True)


@pytest.mark.parametrize(("name", "dtype"), [("float16", "fp16"), ("bfloat16", "bf16")])
def test_half_floats_of_an_older_paddle_are_read(name: str, dtype: str) -> None:
    file = PdparamsFile(OLDER / f"{name}.pdparams")
    assert file.raw("weight").dtype == dtype
    np.testing.assert_array_equal(file.get("weight"), ((np.arange(48) - 20) / 16).reshape(8, 6).astype(np.float32))


def test_weight_only_int8_of_an_older_paddle_is_read() -> None:
    layout = PaddleLayout(PdparamsFile(OLDER / "weight-only-int8.pdparams"), QWEN)
    wanted = (np.arange(128 * 64) % 128 - 64).reshape(128, 64).astype(np.float32)
    wanted[0] = 127
    np.testing.assert_array_equal(layout.get("model.layers.0.self_attn.q_proj.weight"), wanted.T, strict=True)


def test_the_engine_says_the_same_of_either_form(tmp_path: Path) -> None:
    safetensors, pdparams = (write_random_model(tmp_path / form) for form in ("safetensors", "pdparams"))
    source = open_checkpoint(pdparams)
    tensors = {name: source.get(name) for name in source.names()}
    write_checkpoint(pdparams, source.config, tensors, form="pdparams")
    params = SamplingParams(max_tokens=24, temperature=0.8, seed=3)
    answers = [
        LLM(str(folder), precision=precision).generate(["hello"], params)[0].outputs[0]
        for precision in ("int8", "bf16")
        for folder in (safetensors, pdparams)
    ]
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]


@pytest.mark.parametrize(
    ("quantization", "message"),
    [
        ({}, ""),
        ({"weight_quantize_algo": "weight_only_int8"}, ""),
        ({"quant_type": "weight_only_int8", "act_quant_method": "abs_max"}, ""),
        ({"weight_quantize_algo": "weight_only_int4"}, "weight_quantize_algo='weight_only_int4' is not read"),
        ({"quant_type": "a8w8"}, "quant_type='a8w8' is not read"),
        ({"group_size": 64}, "group_size=64 is not read"),
        ({"smooth": True}, "the field 'smooth' is not known"),
    ],
)
def test_the_quantisation_that_a_configuration_names(tmp_path: Path, quantization: dict, message: str) -> None:
    write_folder(tmp_path, QWEN, in_paddle(random_tensors(QWEN), QWEN))
    (tmp_path / "config.json").write_text(json.dumps({**QWEN.to_dict(), "quantization_config": quantization}))
    if not message:
        open_checkpoint(tmp_path)
        return
    with pytest.raises(ConfigError, match=message):
        open_checkpoint(tmp_path)
