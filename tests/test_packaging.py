"""What a wheel holds."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import sampan

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sampan"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    pytest.importorskip("scikit_build_core", reason="the group `build` is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "-Ccmake.build-type=Debug",  # what is in it is the same, and compiling takes a third of the time
        "-w",
        str(folder),
        str(ROOT),
    ]
    result = subprocess.run(build, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = folder.glob("*.whl")
    assert path.name.startswith(f"sampan-{sampan.__version__}-")
    return zipfile.ZipFile(path)


def test_a_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    compiled = {name for name in files if name.startswith("sampan/_native.") and not name.endswith(".pyi")}
    assert len(compiled) == 1
    skipped = {".so", ".pyc"}
    expected = {
        path.relative_to(SOURCE.parent) for path in SOURCE.rglob("*") if path.is_file() and path.suffix not in skipped
    }
    assert files - compiled == {path.as_posix() for path in expected}


def test_a_wheel_names_its_licence_and_its_command(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    assert "sampan = sampan.cli:main" in wheel.read(entry_points).decode()
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
