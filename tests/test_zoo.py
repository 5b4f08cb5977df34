from __future__ import annotations

import math

import pytest

from sampan.checkpoint import expected_tensors
from sampan.errors import UnknownModelError
from sampan.zoo import EMBEDDED_MODEL, ZOO, find

DISTILLS = [entry for entry in ZOO if not entry.is_embedded]


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("deepseek-r1-distill-qwen-1.5b", 1.78),
        ("deepseek-r1-distill-qwen-7b", 7.62),
        ("deepseek-r1-distill-qwen-14b", 14.77),
        ("deepseek-r1-distill-qwen-32b", 32.76),
        ("deepseek-r1-distill-llama-8b", 8.03),
        ("deepseek-r1-distill-llama-70b", 70.55),
    ],
)
def test_sizes_are_the_published_ones(name: str, billions: float) -> None:
    count = find(name).num_parameters
    assert count is not None
    assert count / 1e9 == pytest.approx(billions, rel=0.005)


@pytest.mark.parametrize("entry", DISTILLS, ids=lambda entry: entry.name)
def test_every_distill_is_complete(entry) -> None:
    config = entry.config
    assert config.num_parameters == sum(map(math.prod, expected_tensors(config).values()))
    assert config.head_dim == 128
    assert config.max_position_embeddings == 131072
    assert not config.tie_word_embeddings
    assert entry.huggingface_id.lower() == entry.modelscope_id.lower() == f"deepseek-ai/{entry.name}"
    assert (entry.sampling.temperature, entry.sampling.top_p, entry.sampling.max_tokens) == (0.6, 0.95, 32768)
    assert not entry.sampling.system_prompt
    if config.model_type == "qwen2":
        assert (config.bos_token_id, config.eos_token_ids) == (151646, (151643,))
        assert (entry.license_notice, config.attention_bias, config.rope_scaling) == ("MIT over Apache-2.0", True, None)
    else:
        assert (config.bos_token_id, config.eos_token_ids) == (128000, (128001,))
        assert not config.attention_bias
        assert config.rope_scaling.factor == 8.0
        assert config.num_query_groups == {32: 4, 80: 8}[config.num_hidden_layers]


def test_the_two_llamas_have_the_licences_of_their_bases() -> None:
    assert [find(name).base_license for name in ("llama-8b", "llama-70b")] == ["llama3.1", "llama3.3"]


def test_every_spelling_means_one_entry() -> None:
    spellings = [name.lower() for entry in ZOO for name in (entry.name, *entry.aliases)]
    assert len(set(spellings)) == len(spellings)
    for entry in ZOO:
        for spelling in (entry.name, *entry.aliases, *filter(None, (entry.huggingface_id, entry.modelscope_id))):
            assert find(spelling) is find(spelling.upper()) is entry


def test_the_embedded_model_comes_first() -> None:
    assert ZOO[0] is find(EMBEDDED_MODEL) is find("tiny")
    assert ZOO[0].is_embedded
    assert ZOO[0].num_parameters is None


@pytest.mark.parametrize(
    ("typed", "remedy"),
    [
        ("deepseek-r1-distil-qwen-1.5b", "did you mean deepseek-r1-distill-qwen-1.5b"),
        ("qwen-33b", "did you mean deepseek-r1-distill-qwen-32b"),
        ("tinny", "did you mean sampan-tiny?"),
        ("gpt-4o-mini-2024", "known names: sampan-tiny, deepseek-r1-distill-qwen-1.5b, "),
        ("", "known names: sampan-tiny, "),
    ],
)
def test_unknown_names_bring_near_ones(typed: str, remedy: str) -> None:
    with pytest.raises(UnknownModelError) as caught:
        find(typed)
    assert caught.value.message == f"no model is called {typed!r}"
    assert caught.value.remedy.startswith(remedy)
