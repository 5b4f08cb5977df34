"""The steps that make `sampan-tiny`. Each leaves its result in the work folder and goes on from what is there."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import paddle
from rich.progress import track
from tokenizers import Tokenizer

from recipes.tiny.corpus import generate
from recipes.tiny.encode import Encoder
from recipes.tiny.model import model_config
from recipes.tiny.tokenizer import train_tokenizer, write_tokenizer
from sampan.models import CausalLM, build_model
from sampan.tuning import Example, Trainer, TrainerConfig, load_run_state, read_place

SEED = 20250120
TOKENIZER_SAMPLES = 40_000


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of training with its own mix of domains and its own learning-rate schedule."""

    name: str
    seed: int
    num_samples: int
    shares: dict[str, float]
    training: TrainerConfig


# Recognising what is asked needs breadth; column arithmetic needs repetition, and is learnt fast once the rest stands.
STAGES = (
    Stage(
        "broad",
        SEED,
        100_000,
        {"network": 0.42, "python": 0.27, "arithmetic": 0.21, "talk": 0.10},
        TrainerConfig(num_steps=7000, batch_tokens=1024, learning_rate=1.5e-3, warmup_steps=200, final_ratio=0.01),
    ),
    Stage(
        "arithmetic",
        SEED + 1,
        42_000,
        {"network": 0.13, "python": 0.07, "arithmetic": 0.70, "talk": 0.10},
        TrainerConfig(num_steps=3000, batch_tokens=1024, learning_rate=1e-3, warmup_steps=50, final_ratio=0.01),
    ),
)


def make_tokenizer(work: Path) -> Tokenizer:
    """Learns the tokenizer from the beginning of the corpus."""
    path = work / "tokenizer" / "tokenizer.json"
    if not path.exists():
        corpus = generate(SEED, TOKENIZER_SAMPLES, STAGES[0].shares)
        samples = list(track(corpus, "learning the tokenizer", TOKENIZER_SAMPLES))
        texts = [sample.prompt for sample in samples]
        # Answers repeat, so a quarter of them says it all; prompts decide what a good vocabulary is.
        texts += [text for sample in samples[::4] for text in (sample.thought, sample.answer)]
        write_tokenizer(train_tokenizer(texts), path.parent)
    return Tokenizer.from_file(str(path))


def make_examples(tokenizer: Tokenizer, stage: Stage) -> list[Example]:
    """The samples of a stage in tokens; the same for the same tokenizer."""
    encoder = Encoder(tokenizer, random.Random(stage.seed))
    samples = generate(stage.seed, stage.num_samples, stage.shares)
    return [encoder.encode(sample) for sample in track(samples, f"writing {stage.name}", stage.num_samples)]


def train_model(work: Path, tokenizer: Tokenizer) -> tuple[CausalLM, float]:
    """Runs the stages one after the other, each from where its checkpoint stands.

    Returns:
        The trained model and the seconds that training took.
    """
    paddle.seed(SEED)
    model = build_model(model_config(tokenizer))
    seconds = 0.0
    for stage in STAGES:
        folder = work / stage.name
        if read_place(folder).step < stage.training.num_steps:
            trainer = Trainer(model, make_examples(tokenizer, stage), stage.training, folder)
            trainer.train()
        seconds += load_run_state(folder, model).seconds
    return model, seconds
