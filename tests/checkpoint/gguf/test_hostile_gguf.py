"""GGUF files that lie or grow. Each is refused, fast and in little memory."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from pathlib import Path

import gguf
import numpy as np
import pytest

from gguf_files import write_out
from sampan.checkpoint.gguf.reader import GgufFile
from sampan.errors import CheckpointError

SECONDS = 5.0
MEGABYTES = 100


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def key(name: str, kind: int, value: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + value


def tensor(name: str = "w", sizes: tuple[int, ...] = (32,), kind: int = 0, offset: int = 0) -> bytes:
    return (
        text(name)
        + struct.pack("<I", len(sizes))
        + b"".join(struct.pack("<Q", size) for size in sizes)
        + struct.pack("<IQ", kind, offset)
    )


def file(
    keys: tuple[bytes, ...] = (),
    tensors: tuple[bytes, ...] = (tensor(),),
    data: bytes = bytes(128),
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    num_tensors: int | None = None,
    num_keys: int | None = None,
) -> bytes:
    counts = (len(tensors) if num_tensors is None else num_tensors, len(keys) if num_keys is None else num_keys)
    head = magic + struct.pack("<IQQ", version, *counts) + b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


HUGE = 2**64 - 1
FILES = {
    "empty": b"",
    "magic alone": b"GGUF",
    "another magic": file(magic=b"GGML"),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 1, 0) + bytes(200),
    "version 1": file(version=1),
    "version 4": file(version=4),
    "version of 2**32 - 1": file(version=2**32 - 1),
    "2**64 - 1 tensors": file(num_tensors=HUGE),
    "2**64 - 1 keys": file(num_keys=HUGE),
    "more tensors than there are": file(num_tensors=9),
    "more keys than there are": file(num_keys=9),
    "fewer tensors than there are": file(tensors=(tensor(), tensor("v", offset=128)), num_tensors=1, data=b""),
    "a name of 2**64 - 1": file(tensors=(struct.pack("<Q", HUGE),)),
    "a name of 1 TB": file(tensors=(struct.pack("<Q", 2**40),)),
    "a name that is not UTF-8": file(tensors=(tensor().replace(text("w"), text(b"\xff")),)),
    "a name of control characters": file(tensors=(tensor("w\n\x1b[31m"),)),
    "a name twice": file(tensors=(tensor(), tensor(offset=128)), data=bytes(256)),
    "a key twice": file((key("a", 4, bytes(4)), key("a", 4, bytes(4)))),
    "a key of an unknown type": file((key("a", 99, bytes(8)),)),
    "a text of 2**64 - 1": file((key("a", 8, struct.pack("<Q", HUGE)),)),
    "a text beyond the file": file((key("a", 8, struct.pack("<Q", 10**6)),)),
    "an array of 2**64 - 1": file((key("a", 9, struct.pack("<IQ", 4, HUGE)),)),
    "an array of 2**64 - 1 texts": file((key("a", 9, struct.pack("<IQ", 8, HUGE)),)),
    "an array beyond the file": file((key("a", 9, struct.pack("<IQ", 4, 10**6)),)),
    "an array of arrays": file((key("a", 9, struct.pack("<IQ", 9, 1) + struct.pack("<IQ", 9, 1)),)),
    "an array of an unknown type": file((key("a", 9, struct.pack("<IQ", 77, 1) + bytes(8)),)),
    "arrays of empty texts": file((key("a", 9, struct.pack("<IQ", 8, 1_999_999) + bytes(8 * 1000)),)),
    "many arrays": file(tuple(key(str(i), 9, struct.pack("<IQ", 0, 900_000) + bytes(900_000)) for i in range(4))),
    "alignment 0": file((key("general.alignment", 4, struct.pack("<I", 0)),)),
    "alignment of 4 GB": file((key("general.alignment", 4, struct.pack("<I", 2**32 - 1)),)),
    "alignment of text": file((key("general.alignment", 8, text("32")),)),
    "alignment of truth": file((key("general.alignment", 7, b"\x01"),)),
    "rank 0": file(tensors=(tensor(sizes=()),)),
    "rank 5": file(tensors=(tensor(sizes=(1, 1, 1, 1, 32)),)),
    "rank of 2**32 - 1": file(tensors=(text("w") + struct.pack("<I", 2**32 - 1),)),
    "a size of 2**64 - 1": file(tensors=(tensor(sizes=(HUGE,)),)),
    "sizes that overflow": file(tensors=(tensor(sizes=(2**32, 2**32)),)),
    "sizes that overflow to 32": file(tensors=(tensor(sizes=(2**62, 4, 8)),)),
    "zeros and much": file(tensors=(tensor(sizes=(0, HUGE)),)),
    "a type that is not known": file(tensors=(tensor(kind=999),)),
    "a type that is gone": file(tensors=(tensor(kind=4),)),
    "a type that is not read": file(tensors=(tensor(kind=16, sizes=(256,)),)),
    "rows of half blocks": file(tensors=(tensor(kind=8, sizes=(33,)),)),
    "rows of half blocks of 256": file(tensors=(tensor(kind=12, sizes=(128, 2)),)),
    "data beyond the file": file(tensors=(tensor(sizes=(10**9,)),)),
    "an offset beyond the file": file(tensors=(tensor(offset=2**40),)),
    "an offset of 2**64 - 32": file(tensors=(tensor(offset=2**64 - 32),)),
    "an offset that is not aligned": file(tensors=(tensor(offset=4),), data=bytes(256)),
    "tensors that overlap": file(tensors=(tensor("a"), tensor("b", offset=96)), data=bytes(512)),
    "tensors at one place": file(tensors=(tensor("a"), tensor("b")), data=bytes(512)),
    "one byte too few": file(data=bytes(127)),
}


def refused(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(CheckpointError) as caught:
            GgufFile(path)
        assert tracemalloc.get_traced_memory()[1] < len(data) + MEGABYTES * 2**20
    finally:
        tracemalloc.stop()
    assert time.process_time() - started < SECONDS
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", FILES)
def test_files_that_lie_are_refused(tmp_path: Path, name: str) -> None:
    refused(tmp_path / "m.gguf", FILES[name])


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("valid") / "m.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_token_list(["a", "b", "漢"])
    writer.add_token_types([1, 1, 3])
    writer.add_context_length(7)
    writer.add_tensor("a", np.arange(64, dtype=np.float32).reshape(2, 32))
    values = np.arange(256, dtype=np.float32).reshape(4, 64)
    writer.add_tensor("b", gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0),
                      raw_dtype=gguf.GGMLQuantizationType.Q8_0)  # fmt: skip
    write_out(writer)
    return path.read_bytes()


def test_what_is_valid_is_read(tmp_path: Path, valid: bytes) -> None:
    (tmp_path / "m.gguf").write_bytes(valid)
    read = GgufFile(tmp_path / "m.gguf")
    assert read.keys["tokenizer.ggml.tokens"] == ["a", "b", "漢"]
    assert read.names() == ["a", "b"]
    (tmp_path / "m.gguf").write_bytes(file())
    assert GgufFile(tmp_path / "m.gguf").names() == ["w"]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, valid: bytes) -> None:
    path = tmp_path / "m.gguf"
    padding = len(valid) - len(valid.rstrip(b"\0"))
    for size in range(0, len(valid) - padding, 7):
        path.write_bytes(valid[:size])
        with pytest.raises(CheckpointError):
            GgufFile(path)


@pytest.mark.parametrize("count", [2000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_changed_file_is_read_or_refused(tmp_path: Path, valid: bytes, count: int) -> None:
    path, rng = tmp_path / "m.gguf", random.Random(count)
    for _ in range(count):
        changed = bytearray(valid)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(changed))
            changed[at : at + rng.choice((1, 1, 1, 4, 8))] = rng.randbytes(rng.choice((1, 1, 1, 4, 8)))
        path.write_bytes(changed)
        try:
            read = GgufFile(path)
            for name in read.names():
                with np.errstate(all="ignore"):
                    assert read.get(name).nbytes <= 8 * len(changed)
        except CheckpointError:
            pass
