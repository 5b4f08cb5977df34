"""Readings of the machine's limits. Sanity only: a shared machine promises nothing more."""

from pathlib import Path

import pytest

from sampan.backends import native
from sampan.bench import limits as module
from sampan.bench.limits import MIN_BUFFER, LimitReader, choose_buffer_bytes
from sampan.bench.work import Limits
from sampan.machine import Memory

MIB = 2**20
SECONDS = 0.002


@pytest.mark.parametrize("isa", native.supported_isas())
@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_every_reading_is_positive(isa: str, num_threads: int) -> None:
    meter = native.LimitMeter(num_threads, 3 * MIB + 1, isa)
    assert all(reading(SECONDS) > 0 for reading in (meter.read, meter.int8, meter.fp32))


@pytest.mark.skipif("avx2" not in native.supported_isas(), reason="this machine has no AVX2")
def test_vectors_multiply_faster_than_scalars() -> None:
    def best(isa: str) -> tuple[float, float]:
        meter = native.LimitMeter(1, MIB, isa)
        return max(meter.int8(SECONDS) for _ in range(5)), max(meter.fp32(SECONDS) for _ in range(5))

    generic, avx2 = best("generic"), best("avx2")
    assert generic[0] < avx2[0]
    assert generic[1] < avx2[1]


@pytest.mark.parametrize(("num_threads", "num_bytes"), [(0, MIB), (-1, MIB), (1, 0)])
def test_nonsense_is_refused(num_threads: int, num_bytes: int) -> None:
    with pytest.raises(ValueError, match="must be at least 1"):
        native.LimitMeter(num_threads, num_bytes)


def test_the_best_reading_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(3e9, 10e9, 5e9), (4e9, 8e9, 5e9), (1e9, 9e9, 7e9)])

    class Meter:
        def __init__(self, num_threads: int, buffer_bytes: int) -> None:
            assert num_threads == 2

        def read(self, seconds: float) -> float:
            read, self._int8, self._fp32 = next(readings)
            return read

        def int8(self, seconds: float) -> float:
            return self._int8

        def fp32(self, seconds: float) -> float:
            return self._fp32

    monkeypatch.setattr(module, "LimitMeter", Meter)
    monkeypatch.setattr(module, "NUM_READINGS", 1)
    reader = LimitReader(2)
    assert reader.limits == Limits(3.0, 10.0, 5.0)  # taken at once
    reader.read()
    reader.read()
    assert reader.limits == Limits(4.0, 10.0, 7.0)


@pytest.mark.parametrize(
    ("text", "available", "expected"),
    [
        ("32768K\n", 2**40, 256 * MIB),
        ("65536K\n", 2**40, 512 * MIB),
        ("8192K\n", 2**40, MIN_BUFFER),
        ("65536K\n", 2**30, 256 * MIB),
        ("a lot\n", 2**40, MIN_BUFFER),
        (None, 2**40, MIN_BUFFER),
    ],
)
def test_the_buffer_is_larger_than_the_cache_and_smaller_than_the_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, available: int, expected: int
) -> None:
    monkeypatch.setattr(module, "read_memory", lambda: Memory(2**40, available))
    file = tmp_path / "size"
    if text is not None:
        file.write_text(text)
    assert choose_buffer_bytes(file) == expected
