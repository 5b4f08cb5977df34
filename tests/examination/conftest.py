"""Tokenizers of other models."""

from pathlib import Path

import pytest

TOKENIZERS = Path(__file__).parents[1] / "data" / "tokenizers"


@pytest.fixture
def foreign_tokenizer() -> Path:
    """The folder of a distill's tokenizer, cut down."""
    return TOKENIZERS / "qwen"
