"""Writes `.pdparams` files as `paddle.save` does (pickle protocol 4), tensor by tensor.

The pickle is written by hand: Python's own pickler would want all of the tensors in memory at once. It names numpy's
modules as numpy 1 does, which numpy 2 still understands.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sampan.checkpoint.dtypes import BY_NAME, Array, check_float_dtype
from sampan.checkpoint.pdparams_reader import ELEMENTS
from sampan.checkpoint.safetensors_writer import atomic_file, stored_as

CODES = {name: code for code, name in ELEMENTS.items()}

MARK, TUPLE, TUPLE1, TUPLE3, NONE, FALSE, TRUE = b"(", b"t", b"\x85", b"\x87", b"N", b"\x89", b"\x88"
EMPTY_DICT, SET_ITEM, REDUCE, BUILD, STOP = b"}", b"s", b"R", b"b", b"."
START = b"\x80\x04" + EMPTY_DICT
DTYPE_STATE = b"".join((b"K\x03", b"\x8c\x01<", NONE * 3, b"J\xff\xff\xff\xff" * 2, b"K\x00"))
EMPTY_ARRAY = b"".join(
    (b"cnumpy.core.multiarray\n_reconstruct\n", b"cnumpy\nndarray\n", b"K\x00", TUPLE1, b"C\x01b", TUPLE3, REDUCE)
)


def write_pdparams(path: str | Path, tensors: Mapping[str, Array], dtype: str = "bf16") -> None:
    """Writes a state dict, converting one tensor at a time.

    Args:
        tensors: floats, by name.
        dtype: how they are stored: `fp32`, `fp16` or `bf16` (nearest, ties to even), the last as uint16, like Paddle's.

    Raises:
        ConfigError: unknown `dtype`.
        CheckpointError: a tensor does not fit the type, or the file cannot be written; an older file then stays.
    """
    path = Path(path)
    check_float_dtype(dtype)
    with atomic_file(path) as file:
        file.write(START)
        for name, values in tensors.items():
            _write_item(file, name, stored_as(values, BY_NAME[dtype], f"{path}: tensor {name!r}"), CODES[dtype])
        file.write(STOP)


def _write_item(file: BinaryIO, name: str, stored: Array, code: str) -> None:
    text = name.encode()
    data = stored.reshape(-1).view(np.uint8).data
    file.write(b"X" + struct.pack("<I", len(text)) + text + EMPTY_ARRAY)
    file.write(MARK + b"K\x01" + MARK)
    for size in stored.shape:
        file.write(b"J" + struct.pack("<i", size))
    file.write(TUPLE + b"cnumpy\ndtype\n\x8c\x02" + code.encode() + FALSE + TRUE + TUPLE3 + REDUCE)
    file.write(MARK + DTYPE_STATE + TUPLE + BUILD + FALSE)
    file.write(b"\x8e" + struct.pack("<Q", len(data)))
    file.write(data)
    file.write(TUPLE + BUILD + SET_ITEM)
