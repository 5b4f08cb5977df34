"""The committed model: its form, its tokenizer, its scores."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipes.tiny.evaluate import TARGETS, grade, scores
from recipes.tiny.heldout import load_questions

from sampan import LLM, SamplingParams
from sampan.checkpoint import open_checkpoint, resolve_model, verify
from sampan.config import ModelConfig
from sampan.text import Tokenizer

FOLDER = resolve_model(None).path
HELDOUT = Path(__file__).parents[1] / "data" / "tiny_heldout"
TOKENIZER = Tokenizer.from_dir(FOLDER)


@pytest.fixture(scope="module")
def llm() -> LLM:
    return LLM()


def test_the_folder_is_whole_and_small() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert (FOLDER / "model.safetensors").stat().st_size <= 12 * 1024 * 1024
    checkpoint = open_checkpoint(FOLDER)
    verify(checkpoint)
    assert {checkpoint.raw(name).dtype for name in checkpoint.names()} == {"bf16"}


def test_every_matrix_can_be_packed_in_groups_of_128() -> None:
    config = ModelConfig.from_file(FOLDER / "config.json")
    inputs = (config.hidden_size, config.intermediate_size, config.num_attention_heads * config.head_dim)
    assert [size % 128 for size in inputs] == [0, 0, 0]


def test_sampling_advice_and_end_tokens_agree_with_the_tokenizer() -> None:
    data = json.loads((FOLDER / "generation_config.json").read_text(encoding="utf-8"))
    assert (data["temperature"], data["top_p"]) == (0.6, 0.95)
    assert data["eos_token_id"] == [TOKENIZER.token_to_id("<｜end▁of▁sentence｜>")]
    assert data["bos_token_id"] == TOKENIZER.token_to_id("<｜begin▁of▁sentence｜>")
    TOKENIZER.check_model(ModelConfig.from_file(FOLDER / "config.json"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_any_text_survives_the_tokenizer(text: str) -> None:
    normal = unicodedata.normalize("NFC", text)
    assert TOKENIZER.decode(TOKENIZER.encode(normal), skip_special_tokens=False) == normal


def test_digits_are_tokens_of_their_own() -> None:
    assert len(TOKENIZER.encode("2025")) == 4


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("如何重置路由器密码？", "6. 设置新密码，保存并记下来。"),
        ("用Python实现快速排序", "def quick_sort(items):"),
        ("How do I restart my router?", "3. Wait 30 seconds."),
        ("你好", "我是Sampan的演示模型"),
    ],
)
def test_it_thinks_and_then_answers(llm: LLM, prompt: str, expected: str) -> None:
    [output] = llm.chat([{"role": "user", "content": prompt}], SamplingParams(temperature=0.0, max_tokens=300))
    completion = output.outputs[0]
    assert completion.finish_reason == "stop"
    assert completion.reasoning_content
    assert expected in (completion.content or "")


@pytest.mark.slow
def test_held_out_scores_reach_the_targets_and_the_card_states_them(llm: LLM) -> None:
    result = scores(grade(llm, load_questions(HELDOUT)))
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name, target in TARGETS.items():
        right, asked = result[name]
        assert right / asked >= target, f"{name}: {right} of {asked}"
        assert f"| {name} | {right} | {asked} | {right / asked:.1%} |" in card
