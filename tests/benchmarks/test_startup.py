"""The pieces of a start, measured in a process of its own."""

from __future__ import annotations

from benchmarks.startup import start_elsewhere


def test_a_start_of_the_embedded_model() -> None:
    pieces = start_elsewhere(None, "int8")
    assert pieces.keys() == {
        *("imported", "tokenizer", "chat_template", "loaded", "first_step", "first_token"),
        *("resident_gb", "peak_gb"),
    }
    assert 0 < pieces["tokenizer"] + pieces["chat_template"] < pieces["loaded"]
    assert pieces["imported"] + pieces["loaded"] + pieces["first_step"] < pieces["first_token"]
    assert 0 < pieces["resident_gb"] <= pieces["peak_gb"] < 1
