"""How far next-token distributions lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Divergence:
    """Of one engine or format from the reference, over all positions of some texts.

    Args:
        mean_kl: mean of KL(reference || other) of the next-token distributions, in nats.
        kl_99: its 99th percentile over positions.
        top1: fraction of positions where both find the same token likeliest.
        perplexity_ratio: the other's perplexity of the texts, divided by the reference's.
        positions: how many were compared.
    """

    mean_kl: float
    kl_99: float
    top1: float
    perplexity_ratio: float
    positions: int


def divergence(reference: Sequence[Array], other: Sequence[Array], texts: Sequence[Sequence[int]]) -> Divergence:
    """Compares logits [tokens, vocab_size] of each text. The other may have more columns, padding of its vocabulary."""
    kl, same, loss = [], [], []
    for expected, got, text in zip(reference, other, texts, strict=True):
        p, q = log_softmax(expected), log_softmax(got[:, : expected.shape[1]])
        kl.append((np.exp(p) * (p - q)).sum(axis=-1))
        same.append(p.argmax(axis=-1) == q.argmax(axis=-1))
        following = (np.arange(len(text) - 1), np.array(text[1:]))
        loss.append(p[following] - q[following])
    all_kl = np.concatenate(kl)
    return Divergence(
        mean_kl=float(all_kl.mean()),
        kl_99=float(np.quantile(all_kl, 0.99)),
        top1=float(np.concatenate(same).mean()),
        perplexity_ratio=float(np.exp(np.concatenate(loss).mean())),
        positions=len(all_kl),
    )


def log_softmax(logits: Array) -> npt.NDArray[np.float64]:
    """In float64: log-probabilities [..., vocab_size]."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
