"""The tensors that a quantised layer is stored as, and the checks that every format needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sampan.checkpoint.base import RawTensor, TensorFile
from sampan.checkpoint.dtypes import FLOAT_DTYPES
from sampan.checkpoint.mapped_file import damaged
from sampan.errors import CheckpointError

INTEGERS = ("int32", "int64")


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """What a layer, such as `model.layers.3.mlp.up_proj`, is stored as.

    Args:
        parts: its tensors by what stands behind its name.
    """

    name: str
    parts: Mapping[str, RawTensor]

    @property
    def file(self) -> Path:
        """The first of those that it is stored in."""
        return min(part.file for part in self.parts.values())

    def part(self, suffix: str, dtypes: Sequence[str], shape: Sequence[int | None]) -> RawTensor:
        """A tensor of the layer. None in `shape` stands for any size but 0.

        Raises:
            CheckpointError: it is missing, or of another type or shape.
        """
        if suffix not in self.parts:
            raise self.fault(f"lacks {suffix}")
        part = self.parts[suffix]
        fits = len(part.shape) == len(shape) and all(
            found == wanted or (wanted is None and found > 0) for found, wanted in zip(part.shape, shape, strict=True)
        )
        if part.dtype not in dtypes or not fits:
            wanted = f"{' or '.join(dtypes)} {['any' if size is None else size for size in shape]}".replace("'", "")
            raise self.fault(f"has {suffix} of {part.dtype} {list(part.shape)}, and {wanted} belongs there")
        return part

    def scales(self, suffix: str, shape: Sequence[int | None]) -> RawTensor:
        return self.part(suffix, FLOAT_DTYPES, shape)

    def groups(self, suffix: str, k: int, group_size: int) -> npt.NDArray[np.int32] | None:
        """Which group each value of a row belongs to; None where that is their order, or nothing is said.

        Raises:
            CheckpointError: a value belongs to no group, or a group has too many.
        """
        if suffix not in self.parts:
            return None
        groups = self.part(suffix, INTEGERS, (k,)).data.astype(np.int64)
        if groups.min() < 0 or groups.max() >= k // group_size:
            raise self.fault(f"has {suffix} beyond its {k // group_size} groups")
        if (np.bincount(groups, minlength=k // group_size) != group_size).any():
            raise self.fault(f"has {suffix} of groups that are not of {group_size} values each")
        return None if np.array_equal(groups, np.arange(k) // group_size) else groups.astype(np.int32)

    def fault(self, reason: str) -> CheckpointError:
        """The error for a layer that contradicts itself or its configuration."""
        return damaged(str(self.file), f"the quantised layer {self.name!r} {reason}")


def stored_layers(tensors: Mapping[str, TensorFile], mark: str, suffixes: Sequence[str]) -> Iterator[StoredLayer]:
    """Every layer that has a tensor called `mark`, with those of `suffixes` that it has."""
    for stored in tensors:
        name, _, suffix = stored.rpartition(".")
        if suffix == mark and name:
            found = [each for each in suffixes if f"{name}.{each}" in tensors]
            yield StoredLayer(name, {each: tensors[f"{name}.{each}"].raw(f"{name}.{each}") for each in found})
