"""The steps that make `sampan-tiny`. Each leaves its result in the work folder and is skipped where that is there."""

from __future__ import annotations

import random
from pathlib import Path

import paddle
from tokenizers import Tokenizer

from recipes.tiny.corpus import generate
from recipes.tiny.encode import Encoder
from recipes.tiny.model import model_config
from recipes.tiny.tokenizer import train_tokenizer, write_tokenizer
from sampan.models import build_model
from sampan.tuning import Example, Trainer, TrainerConfig

SEED = 20250120
NUM_SAMPLES = 100_000
TOKENIZER_SAMPLES = 40_000
TRAINING = TrainerConfig(
    num_steps=7000, batch_tokens=1024, learning_rate=1.5e-3, warmup_steps=200, final_ratio=0.01, seed=SEED
)


def make_tokenizer(work: Path) -> Tokenizer:
    """Learns the tokenizer from the beginning of the corpus."""
    path = work / "tokenizer" / "tokenizer.json"
    if not path.exists():
        samples = list(generate(SEED, TOKENIZER_SAMPLES))
        texts = [sample.prompt for sample in samples]
        # Answers repeat, so a quarter of them says it all; prompts decide what a good vocabulary is.
        texts += [text for sample in samples[::4] for text in (sample.thought, sample.answer)]
        write_tokenizer(train_tokenizer(texts), path.parent)
    return Tokenizer.from_file(str(path))


def make_examples(tokenizer: Tokenizer) -> list[Example]:
    """The whole corpus in tokens; the same for the same tokenizer."""
    encoder = Encoder(tokenizer, random.Random(SEED))
    return [encoder.encode(sample) for sample in generate(SEED, NUM_SAMPLES)]


def make_trainer(work: Path, tokenizer: Tokenizer, config: TrainerConfig = TRAINING) -> Trainer:
    """A trainer at the place that the checkpoint in `work` has reached."""
    paddle.seed(SEED)
    return Trainer(build_model(model_config(tokenizer)), make_examples(tokenizer), config, work / "checkpoint")
