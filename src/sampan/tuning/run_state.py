"""Checkpoints of a run: one safetensors file with parameters, optimiser moments and the step. Nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from sampan.checkpoint import SafetensorsFile, write_safetensors
from sampan.errors import CheckpointError
from sampan.models import CausalLM

STATE_FILE = "run.safetensors"


def save_run_state(folder: Path, model: CausalLM, optimizer: paddle.optimizer.Optimizer, step: int) -> None:
    """Writes `run.safetensors` into `folder`, float32, replacing an older one at once."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model/{name}": parameter.numpy() for name, parameter in model.named_parameters()}
    tensors |= {f"optimizer/{key}": value.numpy() for key, value in _moments(model, optimizer).items()}
    write_safetensors(folder / STATE_FILE, tensors, "fp32", {"step": json.dumps(step)})


def load_run_state(folder: Path, model: CausalLM, optimizer: paddle.optimizer.Optimizer) -> int:
    """Restores what `save_run_state` wrote and returns the step; 0 where there is no checkpoint.

    Raises:
        CheckpointError: the file is damaged or belongs to another model.
    """
    path = folder / STATE_FILE
    if not path.exists():
        return 0
    file = SafetensorsFile(path)
    stored = {name: file.get(name) for name in file.names()}
    parameters = dict(model.named_parameters())
    names = {name.removeprefix("model/") for name in stored if name.startswith("model/")}
    if names != set(parameters) or any(list(stored[f"model/{n}"].shape) != p.shape for n, p in parameters.items()):
        raise CheckpointError(f"{path} belongs to another model", remedy=f"remove {path} to start anew")
    for name, parameter in parameters.items():
        parameter.set_value(stored[f"model/{name}"])
    state: dict[str, Any] = {}
    for key, value in stored.items():
        if key.startswith("optimizer/"):
            name, _, moment = key.removeprefix("optimizer/").rpartition("/")
            state[f"{parameters[name].name}_{moment}"] = paddle.to_tensor(np.array(value))
    optimizer.set_state_dict(state)
    return int(json.loads(file.metadata["step"]))


def _moments(model: CausalLM, optimizer: paddle.optimizer.Optimizer) -> dict[str, paddle.Tensor]:
    """Optimiser state under `<parameter>/<moment>`: Paddle's own keys count layers and differ from process to process."""
    state = optimizer.state_dict()
    moments = {}
    for name, parameter in model.named_parameters():
        prefix = f"{parameter.name}_"
        for key, value in state.items():
            if key.startswith(prefix):
                moments[f"{name}/{key.removeprefix(prefix)}"] = value
    return moments
