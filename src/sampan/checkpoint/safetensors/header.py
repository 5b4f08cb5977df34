"""The header of a safetensors file (format: README of huggingface/safetensors), read as if an enemy had written it.

::

    8 bytes   length N of the header, unsigned, little-endian
    N bytes   JSON: {"NAME": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [BEGIN, END]}, ..., "__metadata__": {}}
    the rest  the tensors, row-major, without overlap or gap; offsets count from here
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sampan.checkpoint.dtypes import BY_CODE, DType, is_shape
from sampan.checkpoint.mapped_file import damaged
from sampan.strict_json import parse_json_object

LENGTH_BYTES = 8
# The format allows 100 MB. Parsing takes up to 25 times the header's size in memory, and the largest model that
# `ModelConfig` admits needs less than 2 MB.
MAX_HEADER_BYTES = 4_000_000
MAX_NAME_CHARS = 512

# Tensor data starts at a multiple of this, so that an mmap of our own files is aligned for every vector instruction.
ALIGNMENT = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a header. `begin` and `end` count bytes from the start of the tensor data."""

    dtype: DType
    shape: tuple[int, ...]
    begin: int
    end: int


def check_length(length: int, file_size: int, source: str) -> None:
    """Checks the header length against the file before anything of that size is read.

    Raises:
        CheckpointError: the header does not fit the file or the limit; names `source`.
    """
    if length > file_size - LENGTH_BYTES:
        raise damaged(source, f"truncated, or not safetensors: a header of {length} bytes in a file of {file_size}")
    if length > MAX_HEADER_BYTES:
        raise damaged(source, f"header of {length} bytes is too large, at most {MAX_HEADER_BYTES} are read")


def parse_header(header: bytes, data_size: int, source: str) -> tuple[dict[str, Entry], dict[str, str]]:
    """Entries by name, and the metadata. All entries together cover exactly the `data_size` bytes behind the header.

    Raises:
        CheckpointError: anything that the format forbids; names `source` and, where there is one, the tensor.
    """
    if not header.startswith(b"{"):
        raise damaged(source, "not a safetensors file: the header does not start with '{'")
    items = parse_json_object(header, f"{source}: the header")
    metadata = items.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise damaged(source, "__metadata__ is not a map of text to text")
    entries = {name: _parse_entry(name, item, source) for name, item in items.items()}
    _check_layout(entries, data_size, source)
    return entries, metadata


def _parse_entry(name: str, item: Any, source: str) -> Entry:
    if len(name) > MAX_NAME_CHARS:
        raise damaged(source, f"tensor name {reprlib.repr(name)} is longer than {MAX_NAME_CHARS} characters")
    where = f"tensor {name!r}"
    if not isinstance(item, dict) or item.keys() != {"dtype", "shape", "data_offsets"}:
        raise damaged(source, f"{where} needs exactly dtype, shape and data_offsets")
    code, shape, offsets = item["dtype"], item["shape"], item["data_offsets"]
    dtype = BY_CODE.get(code) if isinstance(code, str) else None
    if dtype is None:
        raise damaged(source, f"{where} has the unknown dtype {reprlib.repr(code)}")
    if not isinstance(shape, list) or not is_shape(shape):
        raise damaged(source, f"{where} has the impossible shape {reprlib.repr(shape)}")
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise damaged(source, f"{where} has the impossible data_offsets {reprlib.repr(offsets)}")
    begin, end = offsets
    if math.prod(shape) * dtype.storage.itemsize != end - begin:
        raise damaged(source, f"{where} of shape {reprlib.repr(shape)} and dtype {code} does not fill its data_offsets")
    return Entry(dtype, tuple(shape), begin, end)


def _are_counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_layout(entries: Mapping[str, Entry], data_size: int, source: str) -> None:
    end = 0
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
        if entry.end > data_size:
            raise damaged(source, f"truncated: {entry.end - data_size} bytes of tensor {name!r} are missing")
        if entry.begin != end:
            what = "overlaps" if entry.begin < end else "leaves a gap behind"
            raise damaged(source, f"tensor {name!r} {what} the one before it")
        end = entry.end
    if end != data_size:
        raise damaged(source, f"{data_size - end} bytes at the end belong to no tensor")


def build_header(entries: Mapping[str, Entry], metadata: Mapping[str, str]) -> bytes:
    """Length and header of a file that holds `entries`, padded with blanks so that the tensor data is aligned."""
    items: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    for name, entry in entries.items():
        items[name] = {"dtype": entry.dtype.code, "shape": list(entry.shape), "data_offsets": [entry.begin, entry.end]}
    text = json.dumps(items, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-(LENGTH_BYTES + len(text)) % ALIGNMENT)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text
