"""Writes `.pdparams` files as `paddle.save` does (pickle protocol 4), tensor by tensor.

The pickle is written by hand: Python's own pickler would want all of the tensors in memory at once. It names numpy's
modules as numpy 1 does, which numpy 2 still understands.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sampan.checkpoint.atomic import atomic_file
from sampan.checkpoint.dtypes import BY_NAME, check_float_dtype
from sampan.checkpoint.paddle.pdparams_reader import ELEMENTS
from sampan.checkpoint.pieces import Tensor, as_raw, pieces
from sampan.checkpoint.safetensors.writer import Report

CODES = {name: code for code, name in ELEMENTS.items()}

MARK, TUPLE, TUPLE1, TUPLE3, NONE, FALSE, TRUE = b"(", b"t", b"\x85", b"\x87", b"N", b"\x89", b"\x88"
EMPTY_DICT, SET_ITEM, REDUCE, BUILD, STOP = b"}", b"s", b"R", b"b", b"."
START = b"\x80\x04" + EMPTY_DICT
DTYPE_STATE = b"".join((b"K\x03", b"\x8c\x01<", NONE * 3, b"J\xff\xff\xff\xff" * 2, b"K\x00"))
EMPTY_ARRAY = b"".join(
    (b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"K\x00", TUPLE1, b"C\x01b", TUPLE3, REDUCE)
)


def write_pdparams(
    path: str | Path, tensors: Mapping[str, Tensor], dtype: str = "bf16", *, report: Report | None = None
) -> None:
    """Writes a state dict, converting piece by piece.

    Args:
        tensors: floats, by name.
        dtype: how they are stored: `fp32`, `fp16` or `bf16` (nearest, ties to even), the last as uint16, like Paddle's.
        report: is told of the bytes of each piece that is written.

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: a tensor does not fit the type, or the file cannot be written; an older file then stays.
    """
    path = Path(path)
    check_float_dtype(dtype)
    with atomic_file(path) as file:
        file.write(START)
        for name, tensor in tensors.items():
            what = f"{path}: tensor {name!r}"
            raw = as_raw(tensor, what)
            file.write(_before(name, raw.shape, dtype))
            for piece in pieces(raw, BY_NAME[dtype], what):
                file.write(piece.reshape(-1).view(np.uint8).data)
                if report is not None:
                    report(piece.nbytes)
            file.write(TUPLE + BUILD + SET_ITEM)
        file.write(STOP)


def _before(name: str, shape: tuple[int, ...], dtype: str) -> bytes:
    """The instructions of an item, up to its elements."""
    text = name.encode()
    num_bytes = math.prod(shape) * BY_NAME[dtype].storage.itemsize
    return b"".join(
        (
            b"X" + struct.pack("<I", len(text)) + text + EMPTY_ARRAY,
            MARK + b"K\x01" + MARK,
            *(b"J" + struct.pack("<i", size) for size in shape),
            TUPLE + b"cnumpy\ndtype\n\x8c\x02" + CODES[dtype].encode() + FALSE + TRUE + TUPLE3 + REDUCE,
            MARK + DTYPE_STATE + TUPLE + BUILD + FALSE,
            b"\x8e" + struct.pack("<Q", num_bytes),
        )
    )
