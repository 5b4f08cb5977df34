"""What a worker counts, as it answers.

A token costs an append to a list here. What costs more, the series of Prometheus, is brought up to date several times a
second and before it is read.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import prometheus_client

from sampan.cluster.client import RequestTimes
from sampan.server.metrics import registry
from sampan.server.metrics.registry import PREFIX, Metric

FLUSH_SECONDS = 0.2


class Recorder:
    """The series of one worker.

    Args:
        model_name, model_version: labels of every series.
        max_model_len: the longest context; buckets for counts of tokens go so far.

    Attributes:
        registry: of this worker alone.
    """

    def __init__(self, model_name: str, model_version: str, max_model_len: int) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        self.model = (model_name, model_version)
        self.num_prompt_tokens = 0
        self.num_cached_tokens = 0
        self.num_thought_tokens = 0
        self.num_answer_tokens = 0
        self.gaps: list[float] = []  # seconds between tokens
        self._lengths = registry.one_two_five(max_model_len)
        self._series = {metric.name: self._make(metric) for metric in registry.OF_WORKERS}
        self._flushed: Counter[str] = Counter()
        for metric in (registry.TOKENS, registry.REQUESTS):
            for value in metric.values:  # a rate needs a zero to rise from
                self._series[metric.name].labels(*self.model, value)

    def _make(self, metric: Metric) -> Any:
        name, labels = PREFIX + metric.name, metric.labels
        if metric.kind == "counter":
            made: Any = prometheus_client.Counter(name, metric.text, labels, registry=self.registry)
        else:
            buckets = metric.buckets or self._lengths
            made = prometheus_client.Histogram(name, metric.text, labels, buckets=buckets, registry=self.registry)
        return made if metric.label else made.labels(*self.model)

    def count(self, metric: Metric, value: str) -> None:
        """One more, by the metric's own label."""
        self._series[metric.name].labels(*self.model, value).inc()

    def observe(self, metric: Metric, value: float) -> None:
        """One value of a histogram."""
        self._series[metric.name].observe(value)

    def accept(self, prompt_lens: Sequence[int], num_choices: int, max_tokens: int | None) -> None:
        """The prompts of a request were accepted.

        Args:
            num_choices: answers of each prompt.
            max_tokens: of an answer; None where the request does not say.
        """
        self.observe(registry.REQUEST_CHOICES, num_choices)
        if max_tokens is not None:
            self.observe(registry.REQUEST_MAX_TOKENS, max_tokens)
        for length in prompt_lens:
            self.read(length)

    def read(self, num_tokens: int) -> None:
        """A prompt was accepted."""
        self.num_prompt_tokens += num_tokens
        self.observe(registry.REQUEST_PROMPT_TOKENS, num_tokens)

    def answer(self, opened_at: float) -> AnswerRecord:
        """A record of one answer."""
        return AnswerRecord(self, opened_at)

    def count_response(self, status: int) -> None:
        """An HTTP request is done with. A client that left before there was a status has 0."""
        self.count(registry.RESPONSES, str(status))

    @contextmanager
    def kept_up_to_date(self) -> Iterator[None]:
        """While the `with` body lasts, in its event loop, the series, which other workers read too, lag behind by
        `FLUSH_SECONDS` at most."""

        async def flush_always() -> None:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                self.flush()

        task = asyncio.get_running_loop().create_task(flush_always())
        try:
            yield
        finally:
            task.cancel()
            self.flush()

    def flush(self) -> None:
        """Brings the series up to date."""
        num_generated = self.num_thought_tokens + self.num_answer_tokens
        self._raise_to(registry.PROMPT_TOKENS, "", self.num_prompt_tokens)
        self._raise_to(registry.GENERATION_TOKENS, "", num_generated)
        kinds = self.num_prompt_tokens, self.num_cached_tokens, self.num_thought_tokens, self.num_answer_tokens
        for kind, number in zip(registry.TOKEN_KINDS, kinds, strict=True):
            self._raise_to(registry.TOKENS, kind, number)
        if self.gaps:
            gaps, self.gaps = self.gaps, []
            _observe_many(self._series[registry.INTER_TOKEN.name], registry.INTER_TOKEN.buckets, gaps)

    def _raise_to(self, metric: Metric, value: str, number: int) -> None:
        key = f"{metric.name} {value}"
        more = number - self._flushed[key]
        if more > 0:
            series = self._series[metric.name]
            (series.labels(*self.model, value) if value else series).inc(more)
            self._flushed[key] = number


def _observe_many(histogram: Any, bounds: Sequence[float], values: Sequence[float]) -> None:
    """As `observe` for each value, at the cost of one call for each bucket."""
    for index, count in Counter(bisect_left(bounds, value) for value in values).items():
        histogram._buckets[index].inc(count)
    histogram._sum.inc(sum(values))


class AnswerRecord:
    """When one answer's tokens came: to this worker, whether their reader was there or not.

    Args:
        opened_at: when its request was read, in `time.monotonic` seconds.
    """

    __slots__ = ("_is_thinking", "_last", "_num_thought", "_opened", "_recorder", "_times")

    def __init__(self, recorder: Recorder, opened_at: float) -> None:
        self._recorder = recorder
        self._opened = opened_at
        self._times = RequestTimes()
        self._last = opened_at  # when the last token came that is counted here
        self._is_thinking = False
        self._num_thought = 0

    def took(self, num_tokens: int, num_thought: int, times: RequestTimes) -> None:
        """Some tokens have been read, the first `num_thought` of them a thought's. Those that came before anyone read
        them came evenly, as far as is known."""
        recorder, now = self._recorder, times.last_token or self._last
        num_gaps = num_tokens
        if self._times is not times:
            self._times = times
            self._last = times.first_token or now
            recorder.observe(registry.FIRST_TOKEN, self._last - self._opened)
            num_gaps -= 1
        gap = (now - self._last) / (num_gaps or 1)
        if num_gaps == 1:
            recorder.gaps.append(gap)
        else:
            recorder.gaps += [gap] * num_gaps
        if num_thought:
            self._is_thinking = True
            self._num_thought += num_thought
            recorder.num_thought_tokens += num_thought
        if num_tokens > num_thought:
            recorder.num_answer_tokens += num_tokens - num_thought
            if self._is_thinking:
                self._is_thinking = False
                ended = now - gap * (num_tokens - num_thought - 1)
                recorder.observe(registry.THINKING, ended - (times.first_token or ended))
                recorder.observe(registry.FIRST_ANSWER_TOKEN, ended - self._opened)
        self._last = now

    def end(self, reason: str, num_tokens: int) -> None:
        """The answer has ended, with so many tokens in all."""
        recorder, times, now = self._recorder, self._times, time.monotonic()
        recorder.count(registry.REQUESTS, reason)
        recorder.observe(registry.END_TO_END, now - self._opened)
        recorder.observe(registry.REQUEST_GENERATION_TOKENS, num_tokens)
        if self._num_thought:
            recorder.observe(registry.REQUEST_THINKING_TOKENS, self._num_thought)
        if times.first_token is None:
            return
        recorder.observe(registry.DECODE_TIME, self._last - times.first_token)
        if times.began is not None:
            recorder.observe(registry.QUEUE_TIME, max(times.began - self._opened, 0.0))
            recorder.observe(registry.PREFILL_TIME, times.first_token - times.began)
            recorder.observe(registry.INFERENCE_TIME, self._last - times.began)
