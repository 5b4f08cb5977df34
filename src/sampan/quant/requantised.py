"""What is lost where weights that were quantised already are quantised once more, by kind of matrix.

A format whose groups, offsets or bits the kernels do not have cannot be taken over as it is. Its floats are quantised,
and that adds an error to the one that they have: here it is counted, to be told once and kept in the packed store.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)

MOST = 9.999999  # numbers are stored in eight characters


@dataclass(frozen=True, slots=True)
class Requantised:
    """Matrices of one kind, such as `down_proj`, that went from quantised types to another format.

    Args:
        source: the types that they are stored as, such as `Q4_K, Q6_K`.
        mean: of the matrices' errors: root mean square of what is lost, relative to that of the weights.
        worst: of them.
    """

    kind: str
    source: str
    format: str
    mean: float
    worst: float

    def __str__(self) -> str:
        return f"{self.kind} {self.source} -> {self.format} {self.mean:.2%} (at most {self.worst:.2%})"

    def to_dict(self) -> dict[str, str]:
        """Text alone, whose length does not depend on the errors."""
        numbers = {"mean": self.mean, "worst": self.worst}
        return {
            "kind": self.kind,
            "source": self.source,
            "format": self.format,
            **{name: f"{min(value, MOST):.6f}" for name, value in numbers.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Requantised:
        """
        Raises:
            ValueError, KeyError, TypeError: it is none.
        """
        kind, source, format = (str(data[name]) for name in ("kind", "source", "format"))
        return cls(kind, source, format, float(data["mean"]), float(data["worst"]))


@dataclass(frozen=True, slots=True)
class Loss:
    """What one matrix lost, or a part of it: sums of squares, of what is lost and of the weights."""

    kind: str
    tensor: str
    source: str
    format: str
    error: float = 0.0
    total: float = 0.0


def tell(name: str, found: Sequence[Requantised]) -> None:
    """Says once, when a model is packed, what that lost."""
    if found:
        logger.warning(
            "the weights of %s are quantised already; packing them adds errors: %s", name, "; ".join(map(str, found))
        )


def summarize(losses: Sequence[Loss]) -> tuple[Requantised, ...]:
    """In the order in which the kinds come first; several losses of one tensor are parts of it."""
    kinds: dict[tuple[str, str], dict[str, list[Loss]]] = {}
    for loss in losses:
        kinds.setdefault((loss.kind, loss.format), {}).setdefault(loss.tensor, []).append(loss)
    found = []
    for (kind, format), tensors in kinds.items():
        errors = [_relative(parts) for parts in tensors.values()]
        source = ", ".join(sorted({loss.source for parts in tensors.values() for loss in parts}))
        found.append(Requantised(kind, source, format, sum(errors) / len(errors), max(errors)))
    return tuple(found)


def _relative(parts: Sequence[Loss]) -> float:
    total = sum(loss.total for loss in parts)
    return math.sqrt(sum(loss.error for loss in parts) / total) if total else 0.0
