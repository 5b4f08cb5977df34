from __future__ import annotations

import os
from pathlib import Path

import pytest

from sampan.errors import CheckpointError
from sampan.strict_json import parse_json_object, read_json_object


def test_reads_an_object(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"船": [1, 2.5, null]}', encoding="utf-8")
    assert read_json_object(path, 100) == {"船": [1, 2.5, None]}
    assert parse_json_object(rb'{"\ud83d\ude80": "\ud83d\ude80 \\ud800"}', "a") == {"🚀": "🚀 \\ud800"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a.json is not readable JSON"),
        (b"{", "a.json is not readable JSON"),
        (b'{"a": "\xff"}', "a.json is not readable JSON"),
        ('{"a": 1}'.encode("utf-16"), "a.json is not readable JSON"),
        (b"[" * 100_000, "a.json is not readable JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "a.json is not readable JSON"),
        (b'{"b": {"a": 1, "a": 1}}', "a.json is not readable JSON: a key occurs twice in one object"),
        (rb'{"a": ["\ud800"]}', "a.json holds half a character"),
        (rb'{"\uDC00\uD800": 1}', "a.json holds half a character"),
        (b"[]", "a.json is not a JSON object"),
        (b"null", "a.json is not a JSON object"),
    ],
)
def test_refuses_everything_else(data: bytes, reason: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        parse_json_object(data, "a.json")
    assert caught.value.message.startswith(reason)
    assert "\n" not in caught.value.message


def test_size_is_checked_before_parsing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"a": 1}')
    assert read_json_object(path, 8) == {"a": 1}
    with pytest.raises(CheckpointError, match="is larger than 7 bytes"):
        read_json_object(path, 7)


def test_absent_files_and_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(CheckpointError, match=r"absent\.json does not exist"):
        read_json_object(tmp_path / "absent.json", 8)
    for name in ("pipe.json", "."):
        with pytest.raises(CheckpointError, match="is not a file"):
            read_json_object(tmp_path / name, 8)
    with pytest.raises(CheckpointError, match="cannot be read: File name too long"):
        read_json_object(tmp_path / ("n" * 300), 8)
