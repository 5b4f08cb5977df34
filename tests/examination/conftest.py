"""Tokenizers of other models, and a home for what is unpacked."""

from pathlib import Path

import pytest

TOKENIZERS = Path(__file__).parents[1] / "data" / "tokenizers"


@pytest.fixture(autouse=True)
def _home(tmp_path_factory, monkeypatch) -> None:
    """GGUF files have their texts unpacked there."""
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def tokenizers() -> Path:
    """Folders of the distills' tokenizers, cut down to a few texts: `qwen` and `llama`."""
    return TOKENIZERS
