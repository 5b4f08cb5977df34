"""What a GGUF file says before its tensors, read as if an enemy had written it.

::

    "GGUF", version u32 (2 or 3), number of tensors u64, number of keys u64
    for each key:     text, type u32, value
    for each tensor:  name text, rank u32, sizes u64 (the fastest first), type u32, offset u64
    zeros up to a multiple of general.alignment (32 where that key is absent)
    the tensors, each at its offset from here, aligned likewise

A text is its length u64 and UTF-8; an array its elements' type u32, their number u64, and they. All is little-endian.
Source: docs/gguf.md of ggml.
"""

from __future__ import annotations

import math
import reprlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.checkpoint.cursor import Cursor
from sampan.checkpoint.dtypes import BY_NAME, DType, is_shape
from sampan.checkpoint.gguf.blocks import BLOCK_TYPES, BlockType
from sampan.errors import CheckpointError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_TENSORS = 16_384
MAX_KEYS = 4_096
MAX_TEXT_BYTES = 4 << 20  # a chat template
MAX_ELEMENTS = 2_000_000  # of all arrays together; a vocabulary and its merges have 300,000 to 600,000
MAX_TEXTS_BYTES = 64 << 20  # of all texts in arrays together
MAX_ALIGNMENT = 65_536

NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 10: "<Q", 11: "<q", 12: "<d"}
BOOL, TEXT, ARRAY = 7, 8, 9
FLOATS = {0: "fp32", 1: "fp16", 30: "bf16"}


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor. `begin` counts from the start of the file; `shape` has the slowest axis first."""

    shape: tuple[int, ...]
    stored: DType | BlockType
    begin: int


class GgufHeader(Cursor):
    """Keys and tensors of a file.

    Args:
        data: the file.
        source: its name, for messages.

    Raises:
        CheckpointError: the file is no GGUF, contradicts itself, or holds a type that is not read.
    """

    def __init__(self, data: memoryview, source: str) -> None:
        super().__init__(data, source)
        self._elements_left, self._text_left = MAX_ELEMENTS, MAX_TEXTS_BYTES
        if bytes(data[:4]) != MAGIC:
            self._fail("not a GGUF file")
        self._at = 4
        version = self._number("<I")
        if version not in VERSIONS:
            self._fail(f"GGUF version {version} is not read, only {VERSIONS[0]} and {VERSIONS[1]}")
        num_tensors, num_keys = self._number("<Q"), self._number("<Q")
        if num_tensors > MAX_TENSORS or num_keys > MAX_KEYS:
            self._fail(f"{num_tensors} tensors and {num_keys} keys are more than any model has")
        self.keys: Mapping[str, Any] = self._read_keys(num_keys)
        self.tensors: Mapping[str, GgufTensor] = self._read_tensors(num_tensors)

    def _number(self, form: str) -> Any:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _text(self) -> str:
        size = self._number("<Q")
        if size > MAX_TEXT_BYTES:
            self._fail(f"a text of {size} bytes")
        return self._decoded(self._take(size))

    def _read_keys(self, count: int) -> dict[str, Any]:
        keys: dict[str, Any] = {}
        for _ in range(count):
            name = self._text()
            if name in keys:
                self._fail(f"the key {reprlib.repr(name)} is there twice")
            keys[name] = self._value(self._number("<I"))
        return keys

    def _value(self, kind: int) -> Any:
        if kind in NUMBERS:
            return self._number(NUMBERS[kind])
        if kind == BOOL:
            return self._number("<B") != 0
        if kind == TEXT:
            return self._text()
        if kind == ARRAY:
            return self._array(self._number("<I"), self._number("<Q"))
        self._fail(f"a value of the unknown type {kind}")

    def _array(self, kind: int, count: int) -> list[Any]:
        if count > self._elements_left:
            self._fail(f"an array of {count} elements")
        self._elements_left -= count
        if kind in NUMBERS:
            form = NUMBERS[kind]
            return list(struct.unpack(f"<{count}{form[1:]}", self._take(count * struct.calcsize(form))))
        if kind == BOOL:
            return [value != 0 for value in self._take(count)]
        if kind != TEXT:
            self._fail(f"an array of the type {kind}")
        begin = self._at
        texts = []
        for _ in range(count):
            texts.append(self._text())
            if self._at - begin > self._text_left:
                self._fail(f"more than {MAX_TEXTS_BYTES} bytes of texts")
        self._text_left -= self._at - begin
        return texts

    def _read_tensors(self, count: int) -> dict[str, GgufTensor]:
        stated: dict[str, tuple[tuple[int, ...], DType | BlockType, int]] = {}
        for _ in range(count):
            name = self._text()
            if name in stated or not name.isprintable():
                self._fail(f"{reprlib.repr(name)} is no name of a tensor, or is there twice")
            rank = self._number("<I")
            sizes = tuple(self._number("<Q") for _ in range(rank)) if rank <= 4 else ()
            if not 1 <= rank <= 4 or not is_shape(sizes):
                self._fail(f"tensor {name!r} has the impossible shape {reprlib.repr(sizes)}")
            kind = self._number("<I")
            stated[name] = sizes[::-1], self._stored(name, kind), self._number("<Q")
        return self._place(stated)

    def _stored(self, name: str, kind: int) -> DType | BlockType:
        if kind in FLOATS:
            return BY_NAME[FLOATS[kind]]
        if kind not in BLOCK_TYPES:
            known = ", ".join(("F32", "F16", "BF16", *(block.name for block in BLOCK_TYPES.values())))
            raise CheckpointError(
                f"{self._source}: tensor {name!r} is of ggml's type {kind}, which is not read",
                remedy=f"use a file in {known}",
            )
        return BLOCK_TYPES[kind]

    def _place(self, stated: Mapping[str, tuple[tuple[int, ...], DType | BlockType, int]]) -> dict[str, GgufTensor]:
        alignment = self.keys.get("general.alignment", 32)
        if type(alignment) is not int or not 1 <= alignment <= MAX_ALIGNMENT:
            self._fail(f"general.alignment={reprlib.repr(alignment)}")
        start = -(-self._at // alignment) * alignment
        tensors: dict[str, GgufTensor] = {}
        end = start
        for name, (shape, stored, offset) in sorted(stated.items(), key=lambda item: item[1][2]):
            begin = start + offset
            if begin < end or offset % alignment:
                self._fail(f"tensor {name!r} overlaps the one before it, or is not aligned")
            end = begin + self._num_bytes(name, shape, stored)
            if end > len(self._data):
                self._fail(f"truncated: {end - len(self._data)} bytes of tensor {name!r} are missing")
            tensors[name] = GgufTensor(shape, stored, begin)
        return tensors

    def _num_bytes(self, name: str, shape: tuple[int, ...], stored: DType | BlockType) -> int:
        if isinstance(stored, DType):
            return math.prod(shape) * stored.storage.itemsize
        if shape[-1] % stored.num_values:
            self._fail(f"tensor {name!r}: rows of {shape[-1]} values are no whole blocks of {stored.name}")
        return math.prod(shape) // stored.num_values * stored.num_bytes
