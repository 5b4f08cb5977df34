"""A random model whose numbers are as awkward as those of a trained one.

Weights drawn from one normal distribution flatter every quantiser: trained models are spread out and have outliers.
This generator plants what has been measured in them:

- massive activations: at the first token and at a few delimiters, two channels of the residual stream reach a thousand
  times the median, written by a spike in an early feed-forward layer and taken out by one near the end (Sun et al.,
  arXiv:2402.17762; Yang et al., arXiv:2405.14428); many heads attend to them (Xiao et al., arXiv:2309.17453);
- a few channels that are large at every token, which the norm weights reduce, but not to the size of the others
  (Dettmers et al., arXiv:2208.07339);
- norm weights, rows and columns of matrices of widely spread magnitude, with heavy tails (Student's t);
- signals in few directions: most of each matrix has a low rank, shared by all that read and write the residual stream,
  so that rounding errors, which have no direction, fade instead of adding up;
- large keys in the slowly rotating pairs (Jin et al., arXiv:2502.01563), here by biases of up to a hundred.

Each matrix is scaled on the activations of a calibration text, so that all layers work at a moderate level: errors
then neither vanish nor grow chaotically, and the next-token distributions are neither flat nor certain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmarks.quality.formats import bf16
from benchmarks.quality.simulated_decoder import EMBEDDING, OUTPUT, Numerics, SimulatedDecoder
from sampan.config import ModelConfig

Float32Array = npt.NDArray[np.float32]

FIRST_TOKEN = 0
DELIMITERS = (1, 2, 3)  # token ids that get massive activations too
OUTLIERS = (10.0, 16.0, 25.0, 40.0)  # channels that are large at every token, relative to the others
MASSIVE = ((FIRST_TOKEN,), 1500.0), (DELIMITERS, 300.0)  # tokens and size of their two massive channels, likewise
SPIKE = (28.0, 14.0)  # gate and up value of the feed-forward unit that writes them
SPIKE_LAYER = 1
KEY_BIAS = 100.0  # the largest, in layer 0
RANK = 1 / 12  # of the shared directions, relative to the hidden size
SHARED = 0.75  # of each matrix's variance lies along them
TOP1 = 0.45  # mean probability of the likeliest next token

# Widths are multiples of 256, the group of llama.cpp's K formats; the heads are shared as in the 1.5B distill.
CONFIG = ModelConfig(
    model_type="qwen2",
    vocab_size=8192,
    hidden_size=768,
    intermediate_size=2560,
    num_hidden_layers=10,
    num_attention_heads=12,
    num_key_value_heads=2,
    head_dim=64,
    max_position_embeddings=4096,
    rope_theta=10000.0,
    bos_token_id=FIRST_TOKEN,
    eos_token_ids=(4,),
)


def planted_texts(config: ModelConfig, count: int, length: int, seed: int = 0) -> list[list[int]]:
    """`count` token sequences that start with the first token; the other ids follow Zipf's law."""
    rng = np.random.default_rng([seed, 1])
    frequencies = 1.0 / (np.arange(1, config.vocab_size) + 10.0)
    ids = rng.choice(np.arange(1, config.vocab_size), (count, length - 1), p=frequencies / frequencies.sum())
    return [[FIRST_TOKEN, *map(int, row)] for row in ids]


def planted_tensors(config: ModelConfig = CONFIG, seed: int = 0) -> dict[str, Float32Array]:
    """All tensors of the model under Hugging Face's names, deterministic in the seed; each value is a bfloat16, as in
    published checkpoints."""
    planter = _Planter(config, np.random.default_rng([seed, 0]), planted_texts(config, 4, 96, seed + 1))
    planter.plant()
    return {name: bf16(tensor) for name, tensor in planter.tensors.items()}


@dataclass
class _Planter:
    """Makes layer after layer, running the calibration texts (all tokens in one array, [T, hidden]) through them."""

    config: ModelConfig
    rng: np.random.Generator
    texts: list[list[int]]
    tensors: dict[str, Float32Array] = field(default_factory=dict)

    def plant(self) -> None:
        hidden, layers = self.config.hidden_size, self.config.num_hidden_layers
        channels = self.rng.permutation(hidden)
        self.outliers, self.usual = channels[: len(OUTLIERS)], channels[len(OUTLIERS) + 2 * len(MASSIVE) :]
        self.massive = channels[len(OUTLIERS) :][: 2 * len(MASSIVE)].reshape(-1, 2)  # two for each kind of token
        self.scales = self.rng.lognormal(0.0, 0.4, hidden)  # of the channels of the residual stream
        self.scales[self.outliers] = OUTLIERS
        self.directions = self.rng.normal(size=(max(int(RANK * hidden), 1), hidden))
        ids = np.concatenate(self.texts)
        self.rows = [np.flatnonzero(np.isin(ids, tokens)) for tokens, _ in MASSIVE]
        self.ordinary = np.setdiff1d(np.arange(len(ids)), np.concatenate(self.rows))

        # The large channels begin small and grow with every block.
        self.tensors[EMBEDDING] = 0.02 * self._matrix(self.config.vocab_size, self.scales**0.4)
        x = self.tensors[EMBEDDING][ids]
        for layer in range(layers):
            x = self._attention(layer, x)
            x = self._mlp(layer, x)
        h = self._norm("model.norm.weight", x)
        self.tensors[OUTPUT] = self._matrix(self.config.vocab_size, np.ones(hidden))
        logits = h[self.ordinary] @ self.tensors[OUTPUT].T
        self.tensors[OUTPUT] *= np.float32(_scale_for_top1(logits))

    def _attention(self, layer: int, x: Float32Array) -> Float32Array:
        config, prefix = self.config, f"model.layers.{layer}.self_attn."
        h = self._norm(f"model.layers.{layer}.input_layernorm.weight", x)
        query_size, kv_size = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
        for name, size, level, bias in (
            ("q", query_size, 1.0, 0.5),
            ("k", kv_size, 1.0, 1.0),
            ("v", kv_size, 1.0, 0.05),
        ):
            self._input_matrix(f"{prefix}{name}_proj.weight", size, h, level)
            self.tensors[f"{prefix}{name}_proj.bias"] = _float32(bias * self.rng.standard_t(3, size))
        self._key_outliers(layer, prefix, h)
        return self._add_block(f"{prefix}o_proj.weight", query_size, x, lambda d: self._by_text(d.attention, prefix, h))

    def _key_outliers(self, layer: int, prefix: str, h: Float32Array) -> None:
        """Large key biases in slow pairs, and heads that attend to massive activations through the slowest."""
        config, rng, half = self.config, self.rng, self.config.head_dim // 2
        for bias in self.tensors[f"{prefix}k_proj.bias"].reshape(-1, config.head_dim):
            pairs = rng.choice(np.arange(half - half // 4, half - 1), 3, replace=False)
            bias[pairs + half * rng.integers(0, 2, 3)] = rng.choice([-1, 1], 3) * KEY_BIAS * 0.8**layer / [1, 2, 4]
        if SPIKE_LAYER < layer < config.num_hidden_layers - 1:  # where the massive activations are
            queries = self.tensors[f"{prefix}q_proj.bias"].reshape(-1, config.head_dim)
            queries[:, half - 1] = rng.uniform(0.0, 5.0, len(queries))
            keys = self.tensors[f"{prefix}k_proj.weight"].reshape(-1, config.head_dim, config.hidden_size)
            for rows, channels in zip(self.rows, self.massive, strict=True):
                keys[:, half - 1] += 12.0 * _detector(h[rows], channels)

    def _mlp(self, layer: int, x: Float32Array) -> Float32Array:
        prefix = f"model.layers.{layer}."
        h = self._norm(prefix + "post_attention_layernorm.weight", x)
        for name in ("gate", "up"):
            self._input_matrix(f"{prefix}mlp.{name}_proj.weight", self.config.intermediate_size, h, 1.0)
        width = self.config.intermediate_size
        added = self._add_block(f"{prefix}mlp.down_proj.weight", width, x, lambda d: d.mlp(prefix + "mlp.", h))
        if layer not in (SPIKE_LAYER, self.config.num_hidden_layers - 2):
            return added
        gate, up, down = (self.tensors[f"{prefix}mlp.{name}_proj.weight"] for name in ("gate", "up", "down"))
        for unit, (rows, channels) in enumerate(zip(self.rows, self.massive, strict=True)):
            if layer == SPIKE_LAYER:
                detector = _detector(h[rows], self.usual)
                change = MASSIVE[unit][1] * np.median(np.abs(x[:, self.usual])) * np.array([1.0, -0.6])
            else:
                detector, change = _detector(h[rows], channels), -added[np.ix_(rows, channels)].mean(axis=0)
            gate[unit], up[unit], down[:, unit] = SPIKE[0] * detector, SPIKE[1] * detector, 0.0
            down[channels, unit] = change / (SPIKE[0] * SPIKE[1])
        return x + self._decoder().mlp(prefix + "mlp.", h)

    def _norm(self, name: str, x: Float32Array) -> Float32Array:
        """Makes a norm, which reduces what is large at every token, and applies it."""
        weight = self.rng.lognormal(0.0, 0.5, self.config.hidden_size) * self.scales**-0.4
        weight[self.massive] *= 0.2
        self.tensors[name] = _float32(weight)
        return self._decoder().rms_norm(name, x)

    def _input_matrix(self, name: str, size: int, h: Float32Array, level: float) -> None:
        """Makes a matrix whose outputs have the standard deviation `level` over the ordinary tokens."""
        matrix = self._matrix(size, self._spread(self.config.hidden_size, 0.3))
        matrix *= self._spread(size, 0.4)[:, None]
        self.tensors[name] = matrix * np.float32(level / (h[self.ordinary] @ matrix.T).std())

    def _add_block(
        self, name: str, width: int, x: Float32Array, run: Callable[[SimulatedDecoder], Float32Array]
    ) -> Float32Array:
        """Makes a block's output matrix, of the size that gives the block its share in the stream; adds the block."""
        matrix = self._matrix(width, self.scales).T * self._spread(width, 0.4)
        self.tensors[name] = np.ascontiguousarray(matrix)
        y = run(self._decoder())
        where = np.ix_(self.ordinary, self.usual)
        share = 1.0 / np.sqrt(2 * self.config.num_hidden_layers)
        factor = np.float32(share * np.sqrt(np.square(x[where]).mean() / np.square(y[where]).mean()))
        self.tensors[name] *= factor
        return x + factor * y

    def _matrix(self, size: int, columns: npt.NDArray[np.floating]) -> Float32Array:
        """[size, hidden_size], its columns of the given sizes: heavy-tailed, and mostly along the shared directions."""
        rank = len(self.directions)
        own = self.rng.standard_t(5, (size, len(columns)))
        shared = self.rng.standard_t(5, (size, rank)) @ self.directions / np.sqrt(rank)
        return _float32((np.sqrt(1 - SHARED) * own + np.sqrt(SHARED) * shared) * columns)

    def _spread(self, size: int, sigma: float) -> Float32Array:
        return _float32(self.rng.lognormal(0.0, sigma, size))

    def _by_text(
        self, block: Callable[[str, Float32Array], Float32Array], prefix: str, h: Float32Array
    ) -> Float32Array:
        return np.concatenate([block(prefix, part) for part in np.split(h, len(self.texts))])

    def _decoder(self) -> SimulatedDecoder:
        return SimulatedDecoder(self.config, self.tensors, Numerics())


def _detector(h: Float32Array, channels: npt.NDArray[np.integer]) -> Float32Array:
    """The row r, on these channels alone, with r . mean(h) = 1 that answers least to anything else."""
    row = np.zeros(h.shape[1], np.float32)
    row[channels] = h[:, channels].mean(axis=0)
    return row / np.square(row).sum()


def _scale_for_top1(logits: Float32Array) -> float:
    """By what to multiply logits [tokens, vocab_size] so that the likeliest token has the mean probability `TOP1`."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    low, high = 0.0, 100.0 / float(logits.std())
    for _ in range(40):
        middle = (low + high) / 2
        certain = float((1.0 / np.exp(logits * middle).sum(axis=-1)).mean()) > TOP1
        low, high = (low, middle) if certain else (middle, high)
    return low


def _float32(x: npt.ArrayLike) -> Float32Array:
    return np.asarray(x, np.float32)
