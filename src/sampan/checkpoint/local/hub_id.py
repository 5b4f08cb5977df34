"""How a model of a hub is written, and what it is called on this machine."""

from __future__ import annotations

import re
from typing import NamedTuple

REPOSITORY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
REVISION = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w./-]{0,199}", re.ASCII)


class HubId(NamedTuple):
    """`org/repo`, `org/repo/folder/file.gguf`, either with `@revision` behind it.

    Args:
        file: of a repository of GGUF files, which of them; empty for a whole model.
        revision: a branch, tag or commit; empty for the hub's default branch.
    """

    repository: str
    file: str = ""
    revision: str = ""

    @property
    def name(self) -> str:
        """Its folder under `SAMPAN_HOME/models`: `org--repo`, `org--repo--file`. The hubs allow no `--` in names."""
        parts = self.repository.split("/")
        return "--".join([*parts, self.file.rpartition("/")[2].removesuffix(".gguf")] if self.file else parts)

    def __str__(self) -> str:
        """Without the revision: what the model is called here."""
        return "/".join(part for part in (self.repository, self.file) if part)


def parse_hub_id(text: str) -> HubId | None:
    """None where the text cannot be one; whether a hub has it, only the hub knows."""
    address, _, revision = text.partition("@")
    if revision and not REVISION.fullmatch(revision):
        return None
    parts = address.split("/")
    repository, file = "/".join(parts[:2]), "/".join(parts[2:])
    if not REPOSITORY.fullmatch(repository) or (text.endswith("@") or (file and not is_gguf_path(file))):
        return None
    return HubId(repository, file, revision)


def is_gguf_path(path: str) -> bool:
    """Whether it can be a GGUF file inside a repository."""
    parts = path.split("/")
    return path.endswith(".gguf") and len(path) < 200 and path.isprintable() and not {"", ".", ".."}.intersection(parts)
