"""On a trained model: GPTQ loses less than rounding, served by the native backend."""

from __future__ import annotations

import pytest
from benchmarks.quality.divergence import Divergence, divergence
from benchmarks.quality.engines import native
from benchmarks.quality.subjects import Subject, embedded

from sampan.checkpoint import open_checkpoint
from sampan.ptq import Recipe, quantize, read_calibration


@pytest.fixture(scope="module")
def subject() -> Subject:
    return embedded(400)


def loss(subject: Subject, method: str, folder) -> Divergence:
    """Of all matrices in int4, against float64, on conversations that are not those of the calibration."""
    checkpoint = open_checkpoint(subject.folder)
    calibration = read_calibration(checkpoint, samples=32)
    quantize(checkpoint, folder, Recipe("int4", method, keep=()), calibration=calibration)
    [measured] = native(Subject(subject.name, folder, subject.texts), {"auto": ("fp16",)})
    return divergence(subject.reference(), measured.logits, subject.texts)


def test_gptq_loses_less_than_half_of_what_rounding_loses(subject, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPAN_HOME", str(tmp_path))
    rounded, better = (loss(subject, method, tmp_path / method) for method in ("absmax", "gptq"))
    assert better.mean_kl < 0.5 * rounded.mean_kl
    assert better.kl_99 < rounded.kl_99
