"""Trains the embedded model to lose less when its weights are quantised, and says what that brought.

    python -m recipes.tiny.quantization_aware [--precision int4] [--start FOLDER] [--steps N] [--work FOLDER]

The model learns to give the distributions that it gave as floats, while it rounds what serving rounds. It begins with
its own weights, or with those of a folder that `sampan quantize` wrote. May be interrupted at any time; the next call
goes on from the last checkpoint. The trained model is in FOLDER/model; it is measured, as it was before, on
conversations that neither training has seen.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.quality.divergence import Divergence, divergence
from benchmarks.quality.subjects import DOMAINS, Subject, embedded
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer

from benchmarks.quality import engines
from recipes.tiny.corpus import generate
from recipes.tiny.encode import Encoder, Whole
from recipes.tiny.export import TOKENIZER_FILES
from recipes.tiny.steps import SEED
from sampan.checkpoint import open_checkpoint, resolve_model, write_coded_checkpoint
from sampan.models import CausalLM, build_model, load_weights
from sampan.tuning import Example, Trainer, TrainerConfig, divergence_from, export_trained, quantization_aware

REPOSITORY = Path(__file__).parents[2]
TRAINING_SEED = SEED + 2  # the embedded model was made with SEED and the one after it
HELDOUT_TOKENS = 2048
BATCH_TOKENS = 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains what is left to train, then measures."""
    options = _options(arguments)
    folder = resolve_model(None).path
    model = quantization_aware(_open(options.start or folder), options.precision)
    config = TrainerConfig(
        num_steps=options.steps,
        batch_tokens=BATCH_TOKENS,
        learning_rate=options.learning_rate,
        warmup_steps=options.steps // 20,
        weight_decay=0.0,
        seed=TRAINING_SEED,
        checkpoint_seconds=20.0,
    )
    examples = _examples(folder, options.steps * BATCH_TOKENS)
    trainer = Trainer(model, examples, config, options.work, divergence_from(_open(folder)))
    trainer.train()
    trained = options.work / "model"
    write_coded_checkpoint(trained, model.config, export_trained(model, options.precision), "fp32")
    for name in (*TOKENIZER_FILES, "generation_config.json"):
        shutil.copyfile(folder / name, trained / name)
    _report(options.start, trained, options.precision, trainer.seconds)


def _open(folder: Path) -> CausalLM:
    checkpoint = open_checkpoint(folder)
    model = build_model(checkpoint.config)
    load_weights(model, checkpoint)
    return model


def _examples(folder: Path, num_tokens: int) -> list[Example]:
    """Conversations drawn anew; every position is learnt from, prompts too, since each has a distribution to keep."""
    encoder = Encoder(Tokenizer.from_file(str(folder / "tokenizer.json")), Whole())
    examples: list[Example] = []
    missing = num_tokens
    for sample in generate(TRAINING_SEED, num_tokens, dict.fromkeys(DOMAINS, 1.0)):
        if missing <= 0:
            break
        example = encoder.encode(sample)
        examples.append(replace(example, is_target=np.arange(len(example.token_ids)) > 0))
        missing -= len(example.token_ids)
    return examples


def _report(start: Path | None, trained: Path, precision: str, seconds: float) -> None:
    """Prints how far all models, as they are served, lie from the model in floats."""
    before = embedded(HELDOUT_TOKENS)
    after = Subject("trained", trained, before.texts)
    reference = before.reference()
    table = Table(
        "weights", "mean KL", "KL, 99 %", "same top", "perplexity", title=f"{seconds / 60:.0f} min of training"
    )
    subjects = {precision: before, f"{precision}, trained for it": after}
    if start is not None:
        subjects["where it began"] = Subject("start", start, before.texts)
    for name, subject in subjects.items():
        (measured,) = engines.native(subject, {precision: ("fp16",)})
        table.add_row(name, *_cells(divergence(reference, measured.logits, before.texts)))
    Console().print(table)


def _cells(found: Divergence) -> tuple[str, ...]:
    return (f"{found.mean_kl:.2e}", f"{found.kl_99:.1e}", f"{found.top1:.2%}", f"x {found.perplexity_ratio:.4f}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="recipes.tiny.quantization_aware", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--precision", choices=("int8", "int4"), default="int4", help="default: %(default)s")
    parser.add_argument("--start", type=Path, help="a quantised model to begin with")
    parser.add_argument("--steps", type=int, default=240, help="of 1024 tokens (default: %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=6e-5, help="the highest (default: %(default)s)")
    parser.add_argument(
        "--work",
        type=Path,
        default=REPOSITORY / "runs" / "quantization-aware",
        help="where checkpoints lie (default: %(default)s)",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
