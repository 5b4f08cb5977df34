"""A whole quantisation: what it writes, that it can stop anywhere, and what it refuses."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from sampan.checkpoint import open_checkpoint, write_checkpoint
from sampan.errors import CheckpointError, UsageError
from sampan.ptq import METHODS, Calibration, Recipe, quantize
from sampan.ptq.result import REPORT_FILE
from sampan.ptq.work_folder import work_folder
from sampan.quant import pack_model


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path / "home"))


def content(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


class StopError(Exception):
    pass


def stopping_after(count):
    """A report that ends the quantisation at its `count`-th word."""
    words = iter(range(count))

    def report(what, done, total):
        if what.startswith("Quantising") and next(words, None) is None:
            raise StopError

    return report


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("scheme", ["int8", "int4"])
def test_the_folder_is_served_with_the_codes_that_were_written(source, calibration, tmp_path, scheme, method):
    target = tmp_path / "out"
    result = quantize(source, target, Recipe(scheme, method), calibration=calibration)
    written = open_checkpoint(target)
    formats = Recipe(scheme, method).formats(source.config)
    packed = pack_model(written, "auto")
    assert {name: packed.formats[name] for name in formats} == formats
    served = {name: tensor for name, tensor in packed.tensors.items() if name.startswith("layers.1.down_proj")}
    coded = written.coded("model.layers.1.mlp.down_proj.weight")
    assert coded is not None
    codes, scales = coded.rows(0, coded.shape[0])
    panels = codes.shape[0] // 16
    assert (served["layers.1.down_proj.scales"] == scales.reshape(panels, 16, -1).transpose(0, 2, 1)).all()
    if scheme == "int8":
        panel_codes = codes.reshape(panels, 16, -1, 4).transpose(0, 2, 1, 3).view(np.uint8) + np.uint8(128)
        assert (served["layers.1.down_proj.codes"] == panel_codes).all()
    errors = [matrix.error for matrix in result.matrices]
    assert len(errors) == 14
    assert min(errors) > 0
    assert max(errors) < 0.3
    report = json.loads((target / REPORT_FILE).read_text())
    assert report["calibration"] == {"source": "random", "sha256": calibration.sha256, "samples": 6, "tokens": 284}
    assert [matrix["error"] for matrix in report["matrices"]] == errors
    assert sorted(file.name for file in tmp_path.iterdir()) == ["home", "out"], "nothing else is left"


def test_absmax_is_what_packing_makes_of_the_source(source, calibration, tmp_path):
    quantize(source, tmp_path / "out", Recipe("int4", "absmax"), calibration=calibration)
    ours, packers = pack_model(open_checkpoint(tmp_path / "out"), "auto"), pack_model(source, "int4")
    assert ours.formats == packers.formats
    assert all((ours.tensors[name] == packers.tensors[name]).all() for name in packers.tensors)


@pytest.mark.parametrize("method", ["gptq", pytest.param("smoothquant", marks=pytest.mark.slow)])
def test_it_can_be_stopped_anywhere(source, calibration, tmp_path, method):
    recipe = Recipe("int4", method, max_bits=7.0)
    quantize(source, tmp_path / "whole", recipe, calibration=calibration)
    target = tmp_path / "stopped"
    for stop in (0, 3, 7, 3):  # in the first layer twice, in the second twice
        with pytest.raises(StopError):
            quantize(source, target, recipe, calibration=calibration, report=stopping_after(stop))
        assert not target.exists()
    quantize(source, target, recipe, calibration=calibration)
    assert content(target) == content(tmp_path / "whole")


def test_a_refusal_by_the_gate_keeps_what_is_done(source, calibration, tmp_path):
    def refuse(folder, result):
        assert open_checkpoint(folder).config == source.config
        raise StopError

    target = tmp_path / "out"
    with pytest.raises(StopError):
        quantize(source, target, calibration=calibration, gate=refuse)
    assert not target.exists()
    seen = []
    quantize(source, target, calibration=calibration, report=lambda what, done, total: seen.append(what))
    assert target.exists()
    assert not [what for what in seen if what.startswith("Quantising")]


def test_another_setting_is_noticed(source, calibration, tmp_path):
    target = tmp_path / "out"
    with pytest.raises(StopError):
        quantize(source, target, Recipe("int4"), calibration=calibration, report=stopping_after(7))
    other = Calibration("other", calibration.samples[:3])
    for recipe, text, what in (
        (Recipe("int8"), calibration, "scheme"),
        (Recipe("int4", "absmax"), calibration, "method"),
        (Recipe("int4"), other, "calibration"),
    ):
        with pytest.raises(UsageError, match=f"another {what}"):
            quantize(source, target, recipe, calibration=text)
    quantize(source, target, Recipe("int8"), calibration=calibration, force=True)
    assert open_checkpoint(target).coded("model.layers.0.mlp.up_proj.weight").bits == 8


def test_another_source_is_noticed(source, source_folder, calibration, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(source_folder, copy)
    with pytest.raises(StopError):
        quantize(open_checkpoint(copy), tmp_path / "out", calibration=calibration, report=stopping_after(7))
    tensors = {name: source.get(name) for name in source.names()}
    tensors["model.norm.weight"] = tensors["model.norm.weight"] * 2
    write_checkpoint(copy, source.config, tensors, "bf16")
    with pytest.raises(UsageError, match="another source"):
        quantize(open_checkpoint(copy), tmp_path / "out", calibration=calibration)


@pytest.mark.parametrize("name", ["out/model-00002-of-00003.safetensors", "states-1.bin", "progress.json"])
def test_damage_is_noticed_and_made_good(source, calibration, tmp_path, name):
    quantize(source, tmp_path / "whole", calibration=calibration)
    with pytest.raises(StopError):
        quantize(source, tmp_path / "out", calibration=calibration, report=stopping_after(8))
    file = tmp_path / ".out.quantizing" / name
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    quantize(source, tmp_path / "out", calibration=calibration)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_a_matrix_that_loses_too_much_is_made_wider(source, calibration, tmp_path):
    exact = quantize(source, tmp_path / "narrow", Recipe("int4", keep=()), calibration=calibration)
    limit = sorted(matrix.error for matrix in exact.matrices)[7]
    result = quantize(source, tmp_path / "out", Recipe("int4", keep=(), max_layer_error=limit), calibration=calibration)
    assert {matrix.format for matrix in result.matrices} >= {"int4", "int8"}
    assert max(matrix.error for matrix in result.matrices) <= limit
    assert result.bits > exact.bits


def test_bits_are_spent_by_measurement(source, calibration, tmp_path):
    result = quantize(source, tmp_path / "out", Recipe("int4", max_bits=6.0), calibration=calibration)
    assert 5.0 < result.bits <= 6.0


def test_the_destination_is_not_replaced_unasked(source, source_folder, calibration, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine").write_text("precious")
    with pytest.raises(CheckpointError, match="exists already"):
        quantize(source, target, calibration=calibration)
    assert (target / "mine").exists()
    quantize(source, target, calibration=calibration, force=True)
    assert not (target / "mine").exists()
    with pytest.raises(CheckpointError, match="the source itself"):
        quantize(source, source_folder, calibration=calibration, force=True)


def test_a_full_disk_is_told_before_work_begins(source, calibration, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(CheckpointError, match="free"):
        quantize(source, tmp_path / "out", calibration=calibration)


def test_two_processes_do_not_write_the_same_model(source, calibration, tmp_path):
    with work_folder(tmp_path / "out"), pytest.raises(UsageError, match="another process"):
        quantize(source, tmp_path / "out", calibration=calibration)
