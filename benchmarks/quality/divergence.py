"""How far next-token distributions lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sampan.evaluation.divergence import Outline, kl_divergence, most_probable, token_losses

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
        got = got[:, : expected.shape[1]]
        tokens = most_probable(expected, expected.shape[1])
        p, q = Outline.of(expected, tokens), Outline.of(got, tokens)
        kl.append(kl_divergence(p, q))
        same.append(expected.argmax(axis=-1) == got.argmax(axis=-1))
        following = np.array(text[1:], np.int32)
        loss.append(
            token_losses(got[:-1], q.log_total[:-1], following)
            - token_losses(expected[:-1], p.log_total[:-1], following)
        )
    all_kl = np.concatenate(kl)
    return Divergence(
        mean_kl=float(all_kl.mean()),
        kl_99=float(np.quantile(all_kl, 0.99)),
        top1=float(np.concatenate(same).mean()),
        perplexity_ratio=float(np.exp(np.concatenate(loss).mean())),
        positions=len(all_kl),
    )
