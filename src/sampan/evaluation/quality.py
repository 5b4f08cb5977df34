"""The finding: a reference, and how far each candidate is from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sampan.errors import QualityError
from sampan.evaluation.estimates import CONFIDENCE, RESAMPLES, SEED, Estimate

SCHEMA = "sampan-quality-1"


@dataclass(frozen=True, slots=True)
class LayerError:
    """What quantising one matrix did, as whoever quantised it measured.

    Args:
        name: the matrix, under Hugging Face's name.
        format: `int4`, `int8`, `bf16` ...
        error: on the calibration, the root mean square over tokens of |change of its outputs| / |its outputs|.
    """

    name: str
    format: str
    error: float


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Args:
    name: the folder's, or the zoo's.
    precision, kv_cache: as asked for.
    sha256: of configuration and weights.
    weight_bytes: in memory.
    read_tokens_per_s: while reading, with the logits of every position.
    answer_tokens_per_s: while answering all tasks together; None where there were none.
    """

    name: str
    precision: str
    kv_cache: str
    sha256: str
    num_parameters: int
    weight_bytes: int
    read_tokens_per_s: float
    answer_tokens_per_s: float | None

    @property
    def bits(self) -> float:
        """For each weight, scales included."""
        return 8 * self.weight_bytes / self.num_parameters

    @property
    def title(self) -> str:
        """As people tell it from others."""
        cache = "" if self.kv_cache == "auto" else f", {self.kv_cache} cache"
        return self.name + ("" if self.precision == "auto" else f" in {self.precision}") + cache


@dataclass(frozen=True, slots=True)
class TaskScores:
    """Args:
    score: fraction of right answers.
    by_kind: kind -> right, asked.
    thinking_tokens: mean length of a thought.
    loop_rate: fraction of answers that repeated themselves to their end, or in whose thought the loop guard had to.
    """

    score: Estimate
    by_kind: Mapping[str, tuple[int, int]]
    thinking_tokens: Estimate
    loop_rate: float


@dataclass(frozen=True, slots=True)
class Distance:
    """A candidate's distributions beside the reference's, over some positions.

    Args:
        loss_percent: 100 * (exp(mean KL) - 1), see `Quality.check`.
        kl: mean of KL(reference || candidate) in nats; also its 99th percentile and its maximum over positions.
        top1_agreement: fraction of positions where both find the same token most probable.
        perplexity: of the texts.
    """

    positions: int
    loss_percent: Estimate
    kl: Estimate
    kl_p99: float
    kl_max: float
    top1_agreement: Estimate
    perplexity: float
    reference_perplexity: float
    perplexity_ratio: Estimate


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A position where a candidate is far from the reference.

    Args:
        before: the text before it.
        reference, candidate: the token that each finds most probable, and how probable.
    """

    domain: str
    before: str
    reference: tuple[str, float]
    candidate: tuple[str, float]
    kl: float


@dataclass(frozen=True, slots=True)
class DifferentAnswer:
    """A task that the two answered differently."""

    kind: str
    prompt: str
    expected: str
    reference: str
    candidate: str
    reference_right: bool
    candidate_right: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """The distribution of KL and where in a passage the two agree, to be drawn.

    Args:
        kl_edges: of the bins, log10 of nats; what is below the first counts in the first.
        kl_counts: positions in each.
        agreement: (first position, last position, fraction with the same top token, mean KL) along the passages.
    """

    kl_edges: Sequence[float]
    kl_counts: Sequence[int]
    agreement: Sequence[tuple[int, int, float, float]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model beside the reference.

    Args:
        distance: over all positions; and over each kind of text alone.
        tasks: None where there were none.
        score_change: of the task score, with its sign; None likewise.
        num_different_answers: of all tasks; `different_answers` shows some.
        layers: what the quantisation of each matrix did, where it is known.
    """

    model: ModelFacts
    distance: Distance
    domains: Mapping[str, Distance]
    tasks: TaskScores | None
    score_change: Estimate | None
    num_different_answers: int
    different_answers: Sequence[DifferentAnswer]
    disagreements: Sequence[Disagreement]
    curve: Curve
    layers: Sequence[LayerError] = ()

    @property
    def loss_percent(self) -> Estimate:
        """The number that decides; see `Quality.check`."""
        return self.distance.loss_percent

    def passes(self, max_loss: float) -> bool:
        """See `Quality.check`."""
        return self.loss_percent.high <= max_loss


@dataclass(frozen=True, slots=True)
class MaterialFacts:
    """What was read and asked.

    Args:
        answers_read: answers of the reference's own that were read as texts.
        rest: mean probability of what the outlines of the reference's distributions lump together.
    """

    sources: Sequence[str]
    sha256: str
    passages: int
    positions: int
    answers_read: int
    tasks: int
    max_tokens: int
    dropped: Sequence[str]
    kept_tokens: int
    rest: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What an evaluation found. Everything but `run` and the speeds is the same at every run on the same inputs."""

    version: str
    material: MaterialFacts
    reference: ModelFacts
    reference_tasks: TaskScores | None
    candidates: tuple[Candidate, ...]
    run: Mapping[str, Any] = field(default_factory=dict)

    def check(self, max_loss: float) -> None:
        """The gate. A candidate passes where its loss is at most `max_loss` per cent with 95 % confidence: what counts
        is the upper end of the interval, so that a lucky measurement on little text proves nothing.

        The loss is `100 * (exp(mean KL) - 1)`: by how many per cent the perplexity of what the reference would write
        rises when the candidate reads it. Unlike the perplexity of a given text it cannot fall by chance.

        Raises:
            QualityError: a candidate loses more, or may.
        """
        for candidate in self.candidates:
            if candidate.passes(max_loss):
                continue
            loss, name = candidate.loss_percent, candidate.model.title
            if loss.value > max_loss:
                raise QualityError(
                    f"{name} loses {loss.value:.3g} %, more than the {max_loss:g} % that are allowed",
                    remedy="quantise with a better method or more bits, or allow more with --max-loss",
                )
            raise QualityError(
                f"{name} loses {loss.value:.3g} % and perhaps up to {loss.high:.3g} %, of {max_loss:g} % allowed",
                remedy="evaluate on more text (--data FILE), or allow more with --max-loss",
            )

    def to_dict(self, max_loss: float | None = None) -> dict[str, Any]:
        """In JSON's types; docs/guides/quality.md says what each field is.

        Args:
            max_loss: of the gate, where there is one.
        """
        document = {"schema": SCHEMA, **_jsonable(self)}
        document["bootstrap"] = {"confidence": CONFIDENCE, "resamples": RESAMPLES, "seed": SEED}
        if max_loss is not None:
            passed = all(candidate.passes(max_loss) for candidate in self.candidates)
            document["gate"] = {"max_loss_percent": max_loss, "passed": passed}
        return document


def _jsonable(value: Any) -> Any:
    """Dataclasses as dicts, and estimates with the names of their fields."""
    if isinstance(value, Estimate):
        return value.to_dict()
    if hasattr(value, "__dataclass_fields__"):
        return {name: _jsonable(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {key: _jsonable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(part) for part in value]
    return value
