"""What training minimises."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle.nn import functional

from sampan.models import CausalLM
from sampan.tuning.attention import attend_by_heads
from sampan.tuning.data import Batch


def masked_cross_entropy(model: CausalLM, batch: Batch) -> paddle.Tensor:
    """Mean negative log-likelihood of `batch.targets`, a scalar.

    Logits are computed at the target positions alone: with a short answer after a long prompt this saves most of the
    output matrix and of the softmax, without changing the value.
    """
    loss: paddle.Tensor = functional.cross_entropy(_logits(model, batch), paddle.to_tensor(batch.targets))
    return loss


def divergence_from(teacher: CausalLM) -> Callable[[CausalLM, Batch], paddle.Tensor]:
    """A loss: the mean of KL(teacher || model) over `batch.rows`, in nats (distillation, arXiv:1503.02531).

    Args:
        teacher: with the same vocabulary; it is not trained.
    """
    teacher.eval()

    def loss(model: CausalLM, batch: Batch) -> paddle.Tensor:
        with paddle.no_grad():
            expected = functional.softmax(_logits(teacher, batch).astype("float32"))
            least = functional.cross_entropy(paddle.log(expected), expected, soft_label=True)  # its own entropy
        found = _logits(model, batch).astype("float32")
        return functional.cross_entropy(found, expected, soft_label=True) - least

    return loss


def _logits(model: CausalLM, batch: Batch) -> paddle.Tensor:
    """[rows, vocab_size]."""
    hidden = model.model(paddle.to_tensor(batch.input_ids), attend=attend_by_heads)
    return model.logits(paddle.gather(hidden.reshape([-1, hidden.shape[-1]]), paddle.to_tensor(batch.rows)))
