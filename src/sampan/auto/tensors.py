"""Token ids as lists, numpy arrays or Paddle tensors, whichever the caller speaks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sampan.errors import RequestError

Int64Array = npt.NDArray[np.int64]
KINDS = ("pd", "np")


def check_kind(kind: str | None) -> None:
    """Checks a `return_tensors`.

    Raises:
        RequestError: it is not a kind that there is.
    """
    if kind is not None and kind not in KINDS:
        raise RequestError(
            f"return_tensors={kind!r} is not known",
            param="return_tensors",
            remedy="use 'pd' (Paddle), 'np' (numpy) or None (lists)",
        )


def is_paddle(value: object) -> bool:
    """Whether it is a Paddle tensor. Who has one has imported Paddle."""
    paddle = sys.modules.get("paddle")
    return paddle is not None and isinstance(value, paddle.Tensor)


def as_kind(array: npt.NDArray[Any], kind: str | None) -> Any:
    """An array as lists (None), as it is ("np") or as a Paddle tensor ("pd")."""
    if kind is None:
        return array.tolist()
    if kind == "np":
        return array
    import paddle

    return paddle.to_tensor(array)


def read_ids(value: Any, name: str) -> list[Any]:
    """Ids as Python integers, nested as they are in `value`: a number, a list, an array or a tensor.

    Raises:
        RequestError: they are no integers.
    """
    nested = value.tolist() if hasattr(value, "tolist") else value
    nested = nested if isinstance(nested, Sequence) and not isinstance(nested, str) else [nested]
    rows = [each.tolist() if hasattr(each, "tolist") else each for each in nested]
    flat = [token_id for row in rows for token_id in (row if isinstance(row, Sequence) else [row])]
    if not all(isinstance(token_id, int) for token_id in flat):
        raise RequestError(f"{name} holds what is no token id", param=name, remedy="give integers, in rows or alone")
    return rows


def read_matrix(value: Any, name: str) -> Int64Array:
    """Ids as [rows, columns]; one row where they are not in rows.

    Raises:
        RequestError: they are no integers, or the rows have different lengths.
    """
    rows = read_ids(value, name)
    rows = rows if rows and isinstance(rows[0], Sequence) else [rows]
    if len({len(row) if isinstance(row, Sequence) else -1 for row in rows}) != 1:
        raise RequestError(
            f"{name} has rows of different lengths", param=name, remedy="let the tokenizer pad them: padding=True"
        )
    return np.asarray(rows, np.int64)
