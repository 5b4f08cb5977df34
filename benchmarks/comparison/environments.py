"""A virtual environment for each engine, made once and kept."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


class SetupError(Exception):
    """An engine cannot be set up on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What one engine needs.

    Args:
        name: of its folder.
        requirements: as pip takes them.
        build: variables for packages that are compiled here.
        unwanted: packages that come along as dependencies and do harm.
    """

    name: str
    requirements: tuple[str, ...]
    build: Mapping[str, str] = field(default_factory=dict)
    unwanted: tuple[str, ...] = ()

    def python(self, folder: Path) -> Path:
        """Makes the environment under `folder`, unless it is there, and returns its interpreter.

        Raises:
            SetupError: pip failed.
        """
        home = folder / self.name
        python, stamp = home / "bin" / "python", home / "requirements.txt"
        wanted = "\n".join((*self.requirements, *(f"not {name}" for name in self.unwanted))) + "\n"
        if stamp.exists() and stamp.read_text() == wanted:
            return python
        venv.create(home, clear=True, with_pip=True)
        log = folder / f"{self.name}.log"
        pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", *self.requirements], log, self.build)
        if self.unwanted:
            run([*pip, "uninstall", "--yes", *self.unwanted], log)
        stamp.write_text(wanted)
        return python


def run(command: Sequence[str | Path], log: Path, variables: Mapping[str, str] | None = None) -> None:
    """Runs a step of the setup; what it prints goes to the file `log`.

    Raises:
        SetupError: it failed; names the log and quotes its last line.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        finished = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(variables or {})},
        )
    if finished.returncode != 0:
        raise SetupError(f"{last_line(log)} (the whole story is in {log})")


def last_line(log: Path) -> str:
    """The last line of a log that says anything; usually the error."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][-300:] if lines else "it ended without a word"
