"""A process that is killed loses the layer under way; what memory holds does not grow with the model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from sampan.checkpoint import expected_tensors, write_checkpoint
from sampan.config import ModelConfig

KILLED = """
import os, signal, sys
from sampan.checkpoint import open_checkpoint
from sampan.ptq import Calibration, quantize

source, target, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = 0

def report(what, done, total):
    global seen
    seen += what.startswith("Quantising")
    if seen == kill_at > 0:
        os.kill(os.getpid(), signal.SIGKILL)

samples = tuple(tuple((7 * i + 3 * j) % 128 for j in range(40)) for i in range(6))
quantize(open_checkpoint(source), target, calibration=Calibration("made", samples), report=report)
"""

PEAK = """
import resource, sys
import numpy as np
from sampan.checkpoint import open_checkpoint
from sampan.ptq import Calibration, Recipe, quantize

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

source, target = sys.argv[1:]
before = peak()
samples = tuple(tuple(map(int, row)) for row in np.random.default_rng(0).integers(0, 256, (16, 128)))
quantize(open_checkpoint(source), target, Recipe("int4", "gptq"), calibration=Calibration("random", samples))
print(peak() - before)
"""


def python(code: str, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))


@pytest.mark.slow
def test_a_killed_process_is_followed_by_one_that_ends_with_the_same_bits(source_folder, tmp_path):
    assert python(KILLED, source_folder, tmp_path / "whole", 0).returncode == 0
    for kill_at in (2, 9):  # in the first layer, in the second
        assert python(KILLED, source_folder, tmp_path / "killed", kill_at).returncode == -signal.SIGKILL
        assert not (tmp_path / "killed").exists()
    finished = python(KILLED, source_folder, tmp_path / "killed", 0)
    assert finished.returncode == 0, finished.stderr
    first, second = ({f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("whole", "killed"))
    assert first == second


@pytest.mark.slow
def test_memory_holds_one_layer(tmp_path):
    peaks = []
    for num_layers in (2, 6):
        config = ModelConfig(
            model_type="llama",
            vocab_size=256,
            hidden_size=512,
            intermediate_size=3072,
            num_hidden_layers=num_layers,
            num_attention_heads=8,
            num_key_value_heads=2,
            head_dim=64,
            max_position_embeddings=512,
            attention_bias=False,
            tie_word_embeddings=False,
        )
        rng = np.random.default_rng(0)
        tensors = {
            name: (0.02 * rng.normal(size=shape)).astype(np.float32) for name, shape in expected_tensors(config).items()
        }
        write_checkpoint(tmp_path / str(num_layers), config, tensors, "bf16")
        finished = python(PEAK, tmp_path / str(num_layers), tmp_path / f"out-{num_layers}")
        assert finished.returncode == 0, finished.stderr
        peaks.append(int(finished.stdout.split()[-1]))
    layer = 4 * (512 * (512 + 2 * 128 + 512) + 3 * 512 * 3072)
    hessian = 4 * 3072**2
    batch = 4 * 1024 * 3072 * 6
    assert max(peaks) < layer + 2 * hessian + batch + 100 * 2**20
    assert peaks[1] < peaks[0] + 30 * 2**20
