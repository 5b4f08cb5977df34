"""Between checkpoint names and layers. Hugging Face stores a linear weight as [out, in], Paddle as [in, out]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import paddle

from sampan.checkpoint import Checkpoint
from sampan.models.decoder import CausalLM


def _is_linear(name: str) -> bool:
    return name.endswith("_proj.weight") or name == "lm_head.weight"


def load_weights(model: CausalLM, checkpoint: Checkpoint) -> None:
    """Fills every parameter, one tensor at a time. That names and shapes fit was checked when the checkpoint was
    opened.

    Raises:
        CheckpointError: a file changed since it was opened.
    """
    for name, parameter in model.named_parameters():
        value = checkpoint.get(name)
        tensor = paddle.to_tensor(np.ascontiguousarray(value.T) if _is_linear(name) else value)
        parameter.set_value(tensor.astype(parameter.dtype))


def export_weights(model: CausalLM) -> dict[str, npt.NDArray[np.float32]]:
    """All parameters under Hugging Face's names and in its shapes, float32."""
    weights = {}
    for name, parameter in model.named_parameters():
        value = parameter.astype("float32").numpy()
        weights[name] = np.ascontiguousarray(value.T) if _is_linear(name) else value
    return weights
