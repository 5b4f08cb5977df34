"""PaddleNLP's names and layouts, seen as Hugging Face's.

PaddleNLP calls the decoder `qwen2` or `llama` where Hugging Face says `model`, and Paddle's linear layers hold
[in, out]. Weight-only int8 layers hold `quant_weight` and `quant_scale`, as `paddle.nn.quant.weight_quantize` gives
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sampan.checkpoint.base import CodedTensor, RawTensor, TensorFile, widened
from sampan.checkpoint.dtypes import FLOAT_DTYPES, Array, Float32Array, to_float32
from sampan.checkpoint.quantized.matrix import IntArray, QuantizedMatrix
from sampan.config import ModelConfig
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN

PREFIXES = ("qwen2.", "llama.")
QUANT_WEIGHT, QUANT_SCALE = "quant_weight", "quant_scale"
FUSED = ("qkv_proj.weight", "gate_up_fused_proj.weight")
# `weight_quantize` arranges int8 for the tensor cores of GPUs since Turing (sm_75): of two output channels, 64 inputs
# each in turn; of 16 inputs, 0 8 1 9 ... 7 15; and 128 is added. Found by quantising matrices that name their elements.
INPUTS_AT_ONCE, CHANNELS_AT_ONCE = 64, 2
ORDER_OF_16 = np.arange(16).reshape(2, 8).T.reshape(16)
ZERO = 128


def as_paddles(tensors: Mapping[str, RawTensor], config: ModelConfig) -> dict[str, RawTensor]:
    """Tensors under PaddleNLP's names and in its layouts, from Hugging Face's. Nothing is read yet."""
    return {
        f"{config.model_type}." + name.removeprefix("model.") if name.startswith("model.") else name: (
            _transposed(raw) if _is_transposed(name, config) else raw
        )
        for name, raw in tensors.items()
    }


def _transposed(raw: RawTensor) -> RawTensor:
    """A matrix read by columns. Where its file does not hold it so, it is made once, and kept until the last column."""
    whole: list[Array] = []

    def rows(begin: int, end: int) -> Array:
        if not whole:
            whole.append(raw.data)
        columns = whole[0][:, begin:end].T
        if end == raw.shape[1]:
            whole.clear()
        return columns

    return RawTensor(raw.dtype, raw.shape[::-1], rows, raw.file)


def _is_transposed(name: str, config: ModelConfig) -> bool:
    """Whether PaddleNLP stores the tensor of that Hugging Face name as [in, out]."""
    return name.endswith("_proj.weight") or (name == "lm_head.weight" and not config.tie_word_embeddings)


class PaddleLayout:
    """A file of Paddle's under Hugging Face's names and in its shapes. Weight-only int8 appears as fp32.

    Raises:
        CheckpointError: a layer is fused, or half of a quantised one is missing.
    """

    def __init__(self, file: TensorFile, config: ModelConfig) -> None:
        self.path = file.path
        self._file = file
        self._config = config
        self._stored = self._name_all(file.names())
        self._quantized = {name: self._read(stored) for name, stored in self._stored.items() if _is_codes(stored)}

    def names(self) -> Sequence[str]:
        """Hugging Face's names."""
        return list(self._stored)

    def get(self, name: str) -> Float32Array:
        """See `Checkpoint.get`."""
        return self._quantized[name].get() if name in self._quantized else widened(self.raw(name), name)

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`. The data of a linear weight is not contiguous."""
        raw = self._file.raw(self._stored[name])
        if name in self._quantized:
            return self._quantized[name].raw()
        if not _is_transposed(name, self._config) or len(raw.shape) != 2:
            return raw
        return RawTensor(raw.dtype, raw.shape[::-1], lambda begin, end: raw.data.T[begin:end], raw.file)

    def coded(self, name: str) -> CodedTensor | None:
        """See `Checkpoint.coded`."""
        return self._quantized[name].coded if name in self._quantized else None

    def _name_all(self, stored_names: Sequence[str]) -> Mapping[str, str]:
        """Hugging Face's name -> the stored one; a quantised matrix goes by its codes."""
        names: dict[str, str] = {}
        known = frozenset(stored_names)
        for stored in stored_names:
            if stored.endswith(FUSED):
                raise CheckpointError(
                    f"{self.path}: {stored!r} is several layers in one",
                    remedy="save it without fuse_attention_qkv and fuse_attention_ffn",
                )
            if stored.endswith(QUANT_SCALE):
                if stored.removesuffix(QUANT_SCALE) + QUANT_WEIGHT not in known:
                    raise CheckpointError(f"{self.path}: {stored!r} has no {QUANT_WEIGHT}", remedy=FETCH_AGAIN)
                continue
            prefix = next((prefix for prefix in PREFIXES if stored.startswith(prefix)), "")
            name = ("model." if prefix else "") + stored.removeprefix(prefix)
            if _is_codes(stored):
                if stored.removesuffix(QUANT_WEIGHT) + QUANT_SCALE not in known:
                    raise CheckpointError(f"{self.path}: {stored!r} has no {QUANT_SCALE}", remedy=FETCH_AGAIN)
                name = name.removesuffix(QUANT_WEIGHT) + "weight"
            if name in names:
                raise CheckpointError(f"{self.path} holds {name!r} twice", remedy=FETCH_AGAIN)
            names[name] = stored
        return names

    def _read(self, stored: str) -> QuantizedMatrix:
        codes, scales = self._file.raw(stored), self._file.raw(stored.removesuffix(QUANT_WEIGHT) + QUANT_SCALE)
        _check_quantised(codes, scales, stored)
        n, k = codes.shape
        return QuantizedMatrix(
            shape=(n, k),
            bits=8,
            group_size=k,
            codes=lambda begin, end: _in_order(codes, begin, end),
            scales=lambda begin, end: to_float32(scales.rows(begin, end), scales.dtype)[:, None],
            zero_points=ZERO,
            file=codes.file,
        )


def _is_codes(stored: str) -> bool:
    return stored.endswith(QUANT_WEIGHT)


def _check_quantised(codes: RawTensor, scales: RawTensor, stored: str) -> None:
    shape = codes.shape
    is_known = codes.dtype == "int8" and scales.dtype in FLOAT_DTYPES and len(shape) == 2 and scales.shape == shape[:1]
    if not is_known or shape[0] % CHANNELS_AT_ONCE or shape[1] % INPUTS_AT_ONCE:
        raise CheckpointError(
            f"{codes.file}: {stored!r} of {codes.dtype} {list(shape)} is not weight-only int8 with a scale for each "
            "output channel",
            remedy="use the model's float weights",
        )


def _in_order(codes: RawTensor, begin: int, end: int) -> IntArray:
    """Rows of codes [out, in], unsigned, as they stand in the matrix."""
    inputs = codes.shape[1]
    first, last = begin // CHANNELS_AT_ONCE, -(-end // CHANNELS_AT_ONCE)  # channels are stored in pairs
    stored = codes.rows(first * CHANNELS_AT_ONCE, last * CHANNELS_AT_ONCE)
    arranged = stored.reshape(last - first, inputs // INPUTS_AT_ONCE, CHANNELS_AT_ONCE, -1, 16)
    values = np.empty(arranged.shape, np.uint8)
    values[..., ORDER_OF_16] = arranged.view(np.uint8)
    plain = np.ascontiguousarray(values.transpose(0, 2, 1, 3, 4)).reshape(-1, inputs)
    return plain[begin - first * CHANNELS_AT_ONCE :][: end - begin]
