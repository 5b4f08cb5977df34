"""Hidden states of all calibration samples, in a file, of which one micro-batch at a time is in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.dtypes import Float32Array
from sampan.errors import CheckpointError

BATCH_TOKENS = 1024
ANEW = "start the quantisation anew, with --force"


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Whole samples, one behind the other: tokens `begin` to `end` of all.

    Args:
        lengths: of its samples.
    """

    begin: int
    lengths: tuple[int, ...]

    @property
    def end(self) -> int:
        return self.begin + sum(self.lengths)


def micro_batches(lengths: Sequence[int], max_tokens: int = BATCH_TOKENS) -> list[MicroBatch]:
    """Samples in their order, in batches of at most so many tokens; a longer sample is a batch of its own."""
    batches: list[MicroBatch] = []
    begin = 0
    taken: list[int] = []
    for length in lengths:
        if taken and sum(taken) + length > max_tokens:
            batches.append(MicroBatch(begin, tuple(taken)))
            begin, taken = batches[-1].end, []
        taken.append(length)
    return [*batches, MicroBatch(begin, tuple(taken))]


@dataclass(frozen=True, slots=True)
class HiddenStates:
    """A file of float32 [tokens, hidden_size]."""

    path: Path
    hidden_size: int
    batches: Sequence[MicroBatch]

    @property
    def num_tokens(self) -> int:
        return self.batches[-1].end

    def __iter__(self) -> Iterator[tuple[MicroBatch, Float32Array]]:
        """Each micro-batch with its states [tokens, hidden_size], which the caller may keep and change.

        Raises:
            CheckpointError: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                for batch in self.batches:
                    states = np.fromfile(file, np.float32, (batch.end - batch.begin) * self.hidden_size)
                    yield batch, states.reshape(-1, self.hidden_size)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{self.path} cannot be read: {error}", remedy=ANEW) from error

    def written(self, path: Path, states: Iterable[Float32Array]) -> HiddenStates:
        """Others of the same shape, written batch by batch; the file appears once it is whole and on the disk.

        Raises:
            CheckpointError: it cannot be written.
        """
        with atomic_file(path) as file:
            for part in states:
                file.write(np.ascontiguousarray(part, np.float32).reshape(-1).view(np.uint8).data)
        return HiddenStates(path, self.hidden_size, self.batches)


def file_sha256(path: Path) -> str:
    """Raises CheckpointError: it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
            return digest.hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}", remedy=ANEW) from error
