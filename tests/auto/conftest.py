"""The embedded model through the classes of `sampan.auto`."""

from __future__ import annotations

import pytest

from sampan import AutoModelForCausalLM, AutoTokenizer


@pytest.fixture(scope="session")
def tokenizer() -> AutoTokenizer:
    return AutoTokenizer.from_pretrained()


@pytest.fixture(scope="session")
def model() -> AutoModelForCausalLM:
    return AutoModelForCausalLM.from_pretrained()
