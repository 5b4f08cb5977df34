"""The recipe runs, goes on where it stopped, and leaves a model that can be served."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipes.tiny.quantization_aware import main

from sampan import LLM, SamplingParams

pytestmark = pytest.mark.slow


def test_the_recipe_runs_and_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--steps", "2", "--work", str(tmp_path)])
    assert "step 2/2" in capsys.readouterr().out
    main(["--steps", "2", "--work", str(tmp_path)])
    shown = capsys.readouterr().out
    assert "step" not in shown
    assert "int4, trained for it" in shown
    [output] = LLM(str(tmp_path / "model")).chat(
        [{"role": "user", "content": "17+25=?"}], SamplingParams(temperature=0, max_tokens=200)
    )
    assert "42" in (output.outputs[0].content or "")
