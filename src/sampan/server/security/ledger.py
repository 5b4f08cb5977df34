"""What each limited key has used lately: one small table in memory that all workers share.

A client keeps few connections, so its requests may all meet one worker or be spread over all. Dividing a limit by the
number of workers would be wrong either way; with one table, limits are exact however many workers there are.

All is guarded by one record lock of the kernel, which a process that dies gives back at once.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from sampan.config import MAX_WORKERS
from sampan.server.security.keys import MAX_KEYS

NUM_ROWS = 2 * MAX_KEYS  # keys that were revoked a moment ago have theirs still
ID_BYTES = 16  # of a digest
MAX_COLUMNS = 2 * MAX_WORKERS  # a worker may start before the one that it replaces is quite gone
ROW = np.dtype(
    [
        ("id", "u8", (ID_BYTES // 8,)),  # zeros where the row is free
        ("requests_paid_until", "f8"),  # on the machine's monotonic clock; see `account.py`
        ("tokens_paid_until", "f8"),
        ("num_open", "u4", (MAX_COLUMNS,)),  # requests of each worker
    ]
)


class Ledger:
    """This process's view of the table.

    Args:
        fd: of the memory, from `os.memfd_create`; stays open as long as the ledger is used.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.ftruncate(fd, NUM_ROWS * ROW.itemsize)
        self._rows = np.frombuffer(mmap.mmap(fd, NUM_ROWS * ROW.itemsize), ROW)
        self._column = self._take_column()
        self._places: dict[bytes, int] = {}  # where a key's row was last

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads or writes meanwhile; held for microseconds."""
        fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, 0)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, 0)

    def row(self, digest: bytes, now: float) -> np.void | None:
        """A key's row, an unused one where it had none; None where all are in use. To be called, and used, locked.

        A row that says nothing (no request open, nothing owed) may become another key's, so it must not be kept.
        """
        own = np.frombuffer(digest, "u8", ID_BYTES // 8)
        place = self._places.get(digest)
        if place is None or (self._rows["id"][place] != own).any():
            place = self._find(own, now)
            if place is None:
                return None
            self._places[digest] = place
        row: np.void = self._rows[place]
        if (row["id"] != own).any():
            row["requests_paid_until"] = row["tokens_paid_until"] = 0.0
            row["num_open"] = 0
            row["id"] = own
        return row

    def _find(self, own: npt.NDArray[np.uint64], now: float) -> int | None:
        """Where this key's row is, else where one is free, else where one has nothing to say."""
        rows = self._rows
        ids = rows["id"]
        if (found := (ids == own).all(axis=1)).any() or (found := (ids == 0).all(axis=1)).any():
            return int(found.argmax())
        owes = np.maximum(rows["requests_paid_until"], rows["tokens_paid_until"]) > now
        idle = ~owes & ~rows["num_open"].any(axis=1)
        return int(idle.argmax()) if idle.any() else None

    def open_request(self, row: np.void) -> None:
        """Counts a request of this worker. The row must be this key's, and locked; the same holds below."""
        row["num_open"][self._column] += 1

    def close_request(self, row: np.void) -> None:
        row["num_open"][self._column] -= 1

    def _take_column(self) -> int:
        """Columns are held by locks too: that of a worker which died is free, and its requests are forgotten."""
        for column in range(MAX_COLUMNS):
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 1 + column)
            except OSError:
                continue
            with self.locked():
                self._rows["num_open"][:, column] = 0
            return column
        raise AssertionError("more workers than a cluster can have")
