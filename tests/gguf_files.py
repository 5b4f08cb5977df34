"""GGUF files, written by the `gguf` package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

from sampan.checkpoint.gguf.model import gguf_name
from sampan.config import ModelConfig
from sampan.rope import inverse_frequencies
from tiny_checkpoints import Tensors


def write_out(writer: gguf.GGUFWriter) -> None:
    """Writes all that the writer was given, and closes the file."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_blocks(name: str, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Rows of any blocks at all [rows, bytes], with scales that are finite."""
    num_values, num_bytes = gguf.GGML_QUANT_SIZES[Type[name]]
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (rows, columns // num_values, num_bytes), np.uint8)
    halves = rng.standard_normal((rows, columns // num_values, 2)).astype(np.float16).view(np.uint8)
    if name == "Q6_K":
        blocks[..., -2:] = halves[..., :2]
    else:
        blocks[..., : 4 if name in ("Q4_K", "Q5_K") else 2] = halves[..., : 4 if name in ("Q4_K", "Q5_K") else 2]
    return blocks.reshape(rows, -1)


def make_gguf(
    path: Path, config: ModelConfig, tensors: Tensors, blocks: Mapping[str, str] | None = None, **changes: object
) -> None:
    """Writes a model as llama.cpp's converter would.

    Args:
        blocks: types of tensors that are random blocks instead of those in `tensors`.
        changes: replace keys.
    """
    arch = config.model_type
    keys: dict[str, object] = {
        f"{arch}.context_length": config.max_position_embeddings,
        f"{arch}.embedding_length": config.hidden_size,
        f"{arch}.block_count": config.num_hidden_layers,
        f"{arch}.feed_forward_length": config.intermediate_size,
        f"{arch}.attention.head_count": config.num_attention_heads,
        f"{arch}.attention.head_count_kv": config.num_key_value_heads,
        f"{arch}.attention.key_length": config.head_dim,
        f"{arch}.attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        f"{arch}.rope.freq_base": config.rope_theta,
    }
    writer = gguf.GGUFWriter(path, arch)
    for key, value in {**keys, **changes}.items():
        add = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}[type(value)]
        add(key, value)
    for name, values in tensors.items():
        if blocks is not None and name in blocks:
            data = random_blocks(blocks[name], *values.shape, seed=len(name))
            writer.add_tensor(gguf_name(name), data, raw_dtype=Type[blocks[name]])
            continue
        if arch == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            heads = values.shape[0] // config.head_dim
            values = values.reshape(heads, 2, config.head_dim // 2, -1).swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(values))
    if config.rope_scaling is not None:
        plain = inverse_frequencies(replace(config, rope_scaling=None))
        writer.add_tensor("rope_freqs.weight", (plain / inverse_frequencies(config)).astype(np.float32))
    write_out(writer)
