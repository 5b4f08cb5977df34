"""Engines over a tiny random model."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from byte_vocabulary import byte_vocabulary
from random_model import EOS, VOCAB, random_checkpoint
from sampan.backends import Backend, create_backend
from sampan.config import EngineConfig, ModelConfig
from sampan.engine.engine import Engine
from sampan.engine.reasoning_control import ThoughtTokens
from sampan.engine.speculative import Drafter

EngineFactory = Callable[..., Engine]


@pytest.fixture(scope="session", params=["paddle-fp32", "native-fp32", "native-int8"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend over its own tiny random model: the native one wants wider heads."""
    name, precision = request.param.split("-")
    head_dim = 32 if name == "native" else 16
    config = ModelConfig("qwen2", VOCAB, 64, 128, 2, 4, 2, head_dim, attention_bias=True, tie_word_embeddings=True)
    backend = create_backend(name)
    backend.load(random_checkpoint(config), precision)
    return backend


@pytest.fixture(scope="session")
def make_engine(backend: Backend) -> EngineFactory:
    """Engines over the one tiny model, each with a fresh KV cache; only the last one made may be used."""

    def make(
        *,
        num_blocks: int = 256,
        max_model_len: int = 512,
        clock: Callable[[], float] = time.monotonic,
        thought_tokens: ThoughtTokens | None = None,
        drafter: Drafter | None = None,
        **config: object,
    ) -> Engine:
        engine_config = EngineConfig(num_blocks=num_blocks, **config)  # type: ignore[arg-type]
        backend.allocate_kv_cache(num_blocks, engine_config.block_size)
        return Engine(
            backend,
            engine_config,
            num_blocks=num_blocks,
            max_model_len=max_model_len,
            eos_token_ids=(EOS,),
            vocab_size=VOCAB,
            vocabulary=byte_vocabulary(),
            clock=clock,
            thought_tokens=thought_tokens,
            drafter=drafter,
        )

    return make
