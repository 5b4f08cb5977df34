"""The embedded model in three formats: figures beside an independent computation, and the gate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from paged_logits import Row, paged_logits
from random_folder import write_random_model
from sampan.backends.native import NativeBackend
from sampan.backends.paddle import PaddleBackend
from sampan.checkpoint import CodedTensor, open_checkpoint, resolve_model, write_checkpoint, write_coded_checkpoint
from sampan.errors import ConfigError, QualityError, UsageError
from sampan.evaluation import LayerError, Material, Quality, Subject, Text, evaluate
from sampan.text import Tokenizer

FOLDER = resolve_model(None).path


def steady(quality: Quality) -> dict[str, object]:
    """All that does not depend on the moment."""
    document = quality.to_dict()
    del document["run"]
    for model in (document["reference"], *(candidate["model"] for candidate in document["candidates"])):
        del model["read_tokens_per_s"], model["answer_tokens_per_s"]
    return document


def test_figures_equal_those_from_whole_logits(quality: Quality, material: Material):
    """The reference by Paddle in fp32, the candidate by the native backend, both with all logits at once."""
    checkpoint, tokenizer = open_checkpoint(FOLDER), Tokenizer.from_dir(FOLDER)
    texts = [tokenizer.encode(text.text, add_bos=True) for text in material.texts if text.domain == "en"]
    paddle, native = PaddleBackend(), NativeBackend(threads=1)
    paddle.load(checkpoint, "fp32")
    native.load(checkpoint, "int4")
    kl, same, losses, expected_losses = [], [], [], []
    for text in texts:
        rows = [Row(text, [len(text)], range(8))]
        p, q = (_log_softmax(paged_logits(backend, rows)[0][:-1]) for backend in (paddle, native))
        kl.append((np.exp(p) * (p - q)).sum(axis=-1))
        same.append(p.argmax(axis=-1) == q.argmax(axis=-1))
        following = (np.arange(len(text) - 1), text[1:])
        expected_losses.append(-p[following])
        losses.append(-q[following])
    distance = quality.candidates[0].domains["en"]
    assert distance.positions == sum(map(len, kl))
    assert distance.kl.value == pytest.approx(np.concatenate(kl).mean(), rel=1e-3)
    assert distance.kl_p99 == pytest.approx(np.quantile(np.concatenate(kl), 0.99), rel=1e-3)
    assert distance.kl_max == pytest.approx(np.concatenate(kl).max(), rel=1e-3)
    assert distance.top1_agreement.value == pytest.approx(np.concatenate(same).mean())
    assert distance.perplexity == pytest.approx(np.exp(np.concatenate(losses).mean()), rel=1e-4)
    assert distance.reference_perplexity == pytest.approx(np.exp(np.concatenate(expected_losses).mean()), rel=1e-4)
    assert distance.loss_percent.value == pytest.approx(100 * np.expm1(np.concatenate(kl).mean()), rel=1e-3)


def test_a_model_loses_nothing_beside_itself(quality: Quality):
    itself = quality.candidates[2]
    assert (itself.distance.kl.value, itself.distance.kl_max, itself.loss_percent.high) == (0.0, 0.0, 0.0)
    assert itself.distance.top1_agreement.value == itself.distance.top1_agreement.low == 1.0
    assert itself.distance.perplexity_ratio.value == 1.0
    assert itself.num_different_answers == 0
    assert itself.tasks == quality.reference_tasks
    assert (itself.disagreements, itself.different_answers) == ([], [])


def test_fewer_bits_lose_more(quality: Quality):
    int4, int8, itself = (candidate.loss_percent.value for candidate in quality.candidates)
    assert int4 > 5 * int8 > itself


def test_tasks_are_answered_and_graded(quality: Quality):
    scores = quality.reference_tasks
    assert scores is not None
    assert scores.by_kind == {"sums": (2, 3)}  # of planets it knows nothing
    assert scores.score.value == pytest.approx(2 / 3)
    assert scores.thinking_tokens.value > 5
    assert scores.loop_rate == 0.0


def test_the_same_inputs_give_the_same_figures(quality: Quality, material: Material):
    again = evaluate(Subject(precision="int4"), material=material, max_tokens=160, threads=2)
    assert steady(again) == steady(replace(quality, candidates=quality.candidates[:1]))


def test_the_gate_wants_the_upper_end_of_the_interval(quality: Quality):
    alone = replace(quality, candidates=quality.candidates[:1])
    loss = alone.candidates[0].loss_percent
    alone.check(loss.high)
    with pytest.raises(QualityError, match=r"loses .* and perhaps up to .*, of .* % allowed"):
        alone.check((loss.value + loss.high) / 2)
    with pytest.raises(QualityError, match=r"sampan-tiny in int4 loses .* %, more than the .* % that are allowed"):
        alone.check(loss.value / 2)


def test_a_damaged_model_is_refused(tmp_path: Path, material: Material):
    folder = _copy(tmp_path, damage=0.5)
    quality = evaluate(
        Subject(str(folder)), Subject.exact(None), material=material.limited(0), layers=[LayerError("a", "int4", 0.5)]
    )
    assert quality.candidates[0].loss_percent.value > 4
    assert quality.candidates[0].layers == (LayerError("a", "int4", 0.5),)
    assert (quality.reference_tasks, quality.candidates[0].tasks, quality.material.answers_read) == (None, None, 0)
    with pytest.raises(QualityError):
        quality.check(2.0)


def test_a_folder_of_codes_is_measured_as_it_is_stored(tmp_path: Path, material: Material):
    """Every matrix of the layers in int4 with one scale for 32 values, taken over exactly."""
    checkpoint = open_checkpoint(FOLDER)
    tensors = {name: checkpoint.get(name) for name in checkpoint.names()}
    coded = {name: _int4(values) if "_proj.weight" in name else values for name, values in tensors.items()}
    write_coded_checkpoint(tmp_path, checkpoint.config, coded)
    _copy_texts(tmp_path)
    exact = Subject.exact(str(tmp_path))
    assert (exact.precision, exact.kv_cache) == ("fp32", "fp32")
    subjects = [Subject(str(tmp_path), name="r1-int4"), exact]
    quality = evaluate(subjects, Subject.exact(None), material=material.limited(0))
    as_served, stored = (candidate.loss_percent.value for candidate in quality.candidates)
    assert quality.candidates[0].model.title == "r1-int4"
    assert 0.1 < stored < 10
    assert as_served == pytest.approx(stored, rel=0.1)  # int8 activations add little


def test_one_model_is_in_memory_at_a_time(quality: Quality, models_in_memory: list[int]):
    assert models_in_memory == [models_in_memory[0]] * (1 + len(quality.candidates))


def test_nan_is_no_quality(tmp_path: Path, material: Material):
    folder = _copy(tmp_path, damage=1e38)
    with pytest.raises(QualityError, match="computes NaN or infinity at"):
        evaluate(Subject(str(folder), "bf16"), Subject.exact(None), material=material.limited(0))


def test_other_tokens_cannot_be_compared(tmp_path: Path, material: Material):
    other = write_random_model(tmp_path / "other")
    with pytest.raises(ConfigError, match="do not have the same tokens"):
        evaluate(Subject(str(other)), Subject.exact(None), material=material.limited(0))


def test_nothing_to_read_or_to_ask():
    with pytest.raises(UsageError, match="the texts have no two tokens"):
        evaluate(Subject(), material=Material((Text("short", ""),), (), ()))
    with pytest.raises(UsageError, match="there is nothing to read or to ask"):
        evaluate(Subject(), material=Material((), (), ()))


def _copy(folder: Path, damage: float) -> Path:
    """The embedded model with noise in one matrix."""
    checkpoint = open_checkpoint(FOLDER)
    tensors = {name: checkpoint.get(name) for name in checkpoint.names()}
    name = "model.layers.1.mlp.down_proj.weight"
    noise = np.random.default_rng(0).normal(size=tensors[name].shape).astype(np.float32)
    tensors[name] = tensors[name] + noise * np.float32(damage * tensors[name].std() * 4)
    write_checkpoint(folder, checkpoint.config, tensors, "bf16")
    _copy_texts(folder)
    return folder


def _copy_texts(folder: Path) -> None:
    """Tokenizer and template of the embedded model."""
    for source in FOLDER.glob("*.json"):
        if source.name != "config.json":
            (folder / source.name).write_bytes(source.read_bytes())


def _int4(values: npt.NDArray[np.float32]) -> CodedTensor:
    groups = values.reshape(len(values), -1, 32)
    scales = (np.abs(groups).max(axis=-1) / 7).astype(np.float16)
    codes = np.clip(np.rint(groups / scales[:, :, None].astype(np.float32)), -8, 7).astype(np.int8)
    codes = codes.reshape(values.shape)
    return CodedTensor(4, 32, values.shape, lambda begin, end: (codes[begin:end], scales[begin:end]), Path())


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def test_the_document_is_json(quality: Quality):
    document = json.loads(json.dumps(quality.to_dict(1.0), allow_nan=False))
    assert document["schema"] == "sampan-quality-1"
    assert document["gate"] == {"max_loss_percent": 1.0, "passed": quality.candidates[0].passes(1.0)}
    assert set(document["candidates"][0]["distance"]["kl"]) == {"value", "low", "high"}
    assert document["material"]["kept_tokens"] == 6144
    assert "gate" not in quality.to_dict()
