"""A home of its own for the packed stores of each test."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"
