"""The whole recipe in small: tokenizer, both stages, export; and that a second call only picks up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recipes.tiny import steps
from recipes.tiny.card import write_card
from recipes.tiny.export import export

from sampan.checkpoint import open_checkpoint, verify
from sampan.models import export_weights
from sampan.text import Tokenizer


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "TOKENIZER_SAMPLES", 300)
    stages = tuple(
        replace(stage, num_samples=60, training=replace(stage.training, num_steps=2, batch_tokens=256))
        for stage in steps.STAGES
    )
    monkeypatch.setattr(steps, "STAGES", stages)


@pytest.mark.usefixtures("small")
def test_the_recipe_makes_a_folder_that_loads(tmp_path: Path) -> None:
    work, folder = tmp_path / "work", tmp_path / "model"
    model, seconds = steps.train_model(work, steps.make_tokenizer(work))
    assert seconds > 0
    again, same_seconds = steps.train_model(work, steps.make_tokenizer(work))
    assert same_seconds == seconds
    weights = export_weights(model)
    assert all(np.array_equal(weights[name], value) for name, value in export_weights(again).items())

    export(model, work / "tokenizer", folder)
    write_card(folder, model, {"network": (9, 10), "python": (10, 10)}, seconds)
    checkpoint = open_checkpoint(folder)
    verify(checkpoint)
    Tokenizer.from_dir(folder).check_model(checkpoint.config)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "| network | 9 | 10 | 90.0% |\n| python | 10 | 10 | 100.0% |" in card
    assert "demonstration, not an assistant" in card
