"""The one training loop: batch, loss, backward, clip, step; progress and checkpoints beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import paddle
from paddle import nn

from sampan.models import CausalLM
from sampan.tuning.callbacks import Callback
from sampan.tuning.data import Batch, BatchPlan, Example
from sampan.tuning.losses import masked_cross_entropy
from sampan.tuning.progress import Progress
from sampan.tuning.run_state import Place, load_run_state, save_run_state
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
        evaluate_steps: steps between two evaluations, where there are examples for that; one more comes at the end.
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
    evaluate_steps: int = 100


class Trainer:
    """Trains `model` on `examples`; goes on from the checkpoint in `folder` where there is one.

    A resumed run is bitwise the uninterrupted one: parameters, optimiser moments and place in the data are restored.

    Args:
        validation: examples that are not learnt from; the metric `val_loss` is their loss, each target counting once.
        callbacks: told of each evaluation.
    """

    def __init__(
        self,
        model: CausalLM,
        examples: Sequence[Example],
        config: TrainerConfig,
        folder: Path,
        loss: Loss = masked_cross_entropy,
        *,
        validation: Sequence[Example] = (),
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.model, self.examples, self.config, self.folder, self.loss = model, examples, config, folder, loss
        self.validation, self.callbacks = validation, callbacks
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
        place = load_run_state(folder, model, self.optimizer)
        self.step, self.seconds = place.step, place.seconds

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
                started = time.monotonic()
                batch = Batch.of([self.examples[i] for i in next(batches)])
                loss = self.train_step(batch)
                now = time.monotonic()
                self.seconds += now - started
                progress.advance(loss, batch.input_ids.size)
                if self.validation and (
                    self.step % self.config.evaluate_steps == 0 or self.step == self.config.num_steps
                ):
                    self.evaluate()
                if now - saved > self.config.checkpoint_seconds and self.step < end:
                    self.save()
                    saved = now
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

    @paddle.no_grad()
    def evaluate(self) -> dict[str, float]:
        """The metrics of the model as it is now; callbacks are told."""
        self.model.eval()
        total, count = 0.0, 0
        plan = BatchPlan([len(example.token_ids) for example in self.validation], self.config.batch_tokens, seed=0)
        for indices in plan.epoch(0):
            batch = Batch.of([self.validation[i] for i in indices])
            total += float(masked_cross_entropy(self.model, batch)) * len(batch.targets)
            count += len(batch.targets)
        self.model.train()
        metrics = {"val_loss": total / count}
        for callback in self.callbacks:
            callback.on_evaluate(self, metrics)
        return metrics

    def save(self) -> None:
        """Writes a checkpoint into `folder`."""
        save_run_state(self.folder, self.model, self.optimizer, Place(self.step, self.seconds))
