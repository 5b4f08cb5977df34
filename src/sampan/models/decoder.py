"""The decoder of Llama (arXiv:2302.13971) and Qwen2 (arXiv:2407.10671).

Both are one architecture: pre-norm transformer blocks with grouped-query attention (arXiv:2305.13245), rotary
positions and a SwiGLU feed-forward. Qwen2 adds a bias to the query, key and value projections; Llama 3.1 scales the
rotary frequencies. The names are Hugging Face's, so a tensor called `model.layers.0.self_attn.q_proj.weight` is found
under that name here.

Leading dimensions are free: training runs [batch, length], a paged backend runs [tokens]. Only `attend` gives them a
meaning.
"""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import nn
from paddle.nn.functional import silu, softmax

from sampan.config import ModelConfig
from sampan.models.rotary import rotate, rotation
from sampan.rope import inverse_frequencies

Attend = Callable[[int, paddle.Tensor, paddle.Tensor, paddle.Tensor], paddle.Tensor]
"""(layer, q [..., heads, d], k [..., kv_heads, d], v [..., kv_heads, d]) -> [..., heads, d]; q and k are already
rotated."""


def causal_attend(layer: int, q: paddle.Tensor, k: paddle.Tensor, v: paddle.Tensor) -> paddle.Tensor:
    """Dense causal attention over [batch, length, heads, head_dim], for training and as the plain reference."""
    batch, length, heads, head_dim = q.shape
    kv_heads = k.shape[2]
    q = q.reshape([batch, length, kv_heads, heads // kv_heads, head_dim]).transpose([0, 2, 3, 1, 4])
    k = k.transpose([0, 2, 3, 1]).unsqueeze(2)
    v = v.transpose([0, 2, 1, 3]).unsqueeze(2)
    scores = paddle.matmul(q * head_dim**-0.5, k).astype("float32")
    future = paddle.triu(paddle.full([length, length], float("-inf"), dtype="float32"), diagonal=1)
    weights = softmax(scores + future, axis=-1).astype(v.dtype)
    return paddle.matmul(weights, v).transpose([0, 3, 1, 2, 4]).reshape([batch, length, heads, head_dim])


class RMSNorm(nn.Layer):
    """Root-mean-square normalisation (arXiv:1910.07467), computed in float32."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = self.create_parameter([size], default_initializer=nn.initializer.Constant(1.0))
        self.eps = eps

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        x32 = x.astype("float32")
        scale = paddle.rsqrt(x32.square().mean(axis=-1, keepdim=True) + self.eps)
        return (x32 * scale).astype(x.dtype) * self.weight


def _linear(size_in: int, size_out: int, bias: bool = False) -> nn.Linear:
    # GPT-2's initialisation; a loaded checkpoint overwrites it.
    weight = paddle.ParamAttr(initializer=nn.initializer.Normal(0.0, 0.02))
    return nn.Linear(size_in, size_out, weight_attr=weight, bias_attr=None if bias else False)


class Attention(nn.Layer):
    """Grouped-query attention: `num_attention_heads` queries share `num_key_value_heads` keys and values."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        query_size = config.num_attention_heads * config.head_dim
        kv_size = config.num_key_value_heads * config.head_dim
        self.layer, self.head_dim = layer, config.head_dim
        self.q_proj = _linear(config.hidden_size, query_size, bias=config.attention_bias)
        self.k_proj = _linear(config.hidden_size, kv_size, bias=config.attention_bias)
        self.v_proj = _linear(config.hidden_size, kv_size, bias=config.attention_bias)
        self.o_proj = _linear(query_size, config.hidden_size)

    def mix(self, x: paddle.Tensor, cos: paddle.Tensor, sin: paddle.Tensor, attend: Attend) -> paddle.Tensor:
        """What the heads found, side by side: the input of `o_proj`."""
        heads = [*x.shape[:-1], -1, self.head_dim]
        q = rotate(self.q_proj(x).reshape(heads), cos, sin)
        k = rotate(self.k_proj(x).reshape(heads), cos, sin)
        v = self.v_proj(x).reshape(heads)
        return attend(self.layer, q, k, v).reshape([*x.shape[:-1], -1])

    def forward(self, x: paddle.Tensor, cos: paddle.Tensor, sin: paddle.Tensor, attend: Attend) -> paddle.Tensor:
        return self.o_proj(self.mix(x, cos, sin, attend))


class MLP(nn.Layer):
    """SwiGLU feed-forward (arXiv:2002.05202)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = _linear(config.hidden_size, config.intermediate_size)
        self.up_proj = _linear(config.hidden_size, config.intermediate_size)
        self.down_proj = _linear(config.intermediate_size, config.hidden_size)

    def gated(self, x: paddle.Tensor) -> paddle.Tensor:
        """The input of `down_proj`."""
        return silu(self.gate_proj(x)) * self.up_proj(x)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return self.down_proj(self.gated(x))


class DecoderLayer(nn.Layer):
    """One pre-norm block: attention, then feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config, layer)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = MLP(config)

    def forward(self, x: paddle.Tensor, cos: paddle.Tensor, sin: paddle.Tensor, attend: Attend) -> paddle.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, attend)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Layer):
    """Embedding, blocks, final norm."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        embedding = paddle.ParamAttr(initializer=nn.initializer.Normal(0.0, 0.02))
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, weight_attr=embedding)
        self.layers = nn.LayerList([DecoderLayer(config, layer) for layer in range(config.num_hidden_layers)])
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.frequencies = paddle.to_tensor(inverse_frequencies(config))

    def forward(
        self, input_ids: paddle.Tensor, positions: paddle.Tensor | None = None, attend: Attend = causal_attend
    ) -> paddle.Tensor:
        """Hidden states [..., hidden_size] after the final norm; `positions` default to 0, 1, 2 ... along the last
        axis."""
        if positions is None:
            positions = paddle.arange(input_ids.shape[-1])
        cos, sin = rotation(positions, self.frequencies)
        x = self.embed_tokens(input_ids)
        for layer in self.layers:
            x = layer(x, cos, sin, attend)
        return self.norm(x)


class TiedOutput(nn.Layer):
    """An output matrix that is the embedding's: it has no weight of its own."""

    def forward(self, hidden: paddle.Tensor, embedding: paddle.Tensor) -> paddle.Tensor:
        return paddle.matmul(hidden, embedding, transpose_y=True)


class CausalLM(nn.Layer):
    """A decoder with its output matrix."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        tied = config.tie_word_embeddings
        self.lm_head = TiedOutput() if tied else _linear(config.hidden_size, config.vocab_size)

    def logits(self, hidden: paddle.Tensor) -> paddle.Tensor:
        """[..., hidden_size] -> [..., vocab_size]. Separate from `forward`, so that only the rows that need logits
        pay."""
        if self.config.tie_word_embeddings:
            return self.lm_head(hidden, self.model.embed_tokens.weight)
        return self.lm_head(hidden)

    def forward(self, input_ids: paddle.Tensor) -> paddle.Tensor:
        """Logits [batch, length, vocab_size] of `input_ids` [batch, length]."""
        return self.logits(self.model(input_ids))


def build_model(config: ModelConfig) -> CausalLM:
    """A randomly initialised model in Paddle's default dtype and on its current device."""
    return CausalLM(config)
