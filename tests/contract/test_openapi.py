"""`/openapi.json` is true: schemathesis asks a running server for all that it permits and much that it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_process import Cluster, cluster
from unharmed import Unharmed

HERE = Path(__file__).parent
SEED = 1
# A small context and short answers: what counts is how many requests there are, not how long they take.
OPTIONS = ("--max-model-len", "256", "--default-max-tokens", "8", "--log-level", "error")


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster(*OPTIONS) as running:
        yield running


def schemathesis(url: str, folder: Path, *options: str) -> None:
    """All phases, all checks, valid and invalid requests.

    Args:
        folder: where it may write.
    """
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"{url}/openapi.json", "--phases", "examples,coverage,fuzzing,stateful", "--checks", "all"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")}
    run = subprocess.run([*command, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    print(run.stdout[-2000:])
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr


def test_every_operation(server: Cluster, tmp_path: Path) -> None:
    unharmed = Unharmed(server)
    schemathesis(server.url, tmp_path, "--max-examples", "100", "--seed", str(SEED))
    unharmed.check()


@pytest.mark.slow
def test_every_operation_at_length(server: Cluster, tmp_path: Path) -> None:
    unharmed = Unharmed(server)
    schemathesis(server.url, tmp_path, "--max-examples", "500")
    unharmed.check()
