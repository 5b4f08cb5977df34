"""The documentation is true: its commands run, its links lead somewhere, its translations show the same code.

A code block is run when its first line says so. ```` ```bash run ```` and ```` ```python run ```` run by themselves,
```` ```bash serve ```` and ```` ```python serve ```` against a server that listens where the block says 127.0.0.1:8000.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TRANSLATIONS = sorted(page for page in PAGES if page.name.endswith(".zh-CN.md"))
ORIGINALS = [page for page in PAGES if page not in TRANSLATIONS]

BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CURL = re.compile(r"\bcurl\b[^`]*://")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    page: str
    kind: str  # what stands behind the backquotes
    code: str


def blocks(page: Path) -> list[Block]:
    return [Block(page.name, *match) for match in BLOCK.findall(page.read_text(encoding="utf-8"))]


def blocks_of_kind(kind: str) -> list[object]:
    found = [block for page in ORIGINALS for block in blocks(page) if block.kind.endswith(f" {kind}")]
    assert found
    return [pytest.param(block, id=f"{block.page}-{number}") for number, block in enumerate(found)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of a user who has activated .venv, and whose curl fails on HTTP errors."""
    home = tmp_path_factory.mktemp("home")
    (home / ".curlrc").write_text("fail\nsilent\nshow-error\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("SAMPAN_")}
    return {**env, "PATH": path, "SAMPAN_HOME": str(home), "CURL_HOME": str(home), "PYTHONUTF8": "1"}


@pytest.fixture(scope="module")
def server(environment: dict[str, str]) -> Iterator[str]:
    """HOST:PORT of a server with the embedded model."""
    command = ["sampan", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("Sampan listening on http://"), line
            yield line.strip().rpartition("/")[2]
        finally:
            process.terminate()


def run(code: str, language: str, env: dict[str, str], folder: Path) -> str:
    interpreter = [sys.executable, "-"] if language == "python" else ["bash", "-euo", "pipefail", "-s"]
    result = subprocess.run(interpreter, input=code, env=env, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("block", blocks_of_kind("run"))
def test_code_runs(block: Block, environment: dict[str, str], tmp_path: Path) -> None:
    assert run(block.code, block.kind.split()[0], environment, tmp_path).strip()


@pytest.mark.parametrize("block", blocks_of_kind("serve"))
def test_clients_are_answered(block: Block, environment: dict[str, str], server: str, tmp_path: Path) -> None:
    if "curl" in block.code and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    assert "127.0.0.1:8000" in block.code
    code = block.code.replace("127.0.0.1:8000", server)
    assert run(code, block.kind.split()[0], environment, tmp_path).strip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_curl_is_run(page: Path) -> None:
    """It stands in a block that is; of translations it is enough that they show the same, see below."""
    not_run = [block.code for block in blocks(page) if block.kind not in ("bash run", "bash serve")]
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    assert [code for code in [*not_run, text] if CURL.search(code)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    targets = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    assert [target for target in targets if target and not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", TRANSLATIONS, ids=lambda page: page.name)
def test_a_translation_shows_the_same_code(page: Path) -> None:
    original = page.with_name(page.name.replace(".zh-CN", ""))
    assert [block[1:] for block in blocks(page)] == [block[1:] for block in blocks(original)]


def test_the_verbs_that_the_readme_names_exist(environment: dict[str, str]) -> None:
    """Those in the column of what stands today."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (stands,) = re.findall(r"^\| command line \| ([^|]*)\|", text, re.MULTILINE)
    for verb in re.findall(r"`(\w+)`", stands):
        subprocess.run(["sampan", verb, "--help"], env=environment, stdout=subprocess.DEVNULL, check=True)
