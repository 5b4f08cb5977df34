"""GGUF files of random weights, for measurements. Needs the package `gguf` for other types than Q8_0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sampan.checkpoint import Checkpoint, write_gguf
from sampan.checkpoint.gguf.model import gguf_name

Q4_K_VALUES, Q4_K_BYTES = 256, 144


def write_random_gguf(path: Path, checkpoint: Checkpoint, dtype: str) -> None:
    """Writes a checkpoint as Q8_0; for `q4_k` random blocks in the place of its matrices."""
    if dtype == "q8_0":
        write_gguf(path, checkpoint, dtype)
        return
    import gguf

    config = checkpoint.config
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    random = np.random.default_rng(0)
    blocks = random.integers(0, 256, (1 << 12, Q4_K_BYTES), np.uint8)
    blocks[:, :4] = np.array([1e-4, 1e-3], np.float16).view(np.uint8)  # scale and offset
    for name in checkpoint.names():
        shape = checkpoint.raw(name).shape
        if len(shape) == 1:
            writer.add_tensor(gguf_name(name), np.ones(shape, np.float32))
        else:
            data = np.resize(blocks, (shape[0], shape[1] // Q4_K_VALUES * Q4_K_BYTES))
            writer.add_tensor(gguf_name(name), data, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
