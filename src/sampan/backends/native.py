"""The native backend: Sampan's own C++ kernels for x86 processors, on packed weights. It never imports Paddle.

One binary holds every kernel for every instruction set and picks at the first call. `SAMPAN_ISA=generic|avx2|avx512`
forces one; all return the same bits (ADR 0006).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from sampan import _native
from sampan.backends.base import Float32Array, ForwardBatch, Int32Array, StepOutput, TokenLogprobs
from sampan.backends.sampler import NO_TOKEN
from sampan.backends.threads import default_threads
from sampan.checkpoint import Checkpoint
from sampan.config import ModelConfig
from sampan.errors import ConfigError
from sampan.quant import AUTO, DEFAULT_PRECISION, PackedModel, Progress, dummy_model, pack_model, packed_model
from sampan.quant.sizes import default_kv_format
from sampan.rope import inverse_frequencies

LimitMeter = _native.LimitMeter  # what the machine could do, for measurements
BLOCK_SIZE = _native.BLOCK_SIZE  # tokens in a KV block
MAX_HEAD_DIM = _native.MAX_HEAD_DIM
KV_CACHE_FORMATS = ("fp16", "bf16", "int8", "fp32")
KEPT_FROM = 64 * 1024 * 1024  # bytes of weights: smaller models are packed anew at each start, and leave nothing behind


class NativeBackend:
    """See `sampan.backends.base.Backend`.

    Args:
        kv_cache: one of `KV_CACHE_FORMATS`; `auto` is fp32 for fp32 weights and fp16 for all others. Keys of Qwen2 have
            biases of a hundred and more: with bf16's 8 bits of precision, what they add to would be lost (ADR 0009).
        threads: None takes `default_threads()`.
        pin: keeps each thread on a processor of its own.
        isa: one of `supported_isas()`; None takes the one in use.
        progress: is told of packing, see `sampan.quant.packed_model`.
    """

    config: ModelConfig

    def __init__(
        self,
        *,
        kv_cache: str = "auto",
        threads: int | None = None,
        pin: bool = False,
        isa: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        if kv_cache not in ("auto", *KV_CACHE_FORMATS):
            raise ConfigError(f"kv_cache={kv_cache!r} is not known", remedy=f"use {', '.join(KV_CACHE_FORMATS)}")
        if threads is not None and not 1 <= threads <= 1024:
            raise ConfigError(f"threads={threads} is out of range", remedy="use 1 to 1024, best one for each core")
        self._isa = isa or active_isa()
        self._kv_cache = kv_cache
        self._threads = threads or default_threads()
        self._pin = pin
        self._progress = progress

    def load(self, checkpoint: Checkpoint, precision: str, meanwhile: Callable[[], None] | None = None) -> None:
        check_shape(checkpoint.config)
        size = sum(checkpoint.raw(name).num_bytes for name in checkpoint.names())
        if size < KEPT_FROM:
            if meanwhile is not None:
                meanwhile()
            packed = pack_model(checkpoint, precision, threads=self._threads)
        else:
            packed = packed_model(
                checkpoint.path,
                checkpoint,
                precision,
                threads=self._threads,
                progress=self._progress,
                meanwhile=meanwhile,
            )
        self.load_packed(packed)

    def load_dummy(self, config: ModelConfig, precision: str) -> None:
        check_shape(config)
        precision = DEFAULT_PRECISION if precision == AUTO else precision
        self.load_packed(dummy_model(config, precision, threads=self._threads))

    def load_packed(self, model: PackedModel) -> None:
        """Takes over weights that are packed already.

        Raises:
            ConfigError: the kernels do not know heads of that size.
        """
        config = self.config = model.config
        check_shape(config)
        self._num_tokens = config.vocab_size
        if self._kv_cache == "auto":
            self._kv_cache = default_kv_format(model.precision)
        self._weight_bytes = model.num_bytes
        self._decoder = _native.Decoder(
            num_layers=config.num_hidden_layers,
            hidden_size=config.hidden_size,
            intermediate_size=config.intermediate_size,
            num_heads=config.num_attention_heads,
            num_kv_heads=config.num_key_value_heads,
            head_dim=config.head_dim,
            vocab_size=config.vocab_size,
            rms_norm_eps=config.rms_norm_eps,
            inverse_frequencies=inverse_frequencies(config).tolist(),
            tensors=model.tensors,
            formats=model.formats,
            num_threads=self._threads,
            pin=self._pin,
            isa=self._isa,
        )

    @property
    def weight_bytes(self) -> int:
        return self._weight_bytes

    @property
    def kv_bytes_per_token(self) -> float:
        return self._decoder.kv_bytes_per_block(self._kv_cache) / BLOCK_SIZE

    def set_vocab_limit(self, num_tokens: int) -> None:
        self._num_tokens = min(num_tokens, self.config.vocab_size)

    def allocate_kv_cache(self, num_blocks: int, block_size: int) -> None:
        if block_size != BLOCK_SIZE:
            raise ConfigError(f"block_size={block_size} does not suit the native backend", remedy=f"use {BLOCK_SIZE}")
        try:
            self._decoder.allocate_kv_cache(num_blocks, self._kv_cache)
        except MemoryError as error:
            raise ConfigError(
                f"there is no room for a KV cache of {num_blocks} blocks", remedy="choose a smaller context or limit"
            ) from error

    def execute(self, batch: ForwardBatch) -> StepOutput:
        count = len(batch.sample_rows)
        wanted = batch.sampling.num_logprobs
        width = int(wanted.max()) + 1 if count else 0
        tokens, ranks = np.empty(count, np.int32), np.empty(count, np.int32)
        ids, logprobs = np.empty((count, width), np.int32), np.empty((count, width), np.float32)
        hidden_states = np.empty((len(batch.pooled_rows), self.config.hidden_size), np.float32)
        self._decoder.step(batch, self._num_tokens, tokens, ranks, ids, logprobs, hidden_states)
        output = step_output(wanted, self._num_tokens, tokens, ranks, ids, logprobs)
        return replace(output, hidden_states=hidden_states) if len(hidden_states) else output

    def logits(self, batch: ForwardBatch) -> Float32Array:
        """The forward step alone: logits [S, V] of the batch's sample rows, padding of the vocabulary cut off."""
        out = np.empty((len(batch.sample_rows), self._num_tokens), np.float32)
        self._decoder.logits(batch, out)
        return out


def check_shape(config: ModelConfig) -> None:
    """Checks, before minutes go into packing, what the kernels can compute.

    Raises:
        ConfigError: they do not know heads of that size.
    """
    if config.head_dim % 32 or config.head_dim > MAX_HEAD_DIM:
        raise ConfigError(
            f"head_dim={config.head_dim} does not suit the native backend, which takes multiples of 32 up to "
            f"{MAX_HEAD_DIM}",
            remedy="use the Paddle backend",
        )


def step_output(
    wanted: Int32Array,
    vocab_size: int,
    tokens: Int32Array,
    ranks: Int32Array,
    logprob_ids: Int32Array,
    logprobs: Float32Array,
) -> StepOutput:
    """What the native sampler wrote, row by row: `wanted` [S] log-probabilities besides the drawn token's, of which a
    vocabulary may have fewer."""
    if logprobs.shape[1] == 0:  # nobody asks
        return StepOutput(tokens, (None,) * len(tokens))
    rows = []
    for i, count in enumerate(np.minimum(wanted, vocab_size).tolist()):
        asked = count >= 0 and tokens[i] != NO_TOKEN
        span = slice(count + 1)
        rows.append(TokenLogprobs(logprob_ids[i, span], logprobs[i, span], int(ranks[i])) if asked else None)
    return StepOutput(tokens, tuple(rows))


def cpu_features() -> tuple[str, ...]:
    """Instruction-set extensions that the kernels look for and that this machine can use, such as `avx512_vnni`."""
    return _native.cpu_features()


def supported_isas() -> tuple[str, ...]:
    """Kernel sets that this machine can run, the plain `generic` first and the fastest last."""
    return _native.supported_isas()


def active_isa() -> str:
    """The kernel set in use: the fastest one, unless the environment variable SAMPAN_ISA names another.

    Raises:
        ConfigError: SAMPAN_ISA names none of `supported_isas()`.
    """
    try:
        return _native.isa()
    except ValueError as error:
        raise ConfigError(
            f"SAMPAN_ISA: {error}", remedy="unset SAMPAN_ISA to let Sampan choose, or name one of these"
        ) from error
