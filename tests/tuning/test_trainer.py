"""The loop: it learns, and a run that stopped goes on as if it had not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from paddle import nn

from sampan.config import ModelConfig
from sampan.errors import CheckpointError
from sampan.models import CausalLM, build_model
from sampan.tuning import Batch, Example, Place, Trainer, TrainerConfig, load_run_state, read_place

RUN = TrainerConfig(num_steps=12, batch_tokens=40, learning_rate=1e-2, warmup_steps=2)


def weights(model: CausalLM) -> dict[str, bytes]:
    return {name: parameter.numpy().tobytes() for name, parameter in model.named_parameters()}


def twin(model: CausalLM) -> CausalLM:
    other = build_model(model.config)
    other.set_state_dict(model.state_dict())
    return other


def test_a_resumed_run_is_bitwise_the_uninterrupted_one(
    model: CausalLM, examples: list[Example], tmp_path: Path
) -> None:
    first, second = twin(model), twin(model)
    Trainer(model, examples, RUN, tmp_path / "whole").train()
    Trainer(first, examples, RUN, tmp_path / "parts").train(until=5)
    assert read_place(tmp_path / "parts").step == 5
    resumed = Trainer(second, examples, RUN, tmp_path / "parts")  # its own weights are replaced by the checkpoint's
    assert resumed.step == 5
    resumed.train()
    assert weights(second) == weights(model)


def test_a_finished_run_does_nothing(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    Trainer(model, examples, RUN, tmp_path).train()
    before = weights(model)
    Trainer(model, examples, RUN, tmp_path).train()
    assert weights(model) == before


def test_training_learns_the_answers(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    config = TrainerConfig(num_steps=120, batch_tokens=80, learning_rate=2e-2, warmup_steps=5)
    trainer = Trainer(model, examples, config, tmp_path)
    batch = Batch.of(examples[:4])
    before = float(trainer.loss(model, batch))
    trainer.train()
    assert float(trainer.loss(model, batch)) < 0.3 * before


def test_one_step_is_adamw_with_clipping(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    """The first step of Adam moves every weight by the learning rate against the sign of its clipped gradient."""
    config = TrainerConfig(num_steps=10, learning_rate=1e-3, warmup_steps=0, weight_decay=0.1)
    trainer = Trainer(model, examples, config, tmp_path)
    batch = Batch.of(examples[:3])
    names = ("model.layers.0.mlp.up_proj.weight", "model.norm.weight")
    parameters = dict(model.named_parameters())
    before = {name: parameters[name].numpy().copy() for name in names}
    trainer.loss(model, batch).backward()
    pairs = nn.ClipGradByGlobalNorm(1.0)([(p, p.grad) for p in model.parameters()])
    clipped = {p.name: g.numpy() for p, g in pairs}
    trainer.optimizer.clear_grad()
    trainer.train_step(batch)
    for name in names:
        gradient = clipped[parameters[name].name]
        decay = 0.1 if before[name].ndim > 1 else 0.0
        expected = before[name] * (1 - 1e-3 * decay) - 1e-3 * gradient / (np.abs(gradient) + 1e-8)
        np.testing.assert_allclose(parameters[name].numpy(), expected, atol=2e-6)


def test_no_checkpoint_is_the_beginning(model: CausalLM, tmp_path: Path) -> None:
    before = weights(model)
    assert load_run_state(tmp_path, model) == read_place(tmp_path) == Place(0, 0.0)
    assert weights(model) == before


def test_a_checkpoint_of_another_model_is_refused(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    Trainer(model, examples, RUN, tmp_path).train(until=1)
    shape = model.config
    other = build_model(
        ModelConfig(
            model_type="qwen2",
            vocab_size=shape.vocab_size,
            hidden_size=shape.hidden_size,
            intermediate_size=2 * shape.intermediate_size,
            num_hidden_layers=shape.num_hidden_layers,
            num_attention_heads=shape.num_attention_heads,
            num_key_value_heads=shape.num_key_value_heads,
            head_dim=shape.head_dim,
            tie_word_embeddings=True,
            attention_bias=True,
        )
    )
    with pytest.raises(CheckpointError, match="another model"):
        Trainer(other, examples, RUN, tmp_path)
