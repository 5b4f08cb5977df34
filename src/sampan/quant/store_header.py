"""The header of a packed store, which is that of a safetensors file with this metadata:

`header_crc32c`   of everything before the tensor data, taken with eight zeros in this place
`layout`          `LAYOUT`; a file of another layout is refused
`precision`       what was asked for
`formats`         the format of each matrix, JSON
`config`          the model's configuration, JSON
`source`          SHA-256 of what the store was made from
`crc32c`          of each tensor, JSON
`requantised`     what was lost where weights were quantised already, JSON

Checksums find damage; they are no proof against someone who changes the file on purpose. What a file states is believed
only where it is what Sampan would write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sampan import _native
from sampan.checkpoint.safetensors.header import LENGTH_BYTES, Entry, build_header, parse_header
from sampan.config import ModelConfig
from sampan.errors import CheckpointError
from sampan.quant.layout import LAYOUT, PRECISIONS, choose_formats, lay_out, parts_of
from sampan.quant.requantised import Requantised
from sampan.strict_json import parse_json_object

CHECKSUM_FIELD = b'"header_crc32c":"'
NO_CHECKSUM = "0" * 8
CHECKSUM = re.compile("[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class StoreHeader:
    """What stands before the tensors; `checksums` has the CRC-32C of each of `entries`."""

    config: ModelConfig
    precision: str
    formats: dict[str, str]
    source: str
    entries: dict[str, Entry]
    checksums: dict[str, int]
    requantised: tuple[Requantised, ...] = ()

    def to_bytes(self) -> bytes:
        """The header as it is stored; its length depends neither on the checksums nor on the errors."""
        metadata = {
            "header_crc32c": NO_CHECKSUM,
            "layout": LAYOUT,
            "precision": self.precision,
            "formats": json.dumps(self.formats),
            "config": json.dumps(self.config.to_dict()),
            "source": self.source,
            "requantised": json.dumps([each.to_dict() for each in self.requantised]),
            "crc32c": json.dumps({name: f"{checksum:08x}" for name, checksum in self.checksums.items()}),
        }
        header = build_header(self.entries, metadata)
        return build_header(self.entries, {**metadata, "header_crc32c": _checksum(header)})


def read_header(header: bytes, data_size: int, source: str) -> StoreHeader:
    """Checks a header, its eight bytes of length included, and what it says about `data_size` bytes of tensors.

    Raises:
        CheckpointError: it is damaged or not one of this layout; names `source`.
        ConfigError: it states an impossible configuration or precision.
    """
    entries, metadata = parse_header(header[LENGTH_BYTES:], data_size, source)
    if metadata.get("layout") != LAYOUT:
        raise CheckpointError(f"{source} is no packed store of the layout {LAYOUT}")
    if metadata.get("header_crc32c") != _checksum(header):
        raise CheckpointError(f"{source} is damaged: the checksum of its header is wrong")

    def parsed(key: str) -> dict[str, object]:
        return parse_json_object(metadata.get(key, "").encode(), f"{source}: {key}")

    config = ModelConfig.from_dict(parsed("config"), source=source)
    precision = metadata.get("precision", "")
    formats, checksums = _texts(parsed("formats")), _texts(parsed("crc32c"))
    if formats.keys() != choose_formats(config, precision).keys() or not set(formats.values()) <= set(PRECISIONS):
        raise CheckpointError(f"{source}: the formats are not those of its matrices")
    if entries != lay_out(parts_of(config, formats)) or checksums.keys() != entries.keys():
        raise CheckpointError(f"{source}: the tensors are not those of its configuration")
    if not all(CHECKSUM.fullmatch(checksum) for checksum in checksums.values()):
        raise CheckpointError(f"{source}: a checksum is none")
    numbers = {name: int(checksums[name], 16) for name in entries}
    requantised = _read_requantised(metadata.get("requantised", "[]"), source)
    return StoreHeader(config, precision, formats, metadata.get("source", ""), entries, numbers, requantised)


def _read_requantised(text: str, source: str) -> tuple[Requantised, ...]:
    try:
        return tuple(Requantised.from_dict(item) for item in json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{source}: what was quantised for the second time is not readable") from error


def _texts(data: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in data.items()}


def _checksum(header: bytes) -> str:
    """CRC-32C of a header with its own checksum blanked out, as eight hexadecimal digits."""
    place = header.find(CHECKSUM_FIELD) + len(CHECKSUM_FIELD)
    blanked = header[:place] + NO_CHECKSUM.encode() + header[place + len(NO_CHECKSUM) :]
    return f"{_native.crc32c(np.frombuffer(blanked, np.uint8)):08x}"
