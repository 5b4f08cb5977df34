"""Models in every form are examined by the same checks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from quantized_folders import Quantized, as_awq, as_gptq, awq_config, gptq_config, quantized, write_quantized
from sampan.checkpoint import model_folder, open_checkpoint, resolve_model
from sampan.convert import convert
from sampan.examination import describe_model, examine_model
from sampan.finding import FAIL, OK, WARN
from sampan.zoo import find
from tiny_checkpoints import QWEN, make_checkpoint

EMBEDDED = model_folder(find("sampan-tiny"))
SCALES = "model.layers.0.mlp.up_proj.scales"


def details(path: Path) -> dict[str, str]:
    """Of what is ok, by check."""
    return {
        finding.check: finding.detail for finding in examine_model(resolve_model(str(path))) if finding.status == OK
    }


def faults(path: Path) -> list[tuple[str, str]]:
    found = examine_model(resolve_model(str(path)))
    return [(finding.check, finding.status) for finding in found if finding.status != OK]


def make(name: str, n: int, k: int) -> Quantized:
    return quantized(n, k, 4, 64)


def write_model(folder: Path, quantization, store, **changes) -> None:
    """A quantised folder with the embedded model's shape and texts."""
    config = open_checkpoint(EMBEDDED).config
    write_quantized(folder, config, quantization, store, make, **changes)
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(EMBEDDED / name, folder)


@pytest.mark.parametrize(("quantization", "store"), [(gptq_config(4, 64), as_gptq), (awq_config(64), as_awq)])
def test_quantised_folders(tmp_path, quantization, store):
    write_model(tmp_path, quantization, store)
    assert faults(tmp_path) == []
    detail = details(tmp_path)["quantization"]
    assert detail == f"{quantization['quant_method']}: 4 bits in groups of 64 60%, bf16 40%"
    card = describe_model(resolve_model(str(tmp_path)))
    assert (card.served_as, list(card.stored)) == ("int4", ["4 bits in groups of 64", "bf16"])
    assert card.memory["auto"]["weights"] < card.memory["int4"]["weights"]  # attention is in int4 as well


def test_a_scale_that_is_infinite(tmp_path):
    scales = np.full((4, 512), np.inf, np.float16)
    write_model(tmp_path, gptq_config(4, 64), as_gptq, **{SCALES.replace(".", "__"): ("fp16", scales)})
    assert faults(tmp_path) == [("values", FAIL)]


def test_a_quantisation_that_is_not_read(tmp_path):
    write_model(tmp_path, gptq_config(4, 64, quant_method="hqq"), as_gptq)
    assert faults(tmp_path) == [("quantization", FAIL)]


def test_a_shape_that_the_kernels_do_not_take(tmp_path):
    make_checkpoint(tmp_path, QWEN)
    assert faults(tmp_path) == [("config", WARN), ("tokenizer", FAIL)]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory) -> Path:
    """The embedded model as llama.cpp would have it."""
    path = tmp_path_factory.mktemp("gguf") / "tiny-Q8_0.gguf"
    convert("sampan-tiny", path, form="gguf")
    return path


def test_gguf(gguf):
    """It has no place for sampling advice, and that is said."""
    assert faults(gguf) == [("sampling", WARN)]
    card = describe_model(resolve_model(str(gguf)))
    assert (card.form, card.stored, card.template) == ("gguf", {"Q8_0": 1.0}, "February 2025")
    assert list(card.stop_tokens.values()) == ["<｜end▁of▁sentence｜>"]


@pytest.mark.parametrize("size", [0, 3, 100, 10_000, 2_000_000])
def test_a_part_of_a_gguf_file(gguf, tmp_path, size):
    part = tmp_path / "part.gguf"
    part.write_bytes(gguf.read_bytes()[:size])
    assert faults(part) == [("files", FAIL)]
    assert len(describe_model(resolve_model(str(part))).problems) == 1


def test_pdparams(tmp_path):
    convert("sampan-tiny", tmp_path / "paddle", form="pdparams")
    assert faults(tmp_path / "paddle") == []
    assert describe_model(resolve_model(str(tmp_path / "paddle"))).form == "pdparams"


@pytest.mark.parametrize(("name", "kind", "padding"), [("qwen-7b", "Qwen", 399), ("llama-8b", "Llama", 0)])
def test_a_distill_without_its_weights(tmp_path, tokenizers, name, kind, padding):
    """All that its small files say is examined, with the ids that its makers' tokenizer gives."""
    config = find(name).config
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizers / kind.lower() / file, tmp_path)
    assert [fault for fault in faults(tmp_path) if fault[0] != "memory"] == [("files", FAIL), ("sampling", WARN)]
    found = details(tmp_path)
    assert found["constants"] == f"those of deepseek-r1-distill-{name}"
    assert found["samples"] == f"13 texts come back, with the ids of DeepSeek-R1-Distill-{kind}"
    assert (f"{padding} more rows" in found["vocabulary"]) == bool(padding)
    (tmp_path / "config.json").write_text(json.dumps({**config.to_dict(), "rope_theta": 1e6}))
    assert ("constants", WARN) in faults(tmp_path)
