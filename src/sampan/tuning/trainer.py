"""The one training loop: batch, loss, backward, clip, step; progress and checkpoints beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import paddle
from paddle import nn

from sampan.models import CausalLM
from sampan.tuning.data import Batch, BatchPlan, Example
from sampan.tuning.losses import masked_cross_entropy
from sampan.tuning.progress import Progress
from sampan.tuning.run_state import load_run_state, save_run_state
from sampan.tuning.schedule import learning_rate_at

Loss = Callable[[CausalLM, Batch], paddle.Tensor]


@dataclass(frozen=True, slots=True)
class TrainerConfig:
    """One training run.

    Args:
        num_steps: optimiser steps of the whole run; the schedule is stretched over them.
        batch_tokens: positions in a batch, padding included.
        learning_rate: the peak; warm-up reaches it after `warmup_steps`, a cosine ends at `final_ratio` of it.
        weight_decay: AdamW's (arXiv:1711.05101), on matrices only.
        max_grad_norm: the global norm of the gradient is cut to this.
        seed: of the order of the examples.
        checkpoint_seconds: seconds between two checkpoints.
    """

    num_steps: int
    batch_tokens: int = 2048
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    final_ratio: float = 0.02
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.98)
    max_grad_norm: float = 1.0
    seed: int = 0
    checkpoint_seconds: float = 180.0


class Trainer:
    """Trains `model` on `examples`; goes on from the checkpoint in `folder` where there is one.

    A resumed run is bitwise the uninterrupted one: parameters, optimiser moments and the place in the data are all restored.
    """

    def __init__(
        self,
        model: CausalLM,
        examples: Sequence[Example],
        config: TrainerConfig,
        folder: Path,
        loss: Loss = masked_cross_entropy,
    ) -> None:
        self.model, self.examples, self.config, self.folder, self.loss = model, examples, config, folder, loss
        self.plan = BatchPlan([len(example.token_ids) for example in examples], config.batch_tokens, config.seed)
        decayed = {parameter.name for parameter in model.parameters() if parameter.ndim > 1}
        self.optimizer = paddle.optimizer.AdamW(
            learning_rate=config.learning_rate,
            beta1=config.betas[0],
            beta2=config.betas[1],
            parameters=model.parameters(),
            weight_decay=config.weight_decay,
            apply_decay_param_fun=decayed.__contains__,
            grad_clip=nn.ClipGradByGlobalNorm(config.max_grad_norm),
        )
        self.step = load_run_state(folder, model, self.optimizer)

    def train(self, until: int | None = None) -> None:
        """Runs up to step `until` (default: the end) and leaves a checkpoint there."""
        end = self.config.num_steps if until is None else min(until, self.config.num_steps)
        if self.step >= end:
            return
        saved = time.monotonic()
        batches = self.plan.batches(self.step)
        self.model.train()
        with Progress(self.config.num_steps, self.step) as progress:
            while self.step < end:
                batch = Batch.of([self.examples[i] for i in next(batches)])
                progress.advance(self.train_step(batch), batch.input_ids.size)
                if time.monotonic() - saved > self.config.checkpoint_seconds and self.step < end:
                    self.save()
                    saved = time.monotonic()
        self.save()

    def train_step(self, batch: Batch) -> float:
        """One optimiser step; the loss before it."""
        config = self.config
        self.optimizer.set_lr(
            learning_rate_at(
                self.step,
                peak=config.learning_rate,
                num_steps=config.num_steps,
                warmup_steps=config.warmup_steps,
                final_ratio=config.final_ratio,
            )
        )
        loss = self.loss(self.model, batch)
        loss.backward()
        self.optimizer.step()
        self.optimizer.clear_grad()
        self.step += 1
        return float(loss)

    def save(self) -> None:
        """Writes a checkpoint; an earlier one stays whole until the new one is."""
        save_run_state(self.folder, self.model, self.optimizer, self.step)
