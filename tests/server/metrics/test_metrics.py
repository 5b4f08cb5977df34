"""`GET /metrics` of a real server: what it counts is what its clients counted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cluster_process import Cluster, ask_all, cluster, jobs, wait_until
from sampan.server.metrics.registry import PREFIX, REGISTRY, REQUEST_BUCKETS

CHAT: dict[str, Any] = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 40, "temperature": 0}
TIMEOUT = 60.0


class Scrape:
    """One answer of `/metrics`."""

    def __init__(self, url: str) -> None:
        response = httpx.get(f"{url}/metrics", timeout=TIMEOUT)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain; version=")
        self.families = {family.name: family for family in text_string_to_metric_families(response.text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, prefix: str = PREFIX, **labels: str) -> float:
        """The sum of all series of that name with these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == prefix + name and labels.items() <= sample.labels.items()
        )

    def percentile(self, name: str, share: float) -> tuple[float, float]:
        """The bucket in which that share of a histogram lies."""
        buckets = [
            (float(sample.labels["le"]), sample.value)
            for sample in self.samples
            if sample.name == f"{PREFIX}{name}_bucket"
        ]
        rank, below = share * max(count for _, count in buckets), 0.0
        for bound, count in sorted(buckets):
            if count >= rank:
                return below, bound
            below = bound
        raise AssertionError


@pytest.fixture(scope="module")
def served() -> Iterator[Cluster]:
    with cluster("--workers", "2", "--metrics-alias", "vllm") as own:
        yield own


def settled(url: str, name: str, wanted: float, **labels: str) -> Scrape:
    """A scrape in which a counter has the value that it must come to."""
    wait_until(lambda: Scrape(url).value(name, **labels) == wanted)
    return Scrape(url)


def test_what_is_counted_is_what_clients_counted(served: Cluster) -> None:
    before, work = Scrape(served.url), jobs(12, 60)
    answers = ask_all(served.url, work)
    with httpx.Client(base_url=served.url, timeout=TIMEOUT) as client:
        began = time.monotonic()
        chats = [client.post("/v1/chat/completions", json=CHAT) for _ in range(5)]
        longest = time.monotonic() - began
        pair = client.post("/v1/chat/completions", json={**CHAT, "n": 2})
        assert client.post("/v1/chat/completions", json={"messages": []}).status_code == 400
        embedded = client.post("/v1/embeddings", json={"input": "Hello"}).json()["usage"]["prompt_tokens"]
    usages = [response.json()["usage"] for response in (*chats, pair)]
    num_drawn = sum(answer.num_tokens for answer in answers) + sum(usage["completion_tokens"] for usage in usages)
    num_asked = sum(len(job.prompt) for job in work) + sum(usage["prompt_tokens"] for usage in usages) + embedded
    num_thought = sum(usage["completion_tokens_details"]["reasoning_tokens"] for usage in usages)
    num_ended = len(answers) + len(chats) + 2

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    after = settled(served.url, "generation_tokens_total", before.value("generation_tokens_total") + num_drawn)
    assert more("prompt_tokens_total") == more("tokens_total", kind="prompt") == num_asked
    assert more("tokens_total", kind="thought") == num_thought
    assert more("tokens_total", kind="answer") == num_drawn - num_thought
    assert more("request_success_total") == num_ended
    assert more("request_success_total", finished_reason="error") == 0
    assert more("request_generation_tokens_sum") == num_drawn
    assert more("inter_token_latency_seconds_count") == num_drawn - num_ended
    for name in ("time_to_first_token", "e2e_request_latency", "request_queue_time", "request_decode_time"):
        assert more(f"{name}_seconds_count") == num_ended, name
    assert more("request_params_n_sum") == num_ended
    assert more("http_responses_total", status="400") == 1
    assert more("thinking_seconds_count") == more("time_to_first_answer_token_seconds_count")
    assert more("request_prefill_time_seconds_sum") + more("request_decode_time_seconds_sum") == pytest.approx(
        more("request_inference_time_seconds_sum")
    )
    assert longest < more("e2e_request_latency_seconds_sum") + 1.0


def test_a_client_that_leaves_is_an_abort(served: Cluster) -> None:
    aborted = Scrape(served.url).value("request_success_total", finished_reason="abort")
    body = {**CHAT, "max_tokens": 2000, "ignore_eos": True, "stream": True}
    with httpx.stream("POST", f"{served.url}/v1/chat/completions", json=body, timeout=TIMEOUT) as response:
        lines = response.iter_lines()
        next(lines)
        wait_until(lambda: Scrape(served.url).value("num_requests_running") == 1)
        assert Scrape(served.url).value("kv_cache_usage_perc") > 0
    after = settled(served.url, "request_success_total", aborted + 1, finished_reason="abort")
    wait_until(lambda: Scrape(served.url).value("num_requests_running") == 0)
    assert after.value("engine_ready") == 1


def test_every_series_is_in_the_registry_and_the_other_way_round(served: Cluster) -> None:
    scrape = Scrape(served.url)
    names = {PREFIX + metric.name for metric in REGISTRY}
    aliases = {f"vllm:{metric.name}" for metric in REGISTRY if metric.in_vllm}
    assert scrape.families.keys() == names | aliases
    for metric in REGISTRY:
        for sample in scrape.families[PREFIX + metric.name].samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)
            if metric.values:
                assert sample.labels[metric.label] in metric.values
            assert sample.labels["model_name"] == "sampan-tiny"
    for metric in REGISTRY:
        if metric.in_vllm:
            own, alias = scrape.families[PREFIX + metric.name], scrape.families[f"vllm:{metric.name}"]
            assert [sample.value for sample in own.samples] == [sample.value for sample in alias.samples]


def test_percentiles_are_those_of_clients(served: Cluster) -> None:
    """Of a server of its own: nobody else's requests are among them."""
    with cluster() as own, httpx.Client(base_url=own.url, timeout=TIMEOUT) as client:
        times = []
        for length in (5, 30, 60, 200) * 10:
            body = {**CHAT, "max_tokens": length, "ignore_eos": True}
            began = time.monotonic()
            client.post("/v1/chat/completions", json=body).raise_for_status()
            times.append(time.monotonic() - began)
        scrape = settled(own.url, "e2e_request_latency_seconds_count", len(times))
    below, bound = scrape.percentile("e2e_request_latency_seconds", 0.99)
    slowest = sorted(times)[-1]
    index = next(i for i, edge in enumerate(REQUEST_BUCKETS) if slowest <= edge)
    assert below <= slowest  # what the client measures has the way to and fro in it
    assert bound >= REQUEST_BUCKETS[max(index - 1, 0)]


def test_counts_outlive_the_worker_that_made_them() -> None:
    with cluster("--workers", "2") as own:
        for _ in range(4):
            httpx.post(f"{own.url}/v1/chat/completions", json=CHAT, timeout=TIMEOUT).raise_for_status()
        settled(own.url, "request_success_total", 4.0)
        for worker in own.workers():
            os.kill(worker, signal.SIGKILL)
            wait_until(lambda gone=worker: own.ready() == 200 and gone not in own.workers())
        wait_until(lambda: len(own.workers()) == 2)
        assert Scrape(own.url).value("request_success_total") == 4.0
        os.kill(own.engine(), signal.SIGKILL)
        scrape = settled(own.url, "process_restarts_total", 1.0, process="engine")
        assert scrape.value("process_restarts_total", process="worker") == 2.0
        httpx.post(f"{own.url}/v1/chat/completions", json=CHAT, timeout=TIMEOUT).raise_for_status()
        settled(own.url, "request_success_total", 5.0)
