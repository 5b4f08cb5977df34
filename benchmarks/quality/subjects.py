"""The models that are measured, each with its texts as token ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from recipes.tiny.corpus import generate
from recipes.tiny.encode import Encoder, Whole
from tokenizers import Tokenizer

from benchmarks.quality.planted import CONFIG, planted_tensors, planted_texts
from benchmarks.quality.simulated_decoder import REFERENCE, Array, simulate
from sampan.checkpoint import open_checkpoint, resolve_model, write_checkpoint

TEXT_LENGTH = 256  # tokens of a planted text
CORPUS_SEED = 987_654_321  # far from those of the training corpora
DOMAINS = ("network", "python", "arithmetic", "talk")


@dataclass(frozen=True, slots=True)
class Subject:
    """A checkpoint folder and the texts it is measured on."""

    name: str
    folder: Path
    texts: Sequence[Sequence[int]]

    def reference(self) -> list[Array]:
        """Logits [tokens, vocab_size] of each text in float64."""
        checkpoint = open_checkpoint(self.folder)
        tensors = {name: checkpoint.get(name) for name in checkpoint.names()}
        return simulate(checkpoint.config, tensors, REFERENCE, self.texts)


def planted(work: Path, num_tokens: int) -> Subject:
    """The random model with planted outliers; its checkpoint is written under `work`."""
    folder = work / "planted"
    write_checkpoint(folder, CONFIG, planted_tensors(), "bf16")
    return Subject("planted outliers", folder, planted_texts(CONFIG, -(-num_tokens // TEXT_LENGTH), TEXT_LENGTH))


def embedded(num_tokens: int) -> Subject:
    """The trained model that comes with Sampan, on conversations drawn anew from its corpus."""
    folder = resolve_model(None).path
    encoder = Encoder(Tokenizer.from_file(str(folder / "tokenizer.json")), Whole())
    texts: list[list[int]] = []
    for sample in generate(CORPUS_SEED, num_tokens, dict.fromkeys(DOMAINS, 1.0)):
        if sum(map(len, texts)) >= num_tokens:
            break
        texts.append(np.asarray(encoder.encode(sample).token_ids).tolist())
    return Subject("sampan-tiny", folder, texts)
