"""A GGUF file that was cut into several (`-00001-of-00003.gguf`), seen as one.

The first part has the keys and, like each other, some of the tensors. Each says which part it is (`split.no`), of how
many (`split.count`), and how many tensors all have together (`split.tensors.count`). Source: gguf-split of llama.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sampan.checkpoint.base import CodedTensor, RawTensor, widened
from sampan.checkpoint.dtypes import Float32Array
from sampan.checkpoint.gguf.reader import GgufFile
from sampan.errors import CheckpointError
from sampan.strict_json import FETCH_AGAIN

PART = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.gguf)", re.IGNORECASE)
MAX_PARTS = 1000


class GgufParts:
    """All parts of a file, whichever of them was named. It may be read by several threads.

    Raises:
        CheckpointError: a part is absent, damaged or of another file.
    """

    def __init__(self, first: GgufFile) -> None:
        self.path = first.path
        count = first.keys.get("split.count", 1)
        if count in (0, 1):
            self._parts = [first]
        else:
            self._parts = [GgufFile(path) for path in _paths(first.path, count)]
            self._check(count)
        self.keys: Mapping[str, Any] = self._parts[0].keys
        self._holders = {name: part for part in self._parts for name in part.names()}

    def files(self) -> Sequence[Path]:
        """All parts."""
        return [part.path for part in self._parts]

    def names(self) -> Sequence[str]:
        """Names of all tensors."""
        return list(self._holders)

    def get(self, name: str) -> Float32Array:
        """See `Checkpoint.get`."""
        return widened(self.raw(name), name)

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`."""
        return self._holder(name).raw(name)

    def coded(self, name: str) -> CodedTensor | None:
        """See `Checkpoint.coded`."""
        return self._holder(name).coded(name)

    def _holder(self, name: str) -> GgufFile:
        if name not in self._holders:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        return self._holders[name]

    def _check(self, count: int) -> None:
        total = self._parts[0].keys.get("split.tensors.count")
        for number, part in enumerate(self._parts):
            wanted = {"split.no": number, "split.count": count, "split.tensors.count": total}
            if {key: part.keys.get(key) for key in wanted} != wanted:
                raise CheckpointError(f"{part.path} is not part {number + 1} of {count}", remedy=FETCH_AGAIN)
        names = [name for part in self._parts for name in part.names()]
        if len(names) != total or len(set(names)) != total:
            raise CheckpointError(
                f"{self.path}: the parts hold {len(names)} tensors, not {total} different ones", remedy=FETCH_AGAIN
            )


def _paths(path: Path, count: object) -> list[Path]:
    match = PART.fullmatch(path.name)
    if match is None or type(count) is not int or not 2 <= count <= MAX_PARTS or int(match[3]) != count:
        raise CheckpointError(
            f"{path} is one part of several, and is not called so",
            remedy="call the parts NAME-00001-of-0000N.gguf, or merge them with llama-gguf-split --merge",
        )
    return [path.with_name(f"{match[1]}-{number:05d}-of-{count:05d}{match[4]}") for number in range(1, count + 1)]
