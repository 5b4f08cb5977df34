"""Writes a Qwen2-shaped checkpoint folder as one GGUF file, so that llama.cpp computes with the very same weights.

    python -m benchmarks.gguf_export FOLDER model.gguf

Matrices keep their stored type (fp32, fp16 or bf16). Norms and biases become fp32, as llama.cpp's operators want them.
Names and keys are those of the GGUF specification (ggml/docs/gguf.md) for the architecture `qwen2`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gguf
import numpy as np

from benchmarks.gguf_tokenizer import add_tokenizer
from sampan.checkpoint import Checkpoint, open_checkpoint
from sampan.checkpoint.dtypes import to_float32
from sampan.checkpoint.gguf_model import gguf_name
from sampan.config import ModelConfig
from sampan.errors import ConfigError, SampanError

TYPES = {
    "fp32": gguf.GGMLQuantizationType.F32,
    "fp16": gguf.GGMLQuantizationType.F16,
    "bf16": gguf.GGMLQuantizationType.BF16,
}


def export_gguf(source: str | Path, target: str | Path) -> None:
    """Writes the checkpoint in folder `source` to the file `target`, which has its name only once it is whole.

    Without a `tokenizer.json` the file has no vocabulary and works with token ids alone.

    Raises:
        CheckpointError: the folder is not a complete checkpoint.
        ConfigError: it is none of Qwen2, or scales RoPE.
    """
    checkpoint, target = open_checkpoint(source), Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".part")
    writer = gguf.GGUFWriter(temporary, "qwen2")
    _add_config(writer, checkpoint.config, name=Path(source).name)
    add_tokenizer(writer, Path(source), checkpoint.config)
    for name in checkpoint.names():
        _add_tensor(writer, checkpoint, name)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _add_config(writer: gguf.GGUFWriter, config: ModelConfig, name: str) -> None:
    if config.model_type != "qwen2" or config.rope_scaling is not None:
        raise ConfigError(f"{config.model_type} cannot be exported", remedy="give a Qwen2 model without RoPE scaling")
    writer.add_name(name)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _add_tensor(writer: gguf.GGUFWriter, checkpoint: Checkpoint, name: str) -> None:
    raw = checkpoint.raw(name)  # mapped: bytes are read as the file is written, so any size fits in memory
    if len(raw.shape) == 1:
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(to_float32(raw.data, raw.dtype)))
    else:
        writer.add_tensor(gguf_name(name), raw.data, raw_dtype=TYPES[raw.dtype])


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path, help="a checkpoint folder in Hugging Face's form")
    parser.add_argument("target", type=Path, help="the .gguf file to write")
    arguments = parser.parse_args()
    try:
        export_gguf(arguments.source, arguments.target)
    except SampanError as error:
        parser.exit(1, f"{error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
