"""Checkpoints of a run: one safetensors file with parameters, optimiser moments and the place. Nothing is pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import paddle

from sampan.checkpoint import SafetensorsFile, write_safetensors
from sampan.errors import CheckpointError
from sampan.models import CausalLM

STATE_FILE = "run.safetensors"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a run has come: steps done, and seconds spent on them."""

    step: int = 0
    seconds: float = 0.0


def save_run_state(folder: Path, model: CausalLM, optimizer: paddle.optimizer.Optimizer, place: Place) -> None:
    """Writes `run.safetensors` into `folder`, float32; an older one stays whole until the new one is."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model/{name}": parameter.numpy() for name, parameter in model.named_parameters()}
    tensors |= {f"optimizer/{key}": value.numpy() for key, value in _moments(model, optimizer).items()}
    metadata = {"step": json.dumps(place.step), "seconds": json.dumps(place.seconds)}
    write_safetensors(folder / STATE_FILE, tensors, "fp32", metadata)


def read_place(folder: Path) -> Place:
    """How far the checkpoint in `folder` has come; the beginning where there is none."""
    path = folder / STATE_FILE
    return _place(SafetensorsFile(path)) if path.exists() else Place()


def load_run_state(folder: Path, model: CausalLM, optimizer: paddle.optimizer.Optimizer | None = None) -> Place:
    """Restores what `save_run_state` wrote and returns the place; changes nothing where there is no checkpoint.

    Args:
        optimizer: None restores the parameters alone.

    Raises:
        CheckpointError: the file is damaged or belongs to another model.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return Place()
    file = SafetensorsFile(path)
    stored = {name: file.get(name) for name in file.names()}
    parameters = dict(model.named_parameters())
    shapes = {name.removeprefix("model/"): value.shape for name, value in stored.items() if name.startswith("model/")}
    if shapes != {name: tuple(parameter.shape) for name, parameter in parameters.items()}:
        raise CheckpointError(f"{path} belongs to another model", remedy="remove the file to start anew")
    for name, parameter in parameters.items():
        parameter.set_value(stored[f"model/{name}"])
    if optimizer is not None:
        optimizer.set_state_dict(_optimizer_state(stored, parameters))
    return _place(file)


def _place(file: SafetensorsFile) -> Place:
    return Place(int(file.metadata["step"]), float(file.metadata.get("seconds", 0.0)))


def _moments(model: CausalLM, optimizer: paddle.optimizer.Optimizer) -> dict[str, paddle.Tensor]:
    """Optimiser state under `<parameter>/<moment>`: Paddle's own keys count layers and differ from run to run."""
    state = optimizer.state_dict()
    moments = {}
    for name, parameter in model.named_parameters():
        prefix = f"{parameter.name}_"
        for key, value in state.items():
            if key.startswith(prefix):
                moments[f"{name}/{key.removeprefix(prefix)}"] = value
    return moments


def _optimizer_state(
    stored: Mapping[str, npt.NDArray[np.float32]], parameters: Mapping[str, paddle.Tensor]
) -> dict[str, paddle.Tensor]:
    """The reverse of `_moments`."""
    state = {}
    for key, value in stored.items():
        if key.startswith("optimizer/"):
            name, _, moment = key.removeprefix("optimizer/").rpartition("/")
            state[f"{parameters[name].name}_{moment}"] = paddle.to_tensor(np.array(value))
    return state
