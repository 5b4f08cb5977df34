"""Which tensors a model has, and the strict check of a checkpoint against that."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sampan.checkpoint.base import Checkpoint, RawTensor
from sampan.checkpoint.dtypes import FLOAT_DTYPES
from sampan.config import ModelConfig
from sampan.errors import CheckpointError

Shape = tuple[int, ...]
BELONGS = "check that config.json and the weights belong together"

# Left-overs that are no error: older exports of Llama store the rotary frequencies, which follow from the config.
HARMLESS_SUFFIX = "rotary_emb.inv_freq"
# A tied output matrix is the embedding. Files that store it all the same must store the same.
EMBEDDING, OUTPUT = "model.embed_tokens.weight", "lm_head.weight"


def expected_tensors(config: ModelConfig) -> dict[str, Shape]:
    """Hugging Face's name and shape of every tensor, in the order of the forward pass; a linear weight is [out, in]."""
    hidden, intermediate = config.hidden_size, config.intermediate_size
    query_size, kv_size = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    shapes: dict[str, Shape] = {EMBEDDING: (config.vocab_size, hidden)}
    for layer in range(config.num_hidden_layers):
        prefix = f"model.layers.{layer}."
        shapes[prefix + "input_layernorm.weight"] = (hidden,)
        for name, size in (("q_proj", query_size), ("k_proj", kv_size), ("v_proj", kv_size)):
            shapes[f"{prefix}self_attn.{name}.weight"] = (size, hidden)
            if config.attention_bias:
                shapes[f"{prefix}self_attn.{name}.bias"] = (size,)
        shapes[prefix + "self_attn.o_proj.weight"] = (hidden, query_size)
        shapes[prefix + "post_attention_layernorm.weight"] = (hidden,)
        shapes[prefix + "mlp.gate_proj.weight"] = (intermediate, hidden)
        shapes[prefix + "mlp.up_proj.weight"] = (intermediate, hidden)
        shapes[prefix + "mlp.down_proj.weight"] = (hidden, intermediate)
    shapes["model.norm.weight"] = (hidden,)
    if not config.tie_word_embeddings:
        shapes[OUTPUT] = (config.vocab_size, hidden)
    return shapes


def verify(checkpoint: Checkpoint) -> None:
    """Checks that a checkpoint holds exactly the tensors of its configuration, as floats.

    Raises:
        CheckpointError: a tensor is missing, left over, wrong-shaped or wrong-typed; names file and tensor.
    """
    expected = expected_tensors(checkpoint.config)
    tensors = {name: checkpoint.raw(name) for name in checkpoint.names() if not name.endswith(HARMLESS_SUFFIX)}
    if checkpoint.config.tie_word_embeddings and OUTPUT in tensors:
        expected[OUTPUT] = expected[EMBEDDING]
    files = {name: tensor.file for name, tensor in tensors.items()}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    check_shapes(expected, shapes, files=files, path=checkpoint.path)
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOAT_DTYPES:
            remedy = f"use weights stored as {', '.join(FLOAT_DTYPES)}"
            raise CheckpointError(f"{tensor.file}: tensor {name!r} is stored as {tensor.dtype}", remedy=remedy)
    if checkpoint.config.tie_word_embeddings and OUTPUT in tensors and not _equal(tensors[EMBEDDING], tensors[OUTPUT]):
        raise CheckpointError(
            f"{files[OUTPUT]}: tensor {OUTPUT!r} differs from {EMBEDDING!r}, though config.json ties them",
            remedy="set tie_word_embeddings to false, or fetch the folder again",
        )


def check_shapes(
    expected: Mapping[str, Shape], found: Mapping[str, Shape], *, files: Mapping[str, Path], path: Path
) -> None:
    """Checks that `found` is exactly `expected`. `files` says where a tensor stands, `path` where a missing one should.

    Raises:
        CheckpointError: a tensor is missing, left over or wrong-shaped; names file and tensor.
    """
    missing = [name for name in expected if name not in found]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise CheckpointError(f"{path} lacks the tensor {missing[0]!r}{more}", remedy=BELONGS)
    for name, shape in found.items():
        if name not in expected:
            raise CheckpointError(f"{files[name]}: tensor {name!r} is not part of this model", remedy=BELONGS)
        if shape != expected[name]:
            difference = f"has shape {list(shape)}, the model needs {list(expected[name])}"
            raise CheckpointError(f"{files[name]}: tensor {name!r} {difference}", remedy=BELONGS)


def _equal(first: RawTensor, second: RawTensor) -> bool:
    rows = range(0, len(first.data), 1024)  # in slices, so that the comparison takes no memory to speak of
    same = all(np.array_equal(first.data[row : row + 1024], second.data[row : row + 1024]) for row in rows)
    return first.dtype == second.dtype and same
