"""The two tokenizers of the distills, cut down to a few texts but otherwise real."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import settings

from sampan.text import Tokenizer

settings.register_profile("no_deadline", deadline=None)  # a busy machine is no failure
settings.load_profile("no_deadline")

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "tests" / "data" / "tokenizers"
SHARED = Path(os.environ.get("SAMPAN_SHARED", REPOSITORY.parent / "shared")) / "data" / "tokenizers"


@pytest.fixture(scope="session", params=["qwen", "llama"])
def sample_dir(request: pytest.FixtureRequest) -> Path:
    return SAMPLES / str(request.param)


@pytest.fixture(scope="session")
def tokenizer(sample_dir: Path) -> Tokenizer:
    return Tokenizer.from_dir(sample_dir)


@pytest.fixture(scope="session")
def library(sample_dir: Path) -> tokenizers.Tokenizer:
    """What Hugging Face's library itself makes of the same file."""
    return tokenizers.Tokenizer.from_file(str(sample_dir / "tokenizer.json"))


@pytest.fixture(scope="session")
def qwen() -> Tokenizer:
    return Tokenizer.from_dir(SAMPLES / "qwen")


@pytest.fixture(scope="session")
def whole(whole_dir: Path) -> Tokenizer:
    return Tokenizer.from_dir(whole_dir)


@pytest.fixture(scope="session", params=["deepseek-r1-distill-qwen", "deepseek-r1-distill-llama"])
def whole_dir(request: pytest.FixtureRequest) -> Path:
    folder = SHARED / str(request.param)
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: the whole tokenizers are too large for the repository")
    return folder


EditFile = Callable[..., Path]


@pytest.fixture
def edited(tmp_path: Path) -> EditFile:
    """A copy of the Qwen sample with changed files: a function of the parsed JSON, a text, or None for no such file."""

    def edit(**changes: Any) -> Path:
        names = {
            "tokenizer": "tokenizer.json",
            "config": "tokenizer_config.json",
            "generation": "generation_config.json",
        }
        for key, name in {**names, "template": "chat_template.jinja"}.items():
            source = SAMPLES / "qwen" / name
            change = changes.get(key, "keep")
            if change is None or (change == "keep" and not source.exists()):
                continue
            text = source.read_text(encoding="utf-8") if source.exists() else ""
            if callable(change):
                data = json.loads(text)
                change(data)
                text = json.dumps(data)
            elif change != "keep":
                text = change
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return edit
