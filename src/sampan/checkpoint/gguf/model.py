"""A GGUF file as a checkpoint: its configuration from its keys, its tensors under Hugging Face's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.base import CodedTensor, RawTensor, widened
from sampan.checkpoint.dtypes import Array, Float32Array, HalfArray, Int8Array
from sampan.checkpoint.gguf.parts import GgufParts
from sampan.checkpoint.gguf.reader import GgufFile
from sampan.checkpoint.shapes import OUTPUT, expected_tensors
from sampan.config import ModelConfig, RopeScaling
from sampan.errors import CheckpointError, ConfigError
from sampan.rope import inverse_frequencies

MODEL_TENSORS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
LAYER_TENSORS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
Number = TypeVar("Number", bound=np.generic)

ROPE_FACTORS = "rope_freqs.weight"
ANOTHER = "use a GGUF file of an R1 distill"


def gguf_name(name: str) -> str:
    """`model.layers.3.mlp.up_proj.weight` -> `blk.3.ffn_up.weight`."""
    stem, _, kind = name.rpartition(".")
    if stem in MODEL_TENSORS:
        return f"{MODEL_TENSORS[stem]}.{kind}"
    layer, _, part = stem.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{LAYER_TENSORS[part]}.{kind}"


def is_in_turn(name: str, config: ModelConfig) -> bool:
    """Whether a file has the rows of that Hugging Face name in another order: llama.cpp rotates neighbours, so its
    Llama files have the two halves of each head's rows in turn."""
    return config.model_type == "llama" and name.endswith(("q_proj.weight", "k_proj.weight"))


class GgufCheckpoint:
    """See `Checkpoint`. `keys` are the file's, for its tokenizer and template."""

    def __init__(self, file: GgufParts, config: ModelConfig) -> None:
        self.path, self.config, self.keys = file.path, config, file.keys
        self._file = file
        stored = set(file.names())
        self._names = {name: gguf_name(name) for name in expected_tensors(config) if gguf_name(name) in stored}
        # What is not ours keeps its name, so that it is reported as left over.
        self._names |= {name: name for name in stored - set(self._names.values()) - {ROPE_FACTORS}}

    def files(self) -> Sequence[Path]:
        return self._file.files()

    def names(self) -> Sequence[str]:
        return list(self._names)

    def get(self, name: str) -> Float32Array:
        return widened(self.raw(name), name)

    def raw(self, name: str) -> RawTensor:
        raw = self._file.raw(self._stored_name(name))
        if not is_in_turn(name, self.config):
            return raw

        def rows(begin: int, end: int) -> Array:
            return self._in_halves(raw.rows(*self._whole_heads(begin, end)), begin, end)

        return replace(raw, rows=rows)

    def coded(self, name: str) -> CodedTensor | None:
        coded = self._file.coded(self._stored_name(name))
        if coded is None or not is_in_turn(name, self.config):
            return coded
        stored = coded.rows

        def rows(begin: int, end: int) -> tuple[Int8Array, HalfArray]:
            codes, scales = stored(*self._whole_heads(begin, end))
            return self._in_halves(codes, begin, end), self._in_halves(scales, begin, end)

        return replace(coded, rows=rows)

    def _stored_name(self, name: str) -> str:
        if name not in self._names:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        return self._names[name]

    def _whole_heads(self, begin: int, end: int) -> tuple[int, int]:
        """The rows of all heads that have a part in some rows."""
        size = self.config.head_dim
        return begin // size * size, -(-end // size) * size

    def _in_halves(self, heads: npt.NDArray[Number], begin: int, end: int) -> npt.NDArray[Number]:
        """Rows `begin` to `end`, with the halves of each head one below the other, from those of whole heads as
        `is_in_turn` says that they lie."""
        size = self.config.head_dim
        rows = heads.reshape(-1, size // 2, 2, heads.shape[-1]).swapaxes(1, 2).reshape(heads.shape)
        return rows[begin % size :][: end - begin]


def read_gguf(path: Path) -> GgufCheckpoint:
    """Opens a file; its tensors are yet to be verified against its own keys.

    Raises:
        CheckpointError: it, or a part of it, is absent or damaged, or it lacks or mistypes a key.
        ConfigError: it describes a model that Sampan does not know.
    """
    file = GgufParts(GgufFile(path))
    return GgufCheckpoint(file, _read_config(file))


def _read_config(file: GgufParts) -> ModelConfig:
    keys = file.keys
    kind = keys.get("general.architecture")
    if kind not in ("qwen2", "llama"):
        raise ConfigError(f"{file.path}: the architecture {str(kind)[:40]!r} is not supported", remedy=ANOTHER)
    embedding = file.raw("token_embd.weight").shape
    data = {
        "model_type": kind,
        "vocab_size": embedding[0],
        "hidden_size": keys.get(f"{kind}.embedding_length"),
        "intermediate_size": keys.get(f"{kind}.feed_forward_length"),
        "num_hidden_layers": keys.get(f"{kind}.block_count"),
        "num_attention_heads": keys.get(f"{kind}.attention.head_count"),
        "num_key_value_heads": keys.get(f"{kind}.attention.head_count_kv"),
        "head_dim": keys.get(f"{kind}.attention.key_length"),
        "max_position_embeddings": keys.get(f"{kind}.context_length"),
        "rms_norm_eps": _near(keys.get(f"{kind}.attention.layer_norm_rms_epsilon")),
        "rope_theta": keys.get(f"{kind}.rope.freq_base"),
        "tie_word_embeddings": gguf_name(OUTPUT) not in file.names(),
        "bos_token_id": keys.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": keys.get("tokenizer.ggml.eos_token_id"),
    }
    scaling = keys.get(f"{kind}.rope.scaling.type", "none")
    if scaling not in ("none", "llama3"):
        raise ConfigError(f"{file.path}: rope scaling {str(scaling)[:40]!r} is not supported", remedy=ANOTHER)
    config = ModelConfig.from_dict(data, source=str(file.path))
    return _scaled(file, config) if ROPE_FACTORS in file.names() else config


def _near(value: Any) -> Any:
    """Keys are float32: 1e-6 comes as 9.99999997e-07. The shortest number that is the same float32 is meant."""
    return float(str(np.float32(value))) if isinstance(value, float) else value


def _scaled(file: GgufParts, config: ModelConfig) -> ModelConfig:
    """The file holds by how much each frequency is divided, and not why. It must be Llama 3's scaling as its makers
    published it."""
    scaled = replace(config, rope_scaling=RopeScaling())
    wanted = inverse_frequencies(config) / inverse_frequencies(scaled)
    factors = file.get(ROPE_FACTORS)
    if factors.shape != wanted.shape or not np.allclose(factors, wanted, rtol=1e-4):
        raise ConfigError(f"{file.path}: {ROPE_FACTORS} is not Llama 3's scaling", remedy=ANOTHER)
    return scaled
