"""Whatever is wrong with a model, it is examined to the end."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

import pytest

from sampan.checkpoint import model_folder, resolve_model
from sampan.examination import describe_model, examine_model
from sampan.zoo import find

EMBEDDED = model_folder(find("sampan-tiny"))
FILES = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json", "model.safetensors")
VALUES = (b"null", b"-1", b"[]", b"{}", b'"x"', b"1e999", b"99999999999", b"true")
JSON_VALUE = re.compile(rb'(?<=: )(\d[\d.e-]*|"[^"]*"|true|false|null|\[[^\]]*\])')
BEGINNING = 6000  # bytes: where settings and headers are


def damage(data: bytes, dice: random.Random) -> bytes:
    """Cut short, a bit turned, a part taken out, or a value in JSON that is another one's."""
    near = dice.randrange(min(len(data), BEGINNING))
    kind = dice.randrange(4)
    if kind == 0:
        return data[: dice.randrange(len(data))]
    if kind == 1:
        return data[:near] + bytes([data[near] ^ 1 << dice.randrange(8)]) + data[near + 1 :]
    values = list(JSON_VALUE.finditer(data, 0, BEGINNING))
    if kind == 2 or not values:
        return data[:near] + data[near + dice.randint(1, 30) :]
    value = dice.choice(values)
    return data[: value.start()] + dice.choice(VALUES) + data[value.end() :]


def examine_damaged(folder: Path, seed: int) -> None:
    dice = random.Random(seed)
    name = dice.choice(FILES)
    (folder / name).write_bytes(damage((EMBEDDED / name).read_bytes(), dice))
    findings = list(examine_model(resolve_model(str(folder))))
    assert not any("could not end" in finding.detail for finding in findings), (seed, findings)
    assert describe_model(resolve_model(str(folder))).document()["name"] == folder.name
    shutil.copy(EMBEDDED / name, folder)


def test_a_few_damages(tmp_path):
    folder = Path(shutil.copytree(EMBEDDED, tmp_path / "model"))
    for seed in range(5):
        examine_damaged(folder, seed)


@pytest.mark.slow
def test_many_damages(tmp_path):
    folder = Path(shutil.copytree(EMBEDDED, tmp_path / "model"))
    for seed in range(5, 500):
        examine_damaged(folder, seed)
