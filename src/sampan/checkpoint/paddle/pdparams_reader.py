"""One `.pdparams` file: what `paddle.save` writes of a state dict, read without unpickling it.

::

    {"NAME": numpy array, ..., "StructuredToParameterName@@": {"NAME": Paddle's own name}}

Paddle stores bfloat16 as uint16, in which weights have no other use. A state dict nested in others holds a pair
(Paddle's own name, array) for each tensor. Protocols 2 and 3 cut arrays of a gigabyte or more into parts, which
"UnpackBigParamInfor@@" lists.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from sampan.checkpoint.base import RawTensor, widened
from sampan.checkpoint.dtypes import BY_NAME, Array, DType, Float32Array, is_shape
from sampan.checkpoint.mapped_file import MappedFile, damaged
from sampan.checkpoint.paddle.pickle_values import REFUSED, PickleReader, Span, StoredArray
from sampan.errors import CheckpointError

NAME_TABLE = "StructuredToParameterName@@"
PART_TABLE = "UnpackBigParamInfor@@"
ELEMENTS = {
    "f8": "fp64",
    "f4": "fp32",
    "f2": "fp16",
    "u2": "bf16",
    "i8": "int64",
    "i4": "int32",
    "i2": "int16",
    "i1": "int8",
    "u1": "uint8",
    "b1": "bool",
}


class PdparamsFile:
    """A `.pdparams` file. It may be read by several threads.

    Raises:
        CheckpointError: the file is absent, unreadable, damaged, no state dict, or would run something when unpickled.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = MappedFile(path)
        items = self._read_items()
        self._parts = self._read_parts(items.pop(PART_TABLE, {}), items)
        self._values = {self._name(name): self._array(name, value) for name, value in items.items()}
        self._dtypes = {name: self._check(name) for name in self._values}
        for name in self._parts:
            self._check_parts(name)
        hidden = {part for parts in self._parts.values() for part in parts[1]}
        self._names = dict.fromkeys(name for name in (*self._values, *self._parts) if name not in hidden)
        self._last: tuple[str, Array] | None = None
        self._lock = RLock()

    def names(self) -> Sequence[str]:
        """Names of all tensors, in the order of the file."""
        return list(self._names)

    def get(self, name: str) -> Float32Array:
        """See `Checkpoint.get`."""
        return widened(self.raw(name), name)

    def raw(self, name: str) -> RawTensor:
        """See `Checkpoint.raw`; what the file does not hold in one piece is put together."""
        if name not in self._names:
            raise CheckpointError(f"{self.path} holds no tensor {name!r}", remedy="check the name")
        if name in self._parts:
            shape, parts = self._parts[name]
            return RawTensor(
                self._dtypes[parts[0]].name, shape, lambda b, e: self._joined(name).reshape(shape)[b:e], self.path
            )
        array = self._values[name]

        def rows(begin: int, end: int) -> Array:
            flat = self._elements(name)
            shaped = flat.reshape(array.shape[::-1]).T if array.is_fortran else flat.reshape(array.shape)
            return shaped[begin:end] if array.shape else shaped

        return RawTensor(self._dtypes[name].name, array.shape, rows, self.path)

    def coded(self, name: str) -> None:
        """See `Checkpoint.coded`: files of this form hold no such tensors."""

    # ---- what the file says, checked once

    def _read_items(self) -> dict[Any, Any]:
        with memoryview(self._file.mapped()) as data:
            root = PickleReader(data, str(self.path)).read()
        if not isinstance(root, dict):
            raise CheckpointError(f"{self.path} holds a {type(root).__name__}, not a state dict", remedy=REFUSED)
        root.pop(NAME_TABLE, None)
        return root

    def _name(self, name: object) -> str:
        if not isinstance(name, str) or not name.isprintable():
            raise CheckpointError(f"{self.path}: {reprlib.repr(name)} is no tensor's name", remedy=REFUSED)
        return name

    def _array(self, name: object, value: Any) -> StoredArray:
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
            value = value[1]
        if not isinstance(value, StoredArray) or value.data is None:
            raise CheckpointError(
                f"{self.path}: {reprlib.repr(name)} is a {type(value).__name__}, not a tensor",
                remedy="save the model's state dict alone",
            )
        return value

    def _check(self, name: str) -> DType:
        array = self._values[name]
        element, shape, data = array.element, array.shape, array.data
        where = f"tensor {name!r}"
        if element is None or element.code not in ELEMENTS or (element.order == ">" and element.code[1:] != "1"):
            raise damaged(str(self.path), f"{where} has elements of a kind that is not read")
        dtype = BY_NAME[ELEMENTS[element.code]]
        if not is_shape(shape):
            raise damaged(str(self.path), f"{where} has the impossible shape {reprlib.repr(shape)}")
        size = math.prod(shape) * dtype.storage.itemsize
        stored = data.end - data.begin if isinstance(data, Span) else len(data or b"")
        # Text takes one byte for a character below 128 and two above; exactly how many is known once it is decoded.
        fits = size <= stored <= 2 * size if isinstance(data, Span) and data.is_text else stored == size
        if not fits:
            raise damaged(str(self.path), f"{where} of shape {list(shape)} and {dtype.name} has {stored} bytes")
        return dtype

    def _read_parts(self, table: object, others: Container[Any]) -> dict[str, tuple[tuple[int, ...], list[str]]]:
        """Whole name -> its shape and the names of its parts."""
        parts = {}
        for name, item in table.items() if isinstance(table, dict) else [(None, None)]:
            match item:
                case {"OriginShape": tuple() as shape, "slices": [str(), *_] as slices} if name not in others and len(
                    set(map(str, slices))
                ) == len(slices):
                    parts[self._name(name)] = shape, slices
                case _:
                    raise damaged(str(self.path), f"{PART_TABLE} is odd")
        return parts

    def _check_parts(self, name: str) -> None:
        shape, parts = self._parts[name]
        known = [part for part in parts if part in self._values]
        kinds = {self._dtypes[part].name for part in known}
        total = sum(math.prod(self._values[part].shape) for part in known)
        if len(known) != len(parts) or len(kinds) != 1 or not is_shape(shape) or math.prod(shape) != total:
            raise damaged(str(self.path), f"the parts of tensor {name!r} do not make up its shape")

    # ---- elements

    def _elements(self, name: str) -> Array:
        array, dtype = self._values[name], self._dtypes[name]
        count, data = math.prod(array.shape), array.data
        if not isinstance(data, Span):
            self._file.check_unchanged()
            return np.frombuffer(data or b"", dtype.storage)
        if not data.is_text:
            return np.frombuffer(self._file.mapped(), dtype.storage, count=count, offset=data.begin)
        return self._kept(name, lambda: self._decode(name, data, dtype, count))

    def _joined(self, name: str) -> Array:
        return self._kept(name, lambda: np.concatenate([self._elements(part) for part in self._parts[name][1]]))

    def _kept(self, name: str, make: Callable[[], Array]) -> Array:
        """What had to be made, kept until the next one is: a packer asks for a tensor once for each piece of it."""
        with self._lock:
            if self._last is None or self._last[0] != name:
                self._last = None
                self._last = name, make()
            return self._last[1]

    def _decode(self, name: str, data: Span, dtype: DType, count: int) -> Array:
        try:
            decoded = self._file.read(data.end - data.begin, data.begin).decode().encode("latin-1")
        except ValueError:
            decoded = b""
        if len(decoded) != count * dtype.storage.itemsize:
            raise damaged(str(self.path), f"tensor {name!r} does not hold the bytes that it says")
        return np.frombuffer(decoded, dtype.storage)
