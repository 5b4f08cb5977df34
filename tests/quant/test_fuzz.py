"""Packed stores changed at random: they are refused, also where someone has made the header's checksum right again."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mutations import COUNTS, mutate_bytes, mutate_json, survive
from sampan import _native
from sampan.checkpoint.safetensors.header import LENGTH_BYTES
from sampan.quant.store_header import CHECKSUM_FIELD, NO_CHECKSUM
from sampan.quant.store_reader import open_store
from sampan.quant.store_writer import write_store
from tiny_checkpoints import QWEN, make_checkpoint


def with_checksum(header: bytes) -> bytes:
    """A header, its length included, with the checksum that it should have."""
    place = header.find(CHECKSUM_FIELD) + len(CHECKSUM_FIELD)
    blanked = header[:place] + NO_CHECKSUM.encode() + header[place + len(NO_CHECKSUM) :]
    checksum = f"{_native.crc32c(np.frombuffer(blanked, np.uint8)):08x}".encode()
    return header[:place] + checksum + header[place + len(NO_CHECKSUM) :]


@pytest.mark.parametrize("count", COUNTS)
def test_packed_store(tmp_path: Path, count: int) -> None:
    checkpoint = make_checkpoint(tmp_path / "model", replace(QWEN, num_hidden_layers=1))
    seeds = []
    for precision in ("int8", "int4"):
        write_store(tmp_path / "store", checkpoint, precision, "0" * 64)
        seeds.append((tmp_path / "store").read_bytes())

    def mutate(data: bytes, rng: random.Random) -> bytes:
        """The bytes of the file; or the header's JSON, or what its metadata say in JSON, with the right checksum."""
        end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
        choice = rng.random()
        if choice < 0.2:
            return mutate_bytes(data, rng)
        header = data[LENGTH_BYTES:end]
        if choice < 0.5:
            header = mutate_json(header, rng)
        else:
            items = json.loads(header)
            key = rng.choice(("formats", "config", "crc32c"))
            items["__metadata__"][key] = mutate_json(items["__metadata__"][key].encode(), rng).decode(
                "utf-8", "replace"
            )
            header = json.dumps(items, separators=(",", ":")).encode()
        return with_checksum(len(header).to_bytes(LENGTH_BYTES, "little") + header) + data[end:]

    survive(lambda path: open_store(path, threads=1), tmp_path / "store", seeds, mutate, count)
