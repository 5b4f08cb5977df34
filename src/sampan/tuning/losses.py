"""What training minimises."""

from __future__ import annotations

import paddle
from paddle.nn import functional as F

from sampan.models import CausalLM
from sampan.tuning.attention import attend_by_heads
from sampan.tuning.data import Batch


def masked_cross_entropy(model: CausalLM, batch: Batch) -> paddle.Tensor:
    """Mean negative log-likelihood of `batch.targets`, a scalar.

    Logits are computed at the target positions alone: with a short answer after a long prompt this saves most of the output
    matrix and of the softmax, without changing the value.
    """
    hidden = model.model(paddle.to_tensor(batch.input_ids), attend=attend_by_heads)
    rows = paddle.gather(hidden.reshape([-1, hidden.shape[-1]]), paddle.to_tensor(batch.rows))
    loss: paddle.Tensor = F.cross_entropy(model.logits(rows), paddle.to_tensor(batch.targets))
    return loss
