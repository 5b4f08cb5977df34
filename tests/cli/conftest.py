"""A model folder as small as one can be, and the `sampan` command as a user runs it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from sampan.checkpoint import expected_tensors, write_checkpoint
from sampan.config import ModelConfig

SPECIALS = ("<bos>", "<eos>", "<user>", "<assistant>", "<think>", "</think>")
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}<assistant>{{ m.content }}<eos>"
    "{% elif m.role == 'user' %}<user>{{ m.content }}{% else %}{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant><think>\n{% endif %}"
)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory) -> Path:
    """Random weights, one token a byte: it babbles, but through all of the real engine. Copy it to damage it."""
    folder = tmp_path_factory.mktemp("models") / "babbler"
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(models.BPE({token: i for i, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIALS))
    ids = {token: tokenizer.token_to_id(token) for token in SPECIALS}
    config = ModelConfig(
        "qwen2",
        tokenizer.get_vocab_size(),
        32,
        64,
        1,
        2,
        1,
        32,
        512,
        tie_word_embeddings=True,
        eos_token_ids=(ids["<eos>"],),
    )
    rng = np.random.default_rng(0)
    shapes = expected_tensors(config)
    write_checkpoint(
        folder, config, {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<bos>", "eos_token": "<eos>", "add_bos_token": False, "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "generation_config.json").write_text(json.dumps({"temperature": 0.6, "top_p": 0.95}))
    return folder


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    """A terminal that can show colours."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


@pytest.fixture
def user_environment(tmp_path) -> dict[str, str]:
    """The variables that a user's shell would have, and a SAMPAN_HOME of the test's own."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"SAMPAN_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def sampan(user_environment):
    """Runs `python -m sampan` to its end."""

    def sampan(*words: object, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sampan", *map(str, words)],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            env=user_environment | environment,
            check=False,
        )

    return sampan
