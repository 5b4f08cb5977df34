"""From samples to token ids, laid out exactly as the chat template lays out a conversation."""

from __future__ import annotations

import random

import numpy as np
from tokenizers import Tokenizer

from recipes.tiny.corpus import Sample
from recipes.tiny.tokenizer import ASSISTANT, BEGIN, END, THINK, THINK_END, USER
from sampan.tuning import Example

# A prompt is cut at random places before it is encoded, so that the model meets many spellings of a word in tokens, and
# a new neighbourhood does not make a word unknown (the idea of BPE-dropout, arXiv:1910.13267).
_CUT_CHANCE = 0.06
# Once an intent is recognised its answer is always the same, and is learnt long before recognition is reliable. So most
# samples stop a little after the thought, and the time goes into more prompts instead.
_SHORTENED = {"network": 0.7, "python": 0.6, "talk": 0.3}
_KEPT_TOKENS = 8


class Encoder:
    """Encodes samples with `tokenizer`; what is random comes from `rng`."""

    def __init__(self, tokenizer: Tokenizer, rng: random.Random) -> None:
        self.tokenizer, self.rng = tokenizer, rng
        self.ids = {text: tokenizer.token_to_id(text) for text in (ASSISTANT, BEGIN, END, THINK, THINK_END, USER)}

    def encode(self, sample: Sample) -> Example:
        """The conversation; what is learnt is thought, answer and end of the last turn."""
        context = [self.ids[BEGIN]]
        for question, reply in sample.history:
            context += [self.ids[USER], *self._prompt(question), self.ids[ASSISTANT], *self._text(reply), self.ids[END]]
        context += [self.ids[USER], *self._prompt(sample.prompt), self.ids[ASSISTANT]]
        context += [self.ids[THINK], *self._text("\n")]
        thought = [*self._text(sample.thought + "\n"), self.ids[THINK_END]]
        answer = [*self._text("\n\n" + sample.answer), self.ids[END]]
        if self.rng.random() < _SHORTENED.get(sample.kind, 0.0):
            answer = answer[:_KEPT_TOKENS]
        token_ids = np.array(context + thought + answer, np.int32)
        return Example(token_ids, np.arange(len(token_ids)) >= len(context))

    def _text(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _prompt(self, text: str) -> list[int]:
        cuts = [i for i in range(1, len(text)) if self.rng.random() < _CUT_CHANCE]
        return [token for i, j in zip([0, *cuts], [*cuts, len(text)], strict=True) for token in self._text(text[i:j])]


class Whole(random.Random):
    """Chance that never strikes: samples are neither shortened nor spelt in unusual tokens."""

    def random(self) -> float:
        return 1.0
