"""Every damage is found, by the finding that is for it, and a healthy model has none."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sampan.checkpoint import SafetensorsFile, model_folder, resolve_model, write_safetensors
from sampan.checkpoint.local.manifest import FileRecord, Manifest, write_manifest
from sampan.examination import describe_model, examine_model
from sampan.finding import FAIL, OK, WARN, Finding
from sampan.zoo import find

EMBEDDED = model_folder(find("sampan-tiny"))
WEIGHTS, CONFIG = "model.safetensors", "config.json"
TOKENIZER, GENERATION = "tokenizer_config.json", "generation_config.json"
NORM, MATRIX = "model.layers.1.input_layernorm.weight", "model.layers.2.mlp.up_proj.weight"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the embedded model, to be damaged."""
    return Path(shutil.copytree(EMBEDDED, tmp_path / "model"))


def examine(path: Path) -> list[Finding]:
    return list(examine_model(resolve_model(str(path))))


def faults(path: Path) -> list[tuple[str, str]]:
    """Check and status of all that is not ok. All of them have a remedy."""
    found = [finding for finding in examine(path) if finding.status != OK]
    assert all(finding.remedy for finding in found)
    return [(finding.check, finding.status) for finding in found]


def edit_json(path: Path, **changes: Any) -> None:
    data = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in (data | changes).items() if value is not ...}))


def edit_tensors(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    file = SafetensorsFile(folder / WEIGHTS)
    tensors = {name: file.get(name) for name in file.names()}
    change(tensors)
    write_safetensors(folder / WEIGHTS, tensors)


def edit_template(folder: Path, old: str, new: str) -> None:
    path = folder / "tokenizer_config.json"
    template = json.loads(path.read_text())["chat_template"]
    assert old in template
    edit_json(path, chat_template=template.replace(old, new))


def test_a_healthy_model_has_no_fault():
    findings = examine(EMBEDDED)
    assert [finding for finding in findings if finding.status != OK or finding.remedy] == []
    assert [finding.check for finding in findings] == [
        "config",
        "context",
        "files",
        "hashes",
        "tensors",
        "values",
        "tokenizer",
        "vocabulary",
        "special tokens",
        "samples",
        "template",
        "history",
        "BOS",
        "stop ids",
        "sampling",
        "memory",
    ]


def set_nan(tensors):
    tensors[MATRIX][3, 5] = np.nan
    tensors[NORM][0] = np.inf


def zero(tensors):
    tensors[MATRIX][:] = 0


def drop(tensors):
    del tensors[MATRIX]


def rename(tensors):
    tensors["model.layers.2.mlp.up.weight"] = tensors.pop(MATRIX)


def reshape(tensors):
    tensors[MATRIX] = tensors[MATRIX].T.copy()


def quantise(tensors):
    tensors[MATRIX] = tensors[MATRIX].astype(np.int8)


def untie(tensors):
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] + 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_nan, [("values", FAIL)]),
        (zero, [("values", WARN)]),
        (drop, [("missing tensors", FAIL)]),
        (rename, [("missing tensors", FAIL), ("left-over tensors", FAIL)]),
        (reshape, [("shapes", FAIL)]),
        (quantise, [("types", FAIL)]),
        (untie, [("tensors", FAIL)]),
    ],
)
def test_tensors(folder, change, expected):
    edit_tensors(folder, change)
    assert faults(folder) == expected


def test_wrong_values_are_counted(folder):
    edit_tensors(folder, set_nan)
    (finding,) = (finding for finding in examine(folder) if finding.check == "values")
    assert finding.detail == f"NaN or Inf in {NORM} (1), {MATRIX} (1)"


def cut(folder):
    with (folder / WEIGHTS).open("r+b") as file:
        file.truncate(1_000_000)


def lie_about_shards(folder):
    index = {"weight_map": {NORM: "model-00001-of-00002.safetensors", MATRIX: "model-00002-of-00002.safetensors"}}
    (folder / WEIGHTS).rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def change_config(**changes):
    return lambda folder: edit_json(folder / CONFIG, **changes)


def change_tokenizer(**changes):
    return lambda folder: edit_json(folder / TOKENIZER, **changes)


def change_generation(**changes):
    return lambda folder: edit_json(folder / GENERATION, **changes)


def change_template(old, new):
    return lambda folder: edit_template(folder, old, new)


def remove(name):
    return lambda folder: (folder / name).unlink()


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


SCALING = {
    "rope_type": "llama3",
    "factor": 8,
    "low_freq_factor": 1,
    "high_freq_factor": 4,
    "original_max_position_embeddings": 4096,
}
DAMAGES = {
    "truncated": (cut, [("files", FAIL)]),
    "no weights": (remove(WEIGHTS), [("files", FAIL)]),
    "empty file": (write(WEIGHTS, ""), [("files", FAIL)]),
    "missing shard": (lie_about_shards, [("files", FAIL)]),
    "no config": (remove(CONFIG), [("config", FAIL)]),
    "half a config": (write(CONFIG, "{"), [("config", FAIL)]),
    "architecture": (change_config(model_type="gpt2"), [("config", FAIL)]),
    "activation": (change_config(hidden_act="gelu"), [("config", FAIL)]),
    "quantization": (change_config(quantization_config={"quant_method": "nobody's"}), [("quantization", FAIL)]),
    "rope": (change_config(rope_scaling=SCALING), [("context", WARN)]),
    "empty tokenizer": (write("tokenizer.json", "{}"), [("tokenizer", FAIL)]),
    "no tokenizer_config": (remove(TOKENIZER), [("tokenizer", FAIL)]),
    "no template": (change_tokenizer(chat_template=...), [("template", FAIL)]),
    "failing template": (change_tokenizer(chat_template="{{ 1 / 0 }}"), [("template", FAIL)]),
    "no thought": (change_template("<think>\\n'", "\\n\\n'"), [("template", WARN)]),
    "old thoughts": (change_template("content.split('</think>')[-1]", "content"), [("history", WARN)]),
    "two BOS": (change_template("{{bos_token}}", "{{bos_token}}{{bos_token}}"), [("BOS", WARN)]),
    "BOS inside": (change_template("'<｜User｜>' +", "'<｜User｜>' + bos_token +"), [("BOS", FAIL)]),
    "wrong BOS": (change_config(bos_token_id=17), [("BOS", FAIL)]),
    "wrong EOS": (change_config(eos_token_id=17), [("stop ids", FAIL)]),
    "tag as EOS": (change_config(eos_token_id=6130), [("stop ids", WARN)]),
    "other EOS": (change_generation(eos_token_id=6132), [("stop ids", WARN)]),
    "stop with the thought": (change_generation(eos_token_id=[6128, 6134]), [("stop ids", FAIL)]),
    "stop at a letter": (change_generation(eos_token_id=[6128, 17]), [("stop ids", FAIL)]),
    "greedy": (change_generation(temperature=0), [("sampling", WARN)]),
    "impossible": (change_generation(top_p=7), [("sampling", FAIL)]),
    "no advice": (remove(GENERATION), [("sampling", WARN)]),
}


@pytest.mark.parametrize(("damage", "expected"), DAMAGES.values(), ids=DAMAGES)
def test_files(folder, damage, expected):
    damage(folder)
    assert faults(folder) == expected


def test_the_template_of_january_is_no_fault(folder):
    edit_template(folder, "<｜Assistant｜><think>\\n'", "<｜Assistant｜>'")
    details = {finding.check: finding.detail for finding in examine(folder) if finding.status == OK}
    assert details["template"] == "January 2025: the prompt ends in <｜Assistant｜>, and Sampan adds <think>"


def test_a_wrong_end_of_turn_is_named(folder):
    """The well-known fault of conversions: another token is made the end, and answers run on."""
    edit_json(folder / TOKENIZER, eos_token="<|EOT|>")
    edit_json(folder / GENERATION, eos_token_id=6132)
    edit_json(folder / CONFIG, eos_token_id=6132)
    (finding,) = (finding for finding in examine(folder) if finding.status != OK)
    assert finding == Finding(
        "stop ids",
        FAIL,
        "a turn ends with 6128 <｜end▁of▁sentence｜> in the template, which is none of them: answers run on",
        "add 6128 to eos_token_id in generation_config.json",
    )


def test_a_vocabulary_whose_ids_were_mixed(folder):
    path = folder / "tokenizer.json"
    data = json.loads(path.read_text())
    vocabulary = data["model"]["vocab"]
    vocabulary["a"], vocabulary["e"] = vocabulary["e"], vocabulary["a"]
    path.write_text(json.dumps(data))
    assert faults(folder) == [("samples", FAIL)]


def test_another_model_s_tokenizer(folder, tokenizers):
    for name in ("tokenizer.json", TOKENIZER):
        shutil.copy(tokenizers / "qwen" / name, folder)
    assert faults(folder) == [("vocabulary", FAIL), ("BOS", FAIL), ("stop ids", FAIL), ("stop ids", FAIL)]


@pytest.mark.parametrize(
    ("rows", "expected"), [(256, []), (4096, [("vocabulary", WARN)]), (-64, [("vocabulary", FAIL)])]
)
def test_padding_of_the_vocabulary(folder, rows, expected):
    def pad(tensors):
        name = "model.embed_tokens.weight"
        embedding = np.vstack([tensors[name], np.zeros((max(rows, 0), 256), np.float32)])
        tensors[name] = embedding[: 6144 + rows]

    edit_tensors(folder, pad)
    edit_json(folder / CONFIG, vocab_size=6144 + rows, eos_token_id=6000, bos_token_id=6000) if rows < 0 else None
    edit_json(folder / CONFIG, vocab_size=6144 + rows)
    found = faults(folder)
    assert [fault for fault in found if fault[0] not in ("BOS", "stop ids")] == expected


def note(folder: Path, **hashes: str) -> None:
    notes = folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    for name, digest in hashes.items():
        (notes / f"{name.replace('__', '.')}.metadata").write_text(f"{REVISION}\n{digest}\n1.0\n")


EMBEDDED_HASH = next(finding.detail.split()[-1] for finding in examine(EMBEDDED) if finding.check == "hashes")


def test_a_byte_that_differs_from_what_was_fetched(folder):
    note(folder, model__safetensors=EMBEDDED_HASH, config__json="a" * 40)
    hashes = [finding for finding in examine(folder) if finding.check == "hashes"]
    assert hashes == [Finding("hashes", OK, "1 of 1 files are what Hugging Face's download noted")]
    assert describe_model(resolve_model(str(folder))).revision == REVISION
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(5_000_001)
        byte = file.read(1)[0]
        file.seek(5_000_001)
        file.write(bytes([byte ^ 1]))
    assert faults(folder) == [("hashes", FAIL)]
    (folder / WEIGHTS).unlink()
    assert faults(folder) == [("files", FAIL), ("hashes", FAIL)]


def test_a_model_that_was_pulled(folder):
    files = {
        path.name: FileRecord(path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.iterdir()
    }
    about = ("https://hub.example", "org/tiny", "main", REVISION, "apache-2.0", "2026-03-01T12:00:00Z")
    write_manifest(folder, Manifest("huggingface", *about, files))
    hashes = [finding for finding in examine(folder) if finding.check == "hashes"]
    assert hashes == [Finding("hashes", OK, "6 of 6 files are what sampan pull noted")]
    card = describe_model(resolve_model(str(folder)))
    assert (card.source, card.revision, card.license) == ("org/tiny (huggingface)", REVISION, "apache-2.0")
    edit_json(folder / GENERATION, temperature=0.7)
    assert faults(folder) == [("hashes", WARN)]
    (folder / "sampan.json").write_text("{}")
    assert faults(folder) == [("hashes", FAIL)]
    assert len(describe_model(resolve_model(str(folder))).problems) == 1


def test_the_licence_of_a_folder(folder):
    assert describe_model(resolve_model(str(folder))).license == "apache-2.0"
    (folder / "README.md").write_text("---\nlicense: other\nlicense_name: llama3.1\n---\n")
    assert describe_model(resolve_model(str(folder))).license == "llama3.1"
    (folder / "README.md").unlink()
    (folder / "LICENSE").write_text("\n  MIT License\n\nCopyright")
    assert describe_model(resolve_model(str(folder))).license == "MIT License"


def test_the_cache_of_hugging_face(folder, tmp_path):
    """There a model's files are links whose targets are named by their content."""
    snapshot, blobs = tmp_path / "models--org--tiny" / "snapshots" / REVISION, tmp_path / "models--org--tiny" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for path in folder.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.rename(blobs / digest)
        (snapshot / path.name).symlink_to(blobs / digest)
    assert faults(snapshot) == []
    card = describe_model(resolve_model(str(snapshot)))
    assert (card.source, card.revision) == ("org/tiny", REVISION)


def test_a_folder_of_nothing(tmp_path):
    assert faults(tmp_path) == [("config", FAIL), ("files", FAIL), ("tokenizer", FAIL)]
