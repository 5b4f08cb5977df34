"""The library `compressed-tensors` itself: folders that it writes, and what it and `transformers` read in ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coded_models import CONFIG, coded_model
from quantized_folders import as_awq, awq_config, quantized, write_quantized
from sampan.checkpoint import open_checkpoint, write_coded_checkpoint

WHY = "the reference group is not installed (make test-reference)"
torch = pytest.importorskip("torch", reason=WHY)
transformers = pytest.importorskip("transformers", reason=WHY)
pytest.importorskip("compressed_tensors", reason=WHY)

from compressed_tensors.compressors import ModelCompressor, PackedQuantizationCompressor  # noqa: E402
from compressed_tensors.entrypoints.convert.converters.autoawq import AutoAWQConverter  # noqa: E402
from compressed_tensors.quantization import (  # noqa: E402
    QuantizationConfig,
    QuantizationScheme,
    apply_quantization_config,
)
from safetensors.torch import load_file  # noqa: E402

pytestmark = pytest.mark.reference

TOKENS = 8


def quantized_by_the_library(folder: Path, dtype: Any, **weights: Any) -> dict[str, np.ndarray]:
    """Writes a model that the library quantised by the ranges of its groups; the weights that it makes of it itself."""
    torch.manual_seed(0)
    config = transformers.Qwen2Config(**CONFIG.to_dict())
    model = transformers.Qwen2ForCausalLM(config).to(dtype)
    scheme: dict[str, Any] = {"targets": ["Linear"], "weights": weights}
    if weights["num_bits"] == 8:
        scheme["input_activations"] = {"num_bits": 8, "strategy": "token", "dynamic": True}
    quantization = QuantizationConfig(config_groups={"group_0": scheme}, ignore=["lm_head"])
    apply_quantization_config(model, quantization)
    bits, symmetric = weights["num_bits"], weights["symmetric"]
    for module in model.modules():
        if not hasattr(module, "weight_scale"):
            continue
        groups = module.weight.data.float().reshape(len(module.weight), module.weight_scale.shape[1], -1)
        least, most = groups.amin(-1).clamp(max=0), groups.amax(-1).clamp(min=0)
        scales = torch.maximum(-least, most) / (2 ** (bits - 1) - 0.5) if symmetric else (most - least) / (2**bits - 1)
        module.weight_scale.data.copy_(scales)
        if not symmetric:
            module.weight_zero_point.data.copy_(
                torch.clamp(torch.round(-least / scales) - 2 ** (bits - 1), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
            )
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)
    compressor.decompress_model(model)
    return {name: tensor.float().numpy() for name, tensor in model.state_dict().items() if name.endswith("weight")}


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "weights",
    [
        {"num_bits": 4, "symmetric": True, "strategy": "group", "group_size": 128},
        {"num_bits": 4, "symmetric": True, "strategy": "group", "group_size": 32, "actorder": "weight"},
        {"num_bits": 4, "symmetric": False, "strategy": "group", "group_size": 64},
        {"num_bits": 4, "symmetric": False, "strategy": "channel"},
        {"num_bits": 8, "symmetric": True, "strategy": "channel"},
        {"num_bits": 8, "symmetric": False, "strategy": "channel"},
    ],
    ids=str,
)
def test_what_the_library_writes_is_what_it_reads_itself(tmp_path: Path, weights: dict[str, Any], dtype: str) -> None:
    wanted = quantized_by_the_library(tmp_path, getattr(torch, dtype), **weights)
    checkpoint = open_checkpoint(tmp_path)
    for name, values in wanted.items():
        # It multiplies in the type of the scales, and Sampan in float32: the same but for that rounding.
        got = torch.from_numpy(checkpoint.get(name)).to(getattr(torch, dtype)).float().numpy()
        np.testing.assert_array_equal(got, values)


def test_transformers_reads_what_sampan_writes(tmp_path: Path) -> None:
    tensors, floats = coded_model()
    write_coded_checkpoint(tmp_path, CONFIG, tensors, max_shard_bytes=50_000)
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    plain = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**CONFIG.to_dict())).float()
    plain.load_state_dict({name: torch.from_numpy(values) for name, values in floats.items()})
    ids = torch.arange(TOKENS)[None]
    with torch.no_grad():
        np.testing.assert_array_equal(model(ids).logits.numpy(), plain(ids).logits.numpy())
    np.testing.assert_array_equal(
        model.model.layers[1].mlp.down_proj.weight.detach().numpy(), floats["model.layers.1.mlp.down_proj.weight"]
    )


def test_the_library_converts_awq_to_the_same_weights(tmp_path: Path) -> None:
    """Its own reader of AutoAWQ's layout, and its own arithmetic."""
    converter = AutoAWQConverter(group_size=32)
    scheme = QuantizationScheme(targets=["Linear"], weights={"num_bits": 4, "symmetric": False, "group_size": 32})
    write_quantized(tmp_path, CONFIG, awq_config(32), as_awq, lambda _, n, k: quantized(n, k, 4, 32, symmetric=False))
    stored = load_file(tmp_path / "model.safetensors")
    checkpoint = open_checkpoint(tmp_path)
    for name in (name for name in checkpoint.names() if name.endswith("_proj.weight")):
        layer = name.removesuffix("weight")
        parts = {part: stored[layer + part] for part in ("qweight", "qzeros", "scales")}
        parts["scales"] = parts["scales"].float()
        packed = converter.process({f"layer.{part}": tensor for part, tensor in parts.items()})
        local = {part.removeprefix("layer."): tensor for part, tensor in packed.items()}
        weight = PackedQuantizationCompressor.decompress(local, scheme)["weight"]
        np.testing.assert_array_equal(checkpoint.get(name), weight.numpy(), strict=True)
