"""What a calibration file is read as."""

from __future__ import annotations

import json

import pytest

from sampan.checkpoint import open_checkpoint, resolve_model
from sampan.errors import UsageError
from sampan.ptq import read_calibration
from sampan.text import ChatTemplate, Tokenizer


@pytest.fixture(scope="module")
def model():
    return open_checkpoint(resolve_model(None).path)


@pytest.fixture(scope="module")
def tokenizer(model):
    return Tokenizer.from_dir(model.path)


def lines(path, *entries):
    path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), encoding="utf-8")
    return path


def test_our_own_has_thoughts_in_both_languages(model, tokenizer):
    found = read_calibration(model)
    assert found.source == "sampan"
    assert len(found.samples) == 128
    texts = [tokenizer.decode(sample, skip_special_tokens=False) for sample in found.samples]
    assert all("<think>\n" in text and "</think>\n\n" in text for text in texts)
    assert sum("路由器" in text for text in texts) > 5
    assert sum("def " in text for text in texts) > 20
    assert found.sha256 == read_calibration(model).sha256


def test_a_conversation_is_what_the_model_reads_and_writes(model, tokenizer, tmp_path):
    user = {"role": "user", "content": "2+2?"}
    answer = {"role": "assistant", "reasoning_content": "Two and two.", "content": "4"}
    tagged = {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\n4"}
    file = lines(tmp_path / "a.jsonl", {"messages": [user, answer]}, {"messages": [user, tagged]}, {"messages": [user]})
    first, second, question = read_calibration(model, file).samples
    prompt = ChatTemplate(tokenizer).encode([user]).token_ids
    assert first == second
    assert question == prompt
    assert first[: len(prompt)] == prompt
    assert first[-1] == tokenizer.eos_token_ids[0]
    assert tokenizer.decode(first[len(prompt) :]) == "Two and two.\n</think>\n\n4"


def test_texts_are_cut_and_begin_with_bos(model, tokenizer, tmp_path):
    text = "一二三四五六七八九十 and so on. " * 40
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    plain = read_calibration(model, tmp_path / "a.txt", length=50)
    assert plain.source == "a.txt"
    assert {len(sample) for sample in plain.samples[:-1]} == {50}
    assert {sample[0] for sample in plain.samples} == {tokenizer.bos_token_id}
    assert tokenizer.decode([token for sample in plain.samples for token in sample[1:]]) == text
    assert read_calibration(model, lines(tmp_path / "a.jsonl", {"text": text}), length=50).samples == plain.samples


def test_some_are_taken_from_all_parts(model, tmp_path):
    file = lines(tmp_path / "a.jsonl", *({"text": f"number {i}"} for i in range(10)))
    every = read_calibration(model, file).samples
    assert len(every) == 10
    assert read_calibration(model, file, samples=4).samples == tuple(every[i] for i in (0, 2, 5, 7))


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 2 is no JSON"),
        ("[]", "line 2 is no JSON object"),
        ('{"prompt": "x"}', "line 2 is neither"),
        ('{"messages": []}', "line 2"),
        ('{"messages": [{"role": "user"}]}', "line 2"),
        ('{"messages": ["x"]}', "line 2"),
    ],
)
def test_a_wrong_line_is_named(model, tmp_path, line, what):
    (tmp_path / "a.jsonl").write_text('{"text": "right"}\n' + line, encoding="utf-8")
    with pytest.raises(UsageError, match=what):
        read_calibration(model, tmp_path / "a.jsonl")


def test_a_file_that_cannot_be_used_is_named(model, tmp_path):
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    for name, what in (("empty.txt", "no text"), ("latin.txt", "UTF-8"), ("absent.txt", "not a file")):
        with pytest.raises(UsageError, match=what):
            read_calibration(model, tmp_path / name)
    with pytest.raises(UsageError, match="samples=0"):
        read_calibration(model, samples=0)
