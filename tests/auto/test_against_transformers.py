"""The same calls through `transformers`: same ids, same padding, same shapes, same greedy tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sampan
from sampan import AutoModelForCausalLM, AutoTokenizer

WHY = "the reference group is not installed (make test-reference)"
torch = pytest.importorskip("torch", reason=WHY)
transformers = pytest.importorskip("transformers", reason=WHY)

pytestmark = pytest.mark.reference

EMBEDDED = Path(sampan.__file__).parent / "assets" / "sampan-tiny"
TEXTS = ["17+25=?", "如何重置路由器密码?", "def f(x):\n    return x  # 🚣", "a<｜end▁of▁sentence｜>b", ""]
CHATS = [[{"role": "user", "content": text}] for text in ("如何重置路由器密码?", "17+25=?", "用Python实现快速排序")]


@pytest.fixture(scope="module")
def theirs() -> Any:
    marks = {
        "bos_token": "<｜begin▁of▁sentence｜>",
        "eos_token": "<｜end▁of▁sentence｜>",
        "pad_token": "<｜end▁of▁sentence｜>",
    }
    file = str(EMBEDDED / "tokenizer.json")
    return transformers.PreTrainedTokenizerFast(tokenizer_file=file, padding_side="left", **marks)


def test_ids_padding_and_texts(theirs: Any, tokenizer: AutoTokenizer) -> None:
    for options in (
        {"padding": True},
        {"padding": "max_length", "max_length": 40},
        {"padding": True, "truncation": True, "max_length": 5},
    ):
        ours = tokenizer(TEXTS, return_tensors="np", add_special_tokens=False, **options)
        expected = theirs(TEXTS, return_tensors="np", add_special_tokens=False, **options)
        assert np.array_equal(ours.input_ids, expected.input_ids)
        assert np.array_equal(ours.attention_mask, expected.attention_mask)
        for skip in (False, True):
            texts = tokenizer.batch_decode(ours.input_ids, skip_special_tokens=skip)
            assert texts == theirs.batch_decode(ours.input_ids, skip_special_tokens=skip)
    assert tokenizer.tokenize(TEXTS[2]) == theirs.tokenize(TEXTS[2])
    assert (tokenizer.vocab_size, len(tokenizer)) == (theirs.vocab_size, len(theirs))
    assert tokenizer.get_vocab() == theirs.get_vocab()


def test_greedy_tokens_of_a_padded_batch(tokenizer: AutoTokenizer) -> None:
    inputs = tokenizer.apply_chat_template(CHATS, padding=True, return_tensors="np")
    ours = AutoModelForCausalLM.from_pretrained(str(EMBEDDED), dtype="float32")
    reference = transformers.AutoModelForCausalLM.from_pretrained(str(EMBEDDED), dtype=torch.float32)
    tensors = {name: torch.tensor(value) for name, value in inputs.items()}
    for options in ({"max_new_tokens": 200}, {"max_new_tokens": 200, "repetition_penalty": 1.1}):
        outputs = ours.generate(**inputs, do_sample=False, **options)
        expected = reference.generate(**tensors, do_sample=False, temperature=None, top_p=None, **options)
        assert np.array_equal(outputs, expected.numpy())
