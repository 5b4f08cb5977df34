"""What is measured of every engine, and the arithmetic between two engines' measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Work:
    """Prompts that an engine answers together; its figure is tokens a second.

    Where one token is asked for, the figure counts the prompts' tokens up to that one (prefill); otherwise the tokens
    after it (decode).
    """

    name: str
    batch: int
    prompt_tokens: int
    new_tokens: int

    def question(self, seed: str) -> dict[str, int | str]:
        """For `worker.measure`."""
        return {
            "batch": self.batch,
            "prompt_tokens": self.prompt_tokens,
            "new_tokens": self.new_tokens,
            "seed": seed,
        }

    def tokens_per_s(self, prefill_s: float, decode_s: float) -> float:
        """From what the worker measured."""
        if self.new_tokens == 1:
            return self.batch * self.prompt_tokens / prefill_s
        return self.batch * (self.new_tokens - 1) / decode_s


# As many steps as give each engine a few seconds.
WORKS = (
    Work("1 stream", 1, 16, 33),
    Work("8 streams", 8, 16, 17),
    Work("32 streams", 32, 16, 9),
    Work("prefill 512", 1, 512, 1),
)


@dataclass(slots=True)
class Measurements:
    """All readings of one contender; lists hold one for each round, so that equal indexes belong together."""

    bits: int
    versions: dict[str, str] = field(default_factory=dict)
    first_token_s: list[float] = field(default_factory=list)  # starts after the very first
    tokens_per_s: dict[str, list[float]] = field(default_factory=dict)  # by work
    resident_bytes: int = 0  # at rest, after all work
    peak_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Ratio:
    """Sampan's figure over another's: the median over the rounds, and the lowest and highest round."""

    median: float
    lowest: float
    highest: float


def ratio(mine: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of readings taken in the same rounds: what slows a machine down for a while slows both."""
    rounds = [a / b for a, b in zip(mine, theirs, strict=True)]
    return Ratio(median(rounds), min(rounds), max(rounds))


def ratios(mine: Measurements, theirs: Measurements) -> dict[str, Ratio]:
    """By figure: speeds, `memory` and `start`. Of the last two less is better."""
    found = {name: ratio(values, theirs.tokens_per_s[name]) for name, values in mine.tokens_per_s.items()}
    found["memory"] = ratio([mine.resident_bytes], [theirs.resident_bytes])
    found["start"] = ratio(mine.first_token_s, theirs.first_token_s)
    return found
