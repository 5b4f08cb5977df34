"""Tokenizers of other models."""

from pathlib import Path

import pytest

TOKENIZERS = Path(__file__).parents[1] / "data" / "tokenizers"


@pytest.fixture(autouse=True)
def _home(tmp_path_factory, monkeypatch) -> None:
    """GGUF files have their texts unpacked there."""
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def foreign_tokenizer() -> Path:
    """The folder of a distill's tokenizer, cut down."""
    return TOKENIZERS / "qwen"
