"""The loss against a plain computation over all logits."""

from __future__ import annotations

import numpy as np
import paddle

from sampan.models import CausalLM
from sampan.models.decoder import causal_attend
from sampan.tuning import Batch, Example, masked_cross_entropy
from sampan.tuning.attention import attend_by_heads


def plain_loss(model: CausalLM, examples: list[Example]) -> float:
    """Each example alone, every position's log-softmax, the mean over all targets together."""
    losses: list[float] = []
    for example in examples:
        logits = model(paddle.to_tensor(example.token_ids[None, :].astype("int64"))).numpy()[0].astype(np.float64)
        log_probs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        for i in range(1, len(example.token_ids)):
            if example.is_target[i]:
                losses.append(-log_probs[i - 1, example.token_ids[i]])
    return float(np.mean(losses))


def test_loss_is_the_mean_negative_log_likelihood_of_the_targets(model: CausalLM, examples: list[Example]) -> None:
    loss = float(masked_cross_entropy(model, Batch.of(examples)))
    assert abs(loss - plain_loss(model, examples)) < 1e-5


def test_tokens_before_the_answer_bring_no_gradient_of_their_own(model: CausalLM) -> None:
    """The mask alone says what is learnt; the first token has nothing before it and never counts."""
    token_ids = np.array([4, 5, 6, 7])
    losses = [
        float(masked_cross_entropy(model, Batch.of([Example(token_ids, np.array(mask))])))
        for mask in ([False, False, False, True], [True, False, False, True])
    ]
    assert losses[0] == losses[1]


def test_padding_and_neighbours_do_not_change_a_rows_gradient(model: CausalLM) -> None:
    """The loss of two examples together is the mean of both alone, weighted by their targets."""
    short = Example(np.array([1, 2, 3]), np.array([False, True, True]))
    long = Example(np.array([4, 5, 6, 7, 8, 9]), np.array([False, False, False, True, True, True]))
    alone = [float(masked_cross_entropy(model, Batch.of([example]))) for example in (short, long)]
    together = float(masked_cross_entropy(model, Batch.of([short, long])))
    assert abs(together - (2 * alone[0] + 3 * alone[1]) / 5) < 1e-6


def test_attention_by_heads_equals_the_plain_one_and_so_do_its_gradients() -> None:
    paddle.seed(1)
    shapes = ([2, 9, 4, 8], [2, 9, 2, 8], [2, 9, 2, 8])
    results = []
    tensors = [paddle.randn(shape) for shape in shapes]
    weights = paddle.randn(shapes[0])
    for attend in (causal_attend, attend_by_heads):
        q, k, v = (tensor.clone().detach() for tensor in tensors)
        for tensor in (q, k, v):
            tensor.stop_gradient = False
        out = attend(0, q, k, v)
        (out * weights).sum().backward()
        results.append([out.numpy(), q.grad.numpy(), k.grad.numpy(), v.grad.numpy()])
    for plain, by_heads in zip(*results, strict=True):
        np.testing.assert_allclose(by_heads, plain, atol=1e-5)
