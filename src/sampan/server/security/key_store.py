"""Changes to a key file. Whoever reads it meanwhile sees all of a change or nothing of it, and two changes at once wait
for each other. Lines that a change does not concern, comments among them, stay byte for byte as they are."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sampan.errors import ConfigError, UsageError
from sampan.server.security.keys import ApiKey, encode_key, parse_keys, read_key_file

MODE = 0o600


def add_key(path: Path, key: ApiKey) -> None:
    """Appends a key; makes the file, of mode 0600, where there is none.

    Raises:
        UsageError: its name is taken.
        ConfigError: the file cannot be read or written, or holds something else than keys.
    """
    with _locked(path) as target:
        data = read_key_file(target) if target.exists() else b""
        if any(known.name == key.name for known in parse_keys(data, path)):
            raise UsageError(f"there is a key for {key.name} already", remedy="choose another name, or revoke it first")
        if data and not data.endswith(b"\n"):
            data += b"\n"
        _replace(target, data + encode_key(key))


def remove_key(path: Path, name: str) -> None:
    """Removes the key of that name.

    Raises:
        UsageError: there is none.
        ConfigError: the file cannot be read or written, or holds something else than keys.
    """
    with _locked(path) as target:
        lines = read_key_file(target).splitlines(keepends=True)
        kept = [line for line in lines if all(key.name != name for key in parse_keys(line, path))]
        if len(kept) == len(lines):
            raise UsageError(f"{path} has no key for {name}", remedy="`sampan key list` shows the names")
        _replace(target, b"".join(kept))


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Where the file really lies, with its folder locked: the file itself is replaced, so a lock on it would not do."""
    target = Path(os.path.realpath(path))
    try:
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"{target.parent}: {error.strerror}", remedy="make this folder first") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield target
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(target: Path, data: bytes) -> None:
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
        with open(handle, "wb") as file:
            os.fchmod(file.fileno(), target.stat().st_mode & 0o777 if target.exists() else MODE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if temporary is not None:
            with suppress(OSError):
                os.unlink(temporary)
        raise ConfigError(f"{target}: {error.strerror}", remedy="choose a folder that you may write to") from None
