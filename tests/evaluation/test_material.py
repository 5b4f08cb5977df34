from __future__ import annotations

import json
from pathlib import Path

import pytest

from sampan.errors import UsageError
from sampan.evaluation.grading import is_right
from sampan.evaluation.material import Material, Task, Text, own_material, read_material, read_texts


def test_sampans_own_is_whole():
    own = own_material()
    assert [len([text for text in own.texts if text.domain == name]) for name in ("zh", "en", "code", "thought")] == [
        6
    ] * 4
    kinds = [task.kind for task in own.tasks]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "sums": 12,
        "word problems": 12,
        "multiple choice": 12,
        "help and small code": 12,
        "code output": 12,
    }
    assert len({task.prompt for task in own.tasks}) == len(own.tasks)
    assert all(is_right(task.answer, f"... {task.answer}") for task in own.tasks)


def test_a_text_file(tmp_path: Path):
    path = tmp_path / "story.txt"
    path.write_text("Once upon a time")
    assert read_material(path) == Material((Text("story", "Once upon a time"),), (), ("story.txt",))


def test_texts_and_tasks_in_lines(tmp_path: Path):
    path = tmp_path / "own.jsonl"
    message = {"role": "user", "content": "1+1?"}
    lines = [{"text": "a"}, {"text": "b", "domain": "law"}, {"messages": [message], "answer": 2, "kind": "sums"}]
    path.write_text("\n\n".join(map(json.dumps, lines)))
    material = read_material(str(path))
    assert material.texts == (Text("own", "a"), Text("law", "b"))
    assert material.tasks == (Task("sums", (message,), "2"),)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b" \n", "is empty"),
        ("a.txt", b"\xff\xfe", "is not UTF-8 text"),
        ("a.jsonl", b"", "is empty"),
        ("a.jsonl", b"{}", "line 1 is neither a text nor a task"),
        ("a.jsonl", b'{"text": "a"}\n[1]', "line 2 is no JSON object"),
        ("a.jsonl", b'{"text": ', "line 1 is no JSON"),
        ("a.jsonl", b'{"messages": [], "answer": "a"}', "line 1 is neither"),
        ("a.jsonl", b'{"messages": [{"role": "user"}], "answer": "a"}', "line 1 is neither"),
        ("a.jsonl", b'{"messages": [{"role": "user", "content": "a"}]}', "line 1 is neither"),
    ],
)
def test_what_is_no_material(tmp_path: Path, name: str, content: bytes, message: str):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_material(path)
    with pytest.raises(UsageError, match="is not a file"):
        read_material(tmp_path / "absent.txt")


def test_fewer_tasks_are_of_all_kinds():
    own = own_material()
    fewer = own.limited(10)
    assert len(fewer.tasks) == 10
    assert {task.kind for task in fewer.tasks} == {task.kind for task in own.tasks}
    assert own.limited(0).tasks == ()
    assert own.limited(None) is own


def test_what_the_calibration_saw_is_left_out(tmp_path: Path):
    own = own_material()
    seen_text, seen_task = own.texts[0], own.tasks[0]
    calibration = tmp_path / "calibration.jsonl"
    part = seen_text.text[20:70].replace("，", " ，\n")  # blanks do not hide it
    lines = [{"text": f"Something before it. {part}"}, {"messages": [{"role": "user", "content": seen_task.prompt}]}]
    calibration.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    left = own.without(read_texts(calibration))
    assert left.texts == own.texts[1:]
    assert left.tasks == own.tasks[1:]
    assert [text[:5] for text in left.dropped] == [seen_text.text[:5], seen_task.prompt[:5]]
    assert left.sha256 != own.sha256


def test_nothing_left_is_refused(tmp_path: Path):
    calibration = tmp_path / "all.txt"
    calibration.write_text("\n".join(text.text for text in own_material().texts))
    with pytest.raises(UsageError, match="the calibration holds all of the evaluation's texts"):
        own_material().without(read_texts(calibration))
