"""What is told of a model on disk."""

from __future__ import annotations

import os

import pytest

from sampan.server.ollama.models import ModelFacts, _rounded
from scripted_engine import MODEL_CONFIG


def test_size_and_time_are_those_of_the_weight_files(tmp_path):
    for number, name in enumerate(("a.safetensors", "b.safetensors", "config.json")):
        (tmp_path / name).write_bytes(b"x" * (number + 1))
        os.utime(tmp_path / name, (1_700_000_000 + number,) * 2)
    facts = ModelFacts.of(MODEL_CONFIG, tmp_path)
    assert (facts.size, facts.modified_at) == (3, "2023-11-14T22:13:21Z")


def test_a_single_file(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"xy")
    assert ModelFacts.of(MODEL_CONFIG, tmp_path / "m.gguf").size == 2


@pytest.mark.parametrize(("number", "text"), [(7_615_616_512, "7.6B"), (494_030_000, "494.03M"), (65_536, "65.54K")])
def test_sizes_as_people_read_them(number, text):
    assert _rounded(number) == text
