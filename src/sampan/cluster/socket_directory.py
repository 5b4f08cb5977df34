"""Where sockets between Sampan's processes lie: a directory of mode 0700 that nobody else can enter."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "sampan-"
MAX_SOCKET_PATH = 107  # bytes; sun_path of <sys/un.h> has 108 with the closing zero
SPARE = 32  # bytes for the names of directory and socket
SETTLED = 60.0  # seconds after which a new directory has its lock


@contextmanager
def socket_directory() -> Iterator[Path]:
    """Makes one and removes it. A supervisor that was killed could not remove its own: what such ones left behind,
    which nobody holds a lock on any more, is removed as well."""
    base = _base()
    _sweep(base)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(handle)


def _base() -> Path:
    """The user's runtime directory where there is one, else one for temporary files, if its name is short enough."""
    for candidate in (f"/run/user/{os.getuid()}", tempfile.gettempdir()):
        if len(os.fsencode(candidate)) + SPARE <= MAX_SOCKET_PATH and os.access(candidate, os.W_OK | os.X_OK):
            return Path(candidate)
    return Path("/tmp")


def _sweep(base: Path) -> None:
    for path in base.glob(f"{PREFIX}*"):
        with suppress(OSError):
            seen = path.lstat()
            if not path.is_dir() or seen.st_uid != os.getuid() or time.time() - seen.st_mtime < SETTLED:
                continue
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(handle)
