"""CRC-32C: the published values, the same on every instruction set, and pieces put together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan import _native

ISAS = _native.supported_isas()
STREAMS = 3 * 16384  # bytes that the tuned version takes in one go


def crc32c(data: bytes | npt.NDArray[np.uint8], crc: int = 0, isa: str | None = None) -> int:
    return _native.crc32c(np.frombuffer(data, np.uint8), crc, isa)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (bytes([255] * 32), 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
    ],
)
def test_published_values(isa: str, data: bytes, expected: int) -> None:
    """The catalogue's check value, and RFC 3720, appendix B.4."""
    assert crc32c(data, isa=isa) == expected


@pytest.mark.parametrize("isa", ISAS[1:])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, STREAMS - 1, STREAMS, STREAMS + 1, 3 * STREAMS + 12345])
@pytest.mark.parametrize("offset", [0, 1, 5])
def test_every_isa_agrees_with_generic(isa: str, size: int, offset: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size + offset, dtype=np.uint8)[offset:]
    assert crc32c(data, 77, isa) == crc32c(data, 77, "generic")


@given(first=st.binary(max_size=300), second=st.binary(max_size=300))
def test_pieces_make_the_whole(first: bytes, second: bytes) -> None:
    whole = crc32c(first + second)
    assert crc32c(second, crc32c(first)) == whole
    assert _native.crc32c_combine(crc32c(first), crc32c(second), len(second)) == whole


def test_long_pieces_make_the_whole() -> None:
    data = np.random.default_rng(0).integers(0, 256, 5_000_000, dtype=np.uint8)
    parts = data[:1_234_567], data[1_234_567:]
    combined = _native.crc32c_combine(crc32c(parts[0]), crc32c(parts[1]), len(parts[1]))
    assert combined == crc32c(data)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_ranges_are_shared_out_among_threads(threads: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, 1000, np.uint8)
    ranges = [(0, 1000), (0, 0), (17, 19), (999, 1000), (500, 733)]
    expected = [_native.crc32c(data[begin:end]) for begin, end in ranges]
    assert _native.crc32c_ranges(data, ranges, threads) == expected
    assert _native.crc32c_ranges(data, [], threads) == []


@pytest.mark.parametrize("wrong", [(-1, 3), (3, 2), (0, 11)])
def test_ranges_that_lie_outside_are_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="outside"):
        _native.crc32c_ranges(np.zeros(10, np.uint8), [(0, 10), wrong], 2)
