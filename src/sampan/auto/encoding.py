"""What a tokenizer hands out: rows of ids, padded to a matrix where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sampan.auto.tensors import as_kind, check_kind, is_paddle
from sampan.errors import RequestError

SIDES = ("left", "right")


class BatchEncoding(dict[str, Any]):
    """`input_ids` and `attention_mask`, by key or by attribute. `model.generate(**encoding)` takes it."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the encoding has no {name!r}, only {', '.join(self)}") from None

    def to(self, device: Any) -> BatchEncoding:
        """Moves its Paddle tensors; arrays and lists stay where they are."""
        for name, value in self.items():
            if is_paddle(value):
                self[name] = value.to(device)
        return self


def check_side(side: str, name: str) -> str:
    """Checks a side.

    Raises:
        RequestError: it is neither `left` nor `right`.
    """
    if side not in SIDES:
        raise RequestError(f"{name}={side!r} is not known", param=name, remedy="use 'left' or 'right'")
    return side


def truncated(row: list[int], length: int | None, side: str) -> list[int]:
    """At most `length` ids; `side` is the one that loses some."""
    if length is None or len(row) <= length:
        return row
    return row[:length] if side == "right" else row[len(row) - length :]


def encode_rows(
    rows: Sequence[list[int]],
    *,
    pad_to: int | None,
    pad_token_id: int | None,
    padding_side: str,
    return_tensors: str | None,
) -> BatchEncoding:
    """Rows of ids with their masks, which are 1 where a token is and 0 where padding is.

    Args:
        pad_to: the length to fill up to; None pads nothing.

    Raises:
        RequestError: rows of different lengths cannot be a tensor, or there is no token to pad with.
    """
    check_kind(return_tensors)
    lengths = [len(row) if pad_to is None else max(len(row), pad_to) for row in rows]
    fills = [length - len(row) for length, row in zip(lengths, rows, strict=True)]
    if any(fills) and pad_token_id is None:
        raise RequestError(
            "the tokenizer has no token to pad with", param="padding", remedy="set tokenizer.pad_token first"
        )
    ids, masks = [], []
    for row, fill in zip(rows, fills, strict=True):
        padding, mask = [pad_token_id or 0] * fill, [0] * fill
        left = padding_side == "left"
        ids.append(padding + row if left else row + padding)
        masks.append(mask + [1] * len(row) if left else [1] * len(row) + mask)
    if return_tensors is None:
        return BatchEncoding(input_ids=ids, attention_mask=masks)
    if len(set(lengths)) > 1:
        raise RequestError(
            "texts of different lengths make no tensor", param="return_tensors", remedy="pad them: padding=True"
        )
    shape = (len(rows), lengths[0] if lengths else 0)
    return BatchEncoding(
        input_ids=as_kind(np.array(ids, np.int64).reshape(shape), return_tensors),
        attention_mask=as_kind(np.array(masks, np.int64).reshape(shape), return_tensors),
    )
