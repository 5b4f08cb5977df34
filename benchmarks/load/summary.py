"""From outcomes to figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from benchmarks.load.exchange import Outcome

PERCENTILES = (50, 90, 99)


@dataclass(frozen=True, slots=True)
class Objective:
    """What counts as a good answer, in milliseconds; None asks for nothing.

    Args:
        first_token_ms: until the first text.
        per_token_ms: between tokens, on average over the answer.
        end_to_end_ms: until the end.
    """

    first_token_ms: float | None = 500.0
    per_token_ms: float | None = 50.0
    end_to_end_ms: float | None = None

    def is_met(self, outcome: Outcome) -> bool:
        """Whether a complete answer was good."""
        times = (
            (outcome.first_token_s, self.first_token_ms),
            (outcome.per_token_s, self.per_token_ms),
            (outcome.end_to_end_s, self.end_to_end_ms),
        )
        return outcome.is_complete and all(limit is None or seconds * 1e3 <= limit for seconds, limit in times)


@dataclass(slots=True)
class Counts:
    """What the server's own counters must say of a client's requests, all of them, when nobody else asks."""

    requests: int = 0
    complete: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    finish_reasons: dict[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Takes requests in that have ended."""
        for outcome in outcomes:
            self.requests += 1
            self.complete += outcome.is_complete
            self.statuses[str(outcome.status)] = self.statuses.get(str(outcome.status), 0) + 1
            if reason := outcome.finish_reason:
                self.finish_reasons[reason] = self.finish_reasons.get(reason, 0) + 1
            self.prompt_tokens += outcome.prompt_tokens
            self.completion_tokens += outcome.completion_tokens
            self.cached_tokens += outcome.cached_tokens


@dataclass(frozen=True, slots=True)
class Point:
    """One load and what it brought.

    Args:
        loop: `open` or `closed`.
        load: requests a second, or requests at a time.
        seconds: from the first request's being due to the last one's end.
        good: complete answers that met the objective.
        times_ms: of complete answers: `first_token`, `between_tokens` (all gaps), `per_token`, `end_to_end`; of
            refusals: `refusal`. Each with its percentiles, mean and maximum.
        lateness_ms: what the client itself was late with 99 % of the requests at most.
        client_cpu: cores that the client kept busy.
        server_cpu: cores that the server kept busy; None where it is not ours.
    """

    loop: str
    load: float
    seconds: float
    good: int
    counts: Counts
    times_ms: dict[str, dict[str, float]]
    lateness_ms: float
    client_cpu: float
    server_cpu: float | None
    errors: dict[str, int]

    @property
    def requests_per_s(self) -> float:
        """Complete answers."""
        return self.counts.complete / self.seconds

    @property
    def tokens_per_s(self) -> float:
        """Tokens of all answers."""
        return self.counts.completion_tokens / self.seconds

    @property
    def goodput_per_s(self) -> float:
        """Good answers."""
        return self.good / self.seconds

    @property
    def refused(self) -> int:
        """Requests that got status 429."""
        return self.counts.statuses.get("429", 0)

    @property
    def failed(self) -> int:
        """Requests that were neither answered nor refused."""
        return self.counts.requests - self.counts.complete - self.refused

    def to_dict(self) -> dict[str, Any]:
        """In JSON's types."""
        derived = ("requests_per_s", "tokens_per_s", "goodput_per_s", "refused", "failed")
        return {**asdict(self), **{name: getattr(self, name) for name in derived}}


def summarise(
    loop: str,
    load: float,
    outcomes: Sequence[Outcome],
    objective: Objective,
    *,
    client_cpu_s: float,
    server_cpu_s: float | None,
) -> Point:
    """The figures of one load. Wants one outcome at least."""
    seconds = max(outcome.ended for outcome in outcomes) - min(outcome.due for outcome in outcomes)
    complete = [outcome for outcome in outcomes if outcome.is_complete]
    counts = Counts()
    counts.add(outcomes)
    times = {
        "first_token": [outcome.first_token_s for outcome in complete],
        "between_tokens": [gap for outcome in complete for gap in np.diff(outcome.arrivals).tolist()],
        "per_token": [outcome.per_token_s for outcome in complete if outcome.completion_tokens > 1],
        "end_to_end": [outcome.end_to_end_s for outcome in complete],
        "refusal": [outcome.end_to_end_s for outcome in outcomes if outcome.is_refused],
    }
    return Point(
        loop=loop,
        load=load,
        seconds=seconds,
        good=sum(map(objective.is_met, outcomes)),
        counts=counts,
        times_ms={name: spread(values) for name, values in times.items() if values},
        lateness_ms=float(np.percentile([outcome.sent - outcome.due for outcome in outcomes], 99)) * 1e3,
        client_cpu=client_cpu_s / seconds,
        server_cpu=None if server_cpu_s is None else server_cpu_s / seconds,
        errors=dict(Counter(o.error for o in outcomes if o.error and not o.is_refused).most_common(5)),
    )


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles, mean and maximum, in milliseconds to the microsecond."""
    values = np.array(seconds) * 1e3
    named = {f"p{percent}": np.percentile(values, percent) for percent in PERCENTILES}
    return {
        name: round(float(value), 3) for name, value in {**named, "mean": values.mean(), "max": values.max()}.items()
    }
