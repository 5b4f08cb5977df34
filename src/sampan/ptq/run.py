"""A whole quantisation: the plan, layer after layer, the gate, the name."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from sampan import __version__
from sampan.checkpoint import Checkpoint, finish_coded_folder, sampan_home, write_coded_shard
from sampan.checkpoint.atomic import replace_folder
from sampan.checkpoint.dtypes import Float32Array, from_float32, to_float32
from sampan.checkpoint.folder_writer import write_json
from sampan.checkpoint.shapes import EMBEDDING, OUTPUT, expected_tensors
from sampan.convert import write_texts
from sampan.errors import CheckpointError
from sampan.ptq.calibration import Calibration, read_calibration
from sampan.ptq.hidden_states import HiddenStates, file_sha256, micro_batches
from sampan.ptq.layer_quantizer import LayerQuantizer
from sampan.ptq.publish import check_target
from sampan.ptq.recipe import BITS, Recipe
from sampan.ptq.result import REPORT_FILE, Result
from sampan.ptq.sensitivity import matrix_sizes, mean_bits, measure, spend
from sampan.ptq.work_folder import DoneLayer, Progress, WorkFolder, work_folder
from sampan.quant.source_hash import source_hash

Report = Callable[[str, int, int], None]
Gate = Callable[[Path, Result], None]
METHOD_VERSION = 1  # another one gives other codes


def quantize(
    checkpoint: Checkpoint,
    target: str | Path,
    recipe: Recipe | None = None,
    *,
    calibration: Calibration | None = None,
    force: bool = False,
    report: Report = lambda what, done, total: None,
    gate: Gate = lambda folder, result: None,
) -> Result:
    """Writes a quantised model: a folder in Hugging Face's form, as compressed-tensors has it.

    Where the process dies, the same call goes on behind the last layer that was done, and the result is the same to the
    bit, on the same machine with the same number of threads.

    Args:
        target: the folder; it has its name only once it is whole.
        calibration: None is Sampan's own, in the tokens of the checkpoint.
        force: replace the target, and throw away what was begun there with other settings.
        report: is told what is done, how much of it, and of how much.
        gate: is given the finished folder before it gets its name; what it raises goes through, and the next call goes
            on there.

    Raises:
        ConfigError, UsageError: a setting is wrong, or another one than what was begun with.
        CheckpointError: the target is there, a weight cannot be rounded, there is no room, a file cannot be written.
        TokenizerError: the model has no tokenizer.
    """
    target, recipe = Path(target).absolute(), recipe or Recipe()
    check_target(target, checkpoint.path, force=force)
    formats = recipe.formats(checkpoint.config)
    with work_folder(target) as work:
        job = _Job(checkpoint, recipe, calibration or read_calibration(checkpoint), work, report)
        progress = work.begin(job.plan(), discard=force)
        job.check_space(formats)
        if progress.formats is None:
            progress = replace(progress, formats=job.decide(formats))
        work.write(progress)
        result = job.finish(job.run(progress))
        gate(work.model, result)
        replace_folder(work.model, target)
        work.remove()
    return result


class _Job:
    """What a quantisation is made of, and its steps."""

    def __init__(
        self, checkpoint: Checkpoint, recipe: Recipe, calibration: Calibration, work: WorkFolder, report: Report
    ) -> None:
        self._checkpoint, self._recipe, self._calibration = checkpoint, recipe, calibration
        self._work, self._report = work, report
        self._config = checkpoint.config
        self._batches = micro_batches([len(sample) for sample in calibration.samples])
        self._source_sha256 = ""
        stored = checkpoint.raw(EMBEDDING).dtype
        self._dtype = stored if stored in ("bf16", "fp16") else "bf16"  # of what is not quantised

    def plan(self) -> dict[str, Any]:
        """All that the result follows from."""
        self._source_sha256 = source_hash(
            self._checkpoint, self._hashes(), report=lambda done, total: self._report("Hashing the source", done, total)
        )
        return {
            "source": self._source_sha256,
            "calibration": self._calibration.sha256,
            **{
                name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self._recipe).items()
            },
            "version": [__version__, METHOD_VERSION],
        }

    def check_space(self, formats: Mapping[str, str]) -> None:
        """Raises CheckpointError: there is not enough room for model and hidden states."""
        sizes = matrix_sizes(self._config)
        bits = max(mean_bits(formats, self._config), self._recipe.max_bits or 0)
        matrices = sum(sizes.values())
        states = 3 * 4 * self._batches[-1].end * self._config.hidden_size
        written = sum(file.stat().st_size for file in self._work.model.iterdir())
        weights = int(matrices * bits + (self._config.num_parameters - matrices) * BITS["bf16"]) // 8
        needed = max(weights - written, 0) + states
        free = shutil.disk_usage(self._work.path).free
        if free < needed:
            raise CheckpointError(
                f"{self._work.path.parent} has {free / 1e9:.1f} GB free, and quantising needs {needed / 1e9:.1f} GB",
                remedy="make room, or choose a destination on a larger disk",
            )

    def decide(self, formats: dict[str, str]) -> dict[str, str]:
        """The formats, where what they may cost is limited; that takes a look at all layers."""
        if self._recipe.max_bits is None:
            return formats
        states = self._first_states()
        damage = measure(
            self._checkpoint,
            states,
            self._dtype,
            formats,
            lambda done, total: self._report("Comparing layers", done, total),
        )
        return spend(damage, formats, self._config, self._recipe.max_bits)

    def run(self, progress: Progress) -> Progress:
        """Quantises the layers that are missing."""
        count = self._config.num_hidden_layers
        assert progress.formats is not None
        done = len(progress.layers)
        if done == count:
            return progress
        states = self._states(done) if done else self._first_states()
        scratch = self._work.path / "states.bin"
        quantizer = LayerQuantizer(self._checkpoint, self._recipe, progress.formats, self._dtype, scratch)
        for index in range(done, count):
            layer = quantizer.run(index, states, self._work.states_file(index + 1), partial(self._tell, index))
            shard = self._shard(index)
            write_coded_shard(self._work.model / shard, layer.tensors, self._dtype)
            finished = DoneLayer(shard, file_sha256(self._work.model / shard), layer.matrices)
            progress = progress.with_layer(finished, file_sha256(layer.states.path))
            self._work.write(progress)
            states.path.unlink()
            states = layer.states
        return progress

    def finish(self, progress: Progress) -> Result:
        """Adds what is not quantised, configuration, tokenizer and report."""
        names = [EMBEDDING, "model.norm.weight", *([] if self._config.tie_word_embeddings else [OUTPUT])]
        floats = f"model-00001-of-{self._config.num_hidden_layers + 1:05d}.safetensors"
        model = self._work.model
        write_coded_shard(model / floats, {name: self._checkpoint.raw(name) for name in names}, self._dtype)
        finish_coded_folder(model, self._config, [floats, *(layer.shard for layer in progress.layers)], self._dtype)
        try:
            write_texts(self._checkpoint, self._checkpoint.path, model)
        except OSError as error:
            raise CheckpointError(
                f"{model} cannot be written: {error.strerror}",
                remedy="check the folder, its permissions and free space",
            ) from error
        matrices = [matrix for layer in progress.layers for matrix in layer.matrices]
        sizes = {matrix.name: math.prod(expected_tensors(self._config)[matrix.name]) for matrix in matrices}
        bits = sum(BITS[matrix.format] * sizes[matrix.name] for matrix in matrices) / sum(sizes.values())
        result = Result(self._recipe, self._calibration, self._source_sha256, matrices, bits)
        write_json(model / REPORT_FILE, result.to_dict())
        return result

    def _tell(self, layer: int, step: int, steps: int) -> None:
        what = f"Quantising to {self._recipe.scheme} with {self._recipe.method}"
        self._report(what, layer * steps + step, self._config.num_hidden_layers * steps)

    def _shard(self, layer: int) -> str:
        return f"model-{layer + 2:05d}-of-{self._config.num_hidden_layers + 1:05d}.safetensors"

    def _states(self, layer: int) -> HiddenStates:
        return HiddenStates(self._work.states_file(layer), self._config.hidden_size, self._batches)

    def _first_states(self) -> HiddenStates:
        """The samples' embeddings."""
        embedding = self._checkpoint.raw(EMBEDDING)

        def rows() -> Iterator[Float32Array]:
            for sample in self._calibration.samples:
                stored = [to_float32(embedding.rows(token, token + 1), embedding.dtype) for token in sample]
                for value in stored:
                    yield to_float32(from_float32(value, self._dtype), self._dtype)

        states = self._states(0)
        return states.written(states.path, rows())

    def _hashes(self) -> Path:
        folder = sampan_home() / "packed"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
