"""The best models of a run are kept and published, whole or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sampan.checkpoint import open_checkpoint
from sampan.errors import ConfigError
from sampan.models import CausalLM, export_weights
from sampan.tuning import Batch, Example, ModelCheckpoint, Trainer, TrainerConfig, masked_cross_entropy

RUN = TrainerConfig(num_steps=6, batch_tokens=40, learning_rate=1e-2, warmup_steps=1, evaluate_steps=2)


def trainer_at(step: int, model: CausalLM, examples: list[Example], folder: Path) -> Trainer:
    trainer = Trainer(model, examples, RUN, folder)
    trainer.step = step
    return trainer


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_run_evaluates_keeps_and_publishes(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "tokenizer.json").write_text("{}")
    kept = ModelCheckpoint(tmp_path / "best", publish_to=tmp_path / "live", texts=texts, dtype="fp32")
    told: list[float] = []

    class Note:
        def on_evaluate(self, trainer: Trainer, metrics: dict[str, float]) -> None:
            told.append(metrics["val_loss"])

    trainer = Trainer(model, examples, RUN, tmp_path / "run", validation=examples[:5], callbacks=[kept, Note()])
    trainer.train()
    assert len(told) == 3
    assert kept.best is not None
    assert kept.best.value == min(told)
    assert names(tmp_path / "best") == [kept.best.path.name]
    live = tmp_path / "live"
    assert names(live)[-1] == kept.best.path.name
    assert len(names(live)) == sum(value < min([np.inf, *told[:i]]) for i, value in enumerate(told))
    published = live / kept.best.path.name
    assert names(published) == ["config.json", "metrics.json", "model.safetensors", "tokenizer.json"]
    assert json.loads((published / "metrics.json").read_text())["val_loss"] == min(told)
    if kept.best.path.name == "step-000006":  # the model as it is now
        checkpoint = open_checkpoint(published)
        for name, values in export_weights(model).items():
            assert np.array_equal(checkpoint.get(name), values)


def test_val_loss_counts_each_target_once(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    trainer = Trainer(model, examples, RUN, tmp_path, validation=examples[:7])
    whole = float(masked_cross_entropy(model, Batch.of(examples[:7])))
    assert trainer.evaluate()["val_loss"] == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(
    ("mode", "top", "left", "published"),
    [
        ("min", 1, ["step-000003"], ["step-000001", "step-000003"]),
        ("min", 2, ["step-000001", "step-000003"], ["step-000001", "step-000003"]),
        ("max", 2, ["step-000002", "step-000004"], ["step-000001", "step-000002"]),
        ("min", -1, [f"step-{i:06d}" for i in (1, 2, 3, 4)], ["step-000001", "step-000003"]),
    ],
)
def test_which_are_kept(
    mode: str, top: int, left: list[str], published: list[str], model: CausalLM, examples: list[Example], tmp_path: Path
) -> None:
    for step, value in enumerate((2.0, 5.0, 1.0, 3.0, float("nan")), start=1):
        # Made anew each time, as by a run that is resumed.
        kept = ModelCheckpoint(tmp_path / "best", "score", mode, top, tmp_path / "live")
        kept.on_evaluate(trainer_at(step, model, examples, tmp_path / "run"), {"score": value, "val_loss": 9.0})
    assert names(tmp_path / "best") == left
    assert names(tmp_path / "live") == published


def test_what_is_published_outlives_what_is_kept(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    kept = ModelCheckpoint(tmp_path / "best", publish_to=tmp_path / "live")
    kept.on_evaluate(trainer_at(1, model, examples, tmp_path / "run"), {"val_loss": 1.0})
    shutil.rmtree(tmp_path / "best")
    assert open_checkpoint(tmp_path / "live" / "step-000001").names()


def test_a_model_that_cannot_be_written_leaves_nothing(
    model: CausalLM, examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    kept = ModelCheckpoint(tmp_path / "best", publish_to=tmp_path / "live")
    monkeypatch.setattr("sampan.tuning.callbacks.write_checkpoint", fail)
    with pytest.raises(KeyboardInterrupt):
        kept.on_evaluate(trainer_at(1, model, examples, tmp_path / "run"), {"val_loss": 1.0})
    assert names(tmp_path / "best") == []
    assert not (tmp_path / "live").exists()


def test_wrong_use(model: CausalLM, examples: list[Example], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="mode='least'"):
        ModelCheckpoint(tmp_path, mode="least")
    with pytest.raises(ConfigError, match="save_top_k=0"):
        ModelCheckpoint(tmp_path, save_top_k=0)
    with pytest.raises(ConfigError, match="no metric 'accuracy'"):
        ModelCheckpoint(tmp_path, "accuracy").on_evaluate(
            trainer_at(1, model, examples, tmp_path / "run"), {"val_loss": 1.0}
        )
