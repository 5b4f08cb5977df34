"""The shape of `sampan-tiny`."""

from __future__ import annotations

from tokenizers import Tokenizer

from recipes.tiny.tokenizer import BEGIN, END, MAX_CONTEXT
from sampan.config import ModelConfig


def model_config(tokenizer: Tokenizer) -> ModelConfig:
    """Qwen2 with tied embeddings. Every matrix has a multiple of 128 inputs, as packed int8 weights want it."""
    return ModelConfig(
        model_type="qwen2",
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=MAX_CONTEXT,
        tie_word_embeddings=True,
        attention_bias=True,
        bos_token_id=tokenizer.token_to_id(BEGIN),
        eos_token_ids=(tokenizer.token_to_id(END),),
    )
