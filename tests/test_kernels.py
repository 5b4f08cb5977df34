"""The kernels' own tests (csrc/tests) under the compiler's sanitizers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_kernels_stay_within_their_memory_and_agree() -> None:
    if not (shutil.which("cmake") and shutil.which("ninja")):
        pytest.skip("cmake and ninja are not on the PATH (`make sanitize` brings its own)")
    result = subprocess.run(
        ["bash", "scripts/sanitize.sh"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
    assert "all kernels agree" in result.stdout
    assert "every piece was called once" in result.stdout
