"""What a hub says that a repository holds, once it has been checked."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sampan.errors import HubError

MAX_FILES = 20_000
MAX_FILE_BYTES = 10**13
SHA256 = re.compile(r"[0-9a-f]{64}")
SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository.

    Args:
        path: within the repository, with `/`.
        size: in bytes.
        sha256: of its content, in hex; empty where the hub does not say.
        git_sha1: of git's blob object, for files that the hub keeps in git itself; else empty.
    """

    path: str
    size: int
    sha256: str
    git_sha1: str

    @property
    def name(self) -> str:
        """Without the folders; what it is called here."""
        return self.path.rpartition("/")[2]

    @property
    def identity(self) -> str:
        """Stands for its name and content, whichever hub it comes from."""
        return hashlib.sha256(f"{self.sha256 or self.git_sha1} {self.name}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Listing:
    """A repository at one commit; `commit` is empty where the hub does not say which."""

    commit: str
    files: tuple[RemoteFile, ...]


def read_file(path: Any, size: Any, sha256: Any, git_sha1: Any) -> RemoteFile:
    """Raises HubError: a value is of the wrong type, or out of bounds."""
    if not isinstance(path, str) or not is_safe_path(path):
        raise bad_listing(f"a file of the name {path!r}"[:200])
    if type(size) is not int or not 0 <= size <= MAX_FILE_BYTES:
        raise bad_listing(f"{path} of the size {size!r}"[:300])
    sha256 = sha256.lower() if isinstance(sha256, str) else ""
    git_sha1 = git_sha1.lower() if isinstance(git_sha1, str) else ""
    return RemoteFile(
        path, size, sha256 if SHA256.fullmatch(sha256) else "", git_sha1 if SHA1.fullmatch(git_sha1) else ""
    )


def make_listing(commit: Any, files: Iterable[RemoteFile]) -> Listing:
    """Raises HubError: two files have the same path."""
    kept = tuple(files)
    if len({file.path for file in kept}) < len(kept):
        raise bad_listing("two files of the same name")
    return Listing(commit if isinstance(commit, str) and SHA1.fullmatch(commit) else "", kept)


def is_safe_path(path: str) -> bool:
    """A relative path that stays in its folder on any system, and can be printed."""
    parts = path.split("/")
    return (
        0 < len(path) <= 500
        and path.isprintable()
        and not any(part in ("", ".", "..") or len(part.encode()) > 250 for part in parts)
        and not set(path) & set("\\:")
    )


def entries_of(value: Any) -> list[dict[str, Any]]:
    """The entries of a listing. Raises HubError: it is no list of objects, or too long."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise bad_listing("no list of files")
    if len(value) > MAX_FILES:
        raise bad_listing(f"{len(value)} files")
    return value


def bad_listing(what: str) -> HubError:
    """A hub that lists what no model has."""
    return HubError(f"the hub lists {what}", remedy="check the address of the hub; try another --source")
