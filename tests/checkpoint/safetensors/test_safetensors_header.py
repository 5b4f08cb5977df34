from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.checkpoint.dtypes import BY_CODE
from sampan.checkpoint.safetensors.header import (
    ALIGNMENT,
    LENGTH_BYTES,
    MAX_HEADER_BYTES,
    Entry,
    build_header,
    check_length,
    parse_header,
)
from sampan.errors import CheckpointError


def item(dtype: Any = "F32", shape: Any = (2, 3), data_offsets: Any = (0, 24)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": data_offsets}


def parse(items: Any, data_size: int = 24) -> tuple[dict[str, Entry], dict[str, str]]:
    return parse_header(json.dumps(items).encode(), data_size, "w.safetensors")


def test_reads_entries_and_metadata() -> None:
    items = {"__metadata__": {"format": "pt"}, "b": item(data_offsets=[4, 28]), "a": item("BF16", [1, 2], [0, 4])}
    entries, metadata = parse(items, data_size=28)
    assert entries == {
        "b": Entry(BY_CODE["F32"], (2, 3), 4, 28),
        "a": Entry(BY_CODE["BF16"], (1, 2), 0, 4),
    }
    assert metadata == {"format": "pt"}


def test_scalars_and_empty_tensors_are_tensors() -> None:
    entries, _ = parse({"scalar": item("U8", [], [0, 1]), "empty": item("I64", [0, 5], [1, 1])}, data_size=1)
    assert entries["scalar"].shape == ()
    assert entries["empty"].shape == (0, 5)


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([], "not a safetensors file"),
        ({"__metadata__": {"n": 1}, "a": item()}, "__metadata__ is not a map of text to text"),
        ({"__metadata__": [], "a": item()}, "__metadata__ is not a map of text to text"),
        ({"a": 3}, "tensor 'a' needs exactly"),
        ({"a": {"dtype": "F32", "shape": [2, 3]}}, "tensor 'a' needs exactly"),
        ({"a": {**item(), "strides": [3, 1]}}, "tensor 'a' needs exactly"),
        ({"a": item(dtype="F31")}, "unknown dtype 'F31'"),
        ({"a": item(dtype=["F32"])}, "unknown dtype"),
        ({"a": item(shape=6)}, "impossible shape 6"),
        ({"a": item(shape=[2, -3])}, "impossible shape"),
        ({"a": item(shape=[2.0, 3])}, "impossible shape"),
        ({"a": item(shape=[True, 6])}, "impossible shape"),
        ({"a": item(shape=[1] * 7 + [2, 3])}, "impossible shape"),
        ({"a": item(shape=[0, 10**30], data_offsets=[0, 0])}, "impossible shape"),
        ({"a": item(data_offsets=[0])}, "impossible data_offsets"),
        ({"a": item(data_offsets=[24, 0])}, "impossible data_offsets"),
        ({"a": item(data_offsets=[-24, 0])}, "impossible data_offsets"),
        ({"a": item(data_offsets=["0", "24"])}, "impossible data_offsets"),
        ({"a": item(shape=[2, 4])}, "does not fill its data_offsets"),
        ({"a": item(dtype="F16")}, "does not fill its data_offsets"),
        (
            {"a": item(shape=[2**39], data_offsets=[0, 2**41])},
            "truncated: 2199023255528 bytes of tensor 'a' are missing",
        ),
        ({"a": item(shape=[5], data_offsets=[4, 24])}, "'a' leaves a gap behind the one before it"),
        ({"a": item(), "b": item(shape=[2], data_offsets=[8, 16])}, "'b' overlaps the one before it"),
        ({"a": item(), "b": item()}, "'b' overlaps the one before it"),
        ({"a": item(shape=[5], data_offsets=[0, 20])}, "4 bytes at the end belong to no tensor"),
        ({}, "24 bytes at the end belong to no tensor"),
        ({"n" * 513: item()}, "longer than 512 characters"),
    ],
)
def test_refuses_what_the_format_forbids(items: Any, reason: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        parse(items)
    assert caught.value.message.startswith("w.safetensors: ")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b'{"a": ', "not readable JSON"),
        (b'{"\xff": 1}', "not readable JSON"),
        (b"{" + b'"a":[' * 100_000, "not readable JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not readable JSON"),
        (b'{"a": 1, "a": 1}', "a key occurs twice"),
        (b' {"a": 1}', "does not start with '{'"),
        (b"", "does not start with '{'"),
    ],
)
def test_refuses_headers_that_are_no_plain_json(header: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError, match=reason):
        parse_header(header, 0, "w.safetensors")


def test_header_length_is_checked_against_file_and_limit() -> None:
    check_length(92, file_size=100, source="w.safetensors")
    with pytest.raises(CheckpointError, match="truncated, or not safetensors: a header of 93 bytes in a file of 100"):
        check_length(93, file_size=100, source="w.safetensors")
    with pytest.raises(CheckpointError, match="truncated"):
        check_length(2**64 - 1, file_size=2**40, source="w.safetensors")
    check_length(MAX_HEADER_BYTES, file_size=2**40, source="w.safetensors")
    with pytest.raises(CheckpointError, match="too large"):
        check_length(MAX_HEADER_BYTES + 1, file_size=2**40, source="w.safetensors")


def test_names_cannot_break_an_error_message() -> None:
    with pytest.raises(CheckpointError) as caught:
        parse({"a\n\x1b[2J\ud800": 1})
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


numbers = st.one_of(st.integers(-2, 40), st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.none())
lists = st.lists(numbers, max_size=4)
items = st.fixed_dictionaries(
    {
        "dtype": st.one_of(st.sampled_from([*BY_CODE]), st.text(max_size=4), numbers),
        "shape": st.one_of(lists, numbers),
        "data_offsets": st.one_of(st.lists(st.integers(0, 32), min_size=2, max_size=2), lists, numbers),
    }
)


@given(st.dictionaries(st.text(max_size=3), items, max_size=4), st.integers(0, 64))
def test_whatever_is_accepted_covers_the_data_exactly(header: dict[str, Any], data_size: int) -> None:
    try:
        entries, _ = parse(header, data_size)
    except CheckpointError:
        return
    covered = [byte for entry in entries.values() for byte in range(entry.begin, entry.end)]
    assert sorted(covered) == list(range(data_size))


shapes = st.lists(st.integers(0, 5), max_size=3).map(tuple)


@given(st.dictionaries(st.text(min_size=1), st.tuples(st.sampled_from([*BY_CODE]), shapes), max_size=5), st.booleans())
def test_a_built_header_reads_back(wanted: dict[str, tuple[str, tuple[int, ...]]], with_metadata: bool) -> None:
    wanted.pop("__metadata__", None)
    entries, end = {}, 0
    for name, (code, shape) in wanted.items():
        begin, size = end, BY_CODE[code].storage.itemsize
        for length in shape:
            size *= length
        end = begin + size
        entries[name] = Entry(BY_CODE[code], shape, begin, end)
    metadata = {"format": "pt", "说明": "x"} if with_metadata else {}
    built = build_header(entries, metadata)
    assert len(built) % ALIGNMENT == 0
    assert int.from_bytes(built[:LENGTH_BYTES], "little") == len(built) - LENGTH_BYTES
    assert parse_header(built[LENGTH_BYTES:], end, "w.safetensors") == (entries, metadata)
