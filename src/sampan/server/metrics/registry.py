"""Every metric, once: what `/metrics` says, what the guide's table lists and what dashboards and alerts may ask for.

Names, units and buckets are vLLM's where it has the same thing, under the prefix `sampan_`, so that what was made for
one fits the other; `--metrics-alias vllm` says them under `vllm:` as well. Buckets reach from milliseconds to hours: a
long chain of thought on a CPU takes minutes, and a percentile must not end at the last bucket.

Every series has the labels `model_name` and `model_version`. Other labels have few values; what a client sends never
becomes one.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = "sampan_"
MODEL_LABELS = ("model_name", "model_version")
FINISH_REASONS = ("stop", "length", "abort", "error")
TOKEN_KINDS = ("prompt", "cached", "thought", "answer")

FIRST_TOKEN_BUCKETS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 80.0, 160.0, 640.0, 2560.0),
)
TOKEN_BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0, 80.0),
)
REQUEST_BUCKETS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.0, 2.5, 5.0, 10.0, 15.0, 20.0),
    *(30.0, 40.0, 50.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 7680.0),
)
CHOICE_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0)


def one_two_five(most: int) -> tuple[float, ...]:
    """1, 2, 5, 10, 20, ... up to `most`."""
    steps = (digit * 10**power for power in range(len(str(most)) + 1) for digit in (1, 2, 5))
    return tuple(float(step) for step in steps if step <= most)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: without the prefix; Prometheus adds `_total` to a counter's.
        kind: `counter`, `gauge` or `histogram`.
        text: what it counts, and in which unit.
        label: one more label, or empty.
        values: that the label may have; none where they are a number or a route of the server.
        buckets: upper bounds; none are those of `one_two_five` up to the longest context.
        in_vllm: vLLM has it under this name.
    """

    name: str
    kind: str
    text: str
    label: str = ""
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    in_vllm: bool = True

    @property
    def labels(self) -> tuple[str, ...]:
        return (*MODEL_LABELS, *((self.label,) if self.label else ()))


# ---- counted by workers, for each answer ----------------------------------------------------------------------------

PROMPT_TOKENS = Metric(
    "prompt_tokens", "counter", "Tokens of accepted prompts; a prompt of several answers counts once"
)
GENERATION_TOKENS = Metric("generation_tokens", "counter", "Tokens of answers, thoughts among them")
TOKENS = Metric(
    "tokens",
    "counter",
    "Tokens by kind; `cached` are those of `prompt` that came from the prefix cache",
    "kind",
    TOKEN_KINDS,
    in_vllm=False,
)
REQUESTS = Metric(
    "request_success",
    "counter",
    "Answers that have ended, by why; `abort` is a client that left, a deadline, or the end of the server",
    "finished_reason",
    FINISH_REASONS,
)
FIRST_TOKEN = Metric(
    "time_to_first_token_seconds",
    "histogram",
    "From the request to the first token of an answer",
    buckets=FIRST_TOKEN_BUCKETS,
)
FIRST_ANSWER_TOKEN = Metric(
    "time_to_first_answer_token_seconds",
    "histogram",
    "From the request to the first token behind the thought",
    buckets=REQUEST_BUCKETS,
    in_vllm=False,
)
THINKING = Metric(
    "thinking_seconds",
    "histogram",
    "From the first token of a thought to its end",
    buckets=REQUEST_BUCKETS,
    in_vllm=False,
)
INTER_TOKEN = Metric(
    "inter_token_latency_seconds",
    "histogram",
    "Between two tokens of an answer; those that come together share their time",
    buckets=TOKEN_BUCKETS,
)
END_TO_END = Metric(
    "e2e_request_latency_seconds",
    "histogram",
    "From the request to the end of the answer",
    buckets=REQUEST_BUCKETS,
)
QUEUE_TIME = Metric(
    "request_queue_time_seconds",
    "histogram",
    "From the request until the engine began with it",
    buckets=REQUEST_BUCKETS,
)
PREFILL_TIME = Metric(
    "request_prefill_time_seconds",
    "histogram",
    "From there to the first token",
    buckets=REQUEST_BUCKETS,
)
DECODE_TIME = Metric(
    "request_decode_time_seconds",
    "histogram",
    "From the first token to the last",
    buckets=REQUEST_BUCKETS,
)
INFERENCE_TIME = Metric(
    "request_inference_time_seconds",
    "histogram",
    "Prefill and decode together",
    buckets=REQUEST_BUCKETS,
)
REQUEST_PROMPT_TOKENS = Metric("request_prompt_tokens", "histogram", "Tokens of a prompt")
REQUEST_GENERATION_TOKENS = Metric("request_generation_tokens", "histogram", "Tokens of an answer, with its thought")
REQUEST_THINKING_TOKENS = Metric("request_thinking_tokens", "histogram", "Tokens of a thought", in_vllm=False)
REQUEST_MAX_TOKENS = Metric("request_params_max_tokens", "histogram", "`max_tokens` of requests that state it")
REQUEST_CHOICES = Metric("request_params_n", "histogram", "`n` of requests", buckets=CHOICE_BUCKETS)
RESPONSES = Metric("http_responses", "counter", "HTTP responses, by status", "status", in_vllm=False)

# ---- told by the engine and the supervisor --------------------------------------------------------------------------

RUNNING = Metric("num_requests_running", "gauge", "Answers that the engine works on")
WAITING = Metric("num_requests_waiting", "gauge", "Answers that wait for their turn: scale on this one")
WAITING_TOKENS = Metric("num_waiting_tokens", "gauge", "Tokens of the prompts that wait", in_vllm=False)
KV_USAGE = Metric("kv_cache_usage_perc", "gauge", "Share of the KV blocks that are held, 0 to 1")
CACHE_INFO = Metric(
    "cache_config_info", "gauge", "Always 1; the label says how many KV blocks there are", "num_gpu_blocks"
)
READY = Metric("engine_ready", "gauge", "1 while a request would be answered, else 0", in_vllm=False)
PREEMPTIONS = Metric("num_preemptions", "counter", "Times that an answer gave its KV blocks back to be computed anew")
CACHE_QUERIES = Metric("prefix_cache_queries", "counter", "Tokens of prompts that were looked up in the prefix cache")
CACHE_HITS = Metric("prefix_cache_hits", "counter", "Tokens among them that were found")
DRAFTED = Metric("spec_decode_num_draft_tokens", "counter", "Tokens that were guessed and verified")
ACCEPTED = Metric("spec_decode_num_accepted_tokens", "counter", "Tokens among them that were right")
RESTARTS = Metric(
    "process_restarts",
    "counter",
    "Processes that died or hung and were replaced",
    "process",
    ("engine", "worker"),
    in_vllm=False,
)

OF_WORKERS = (
    *(PROMPT_TOKENS, GENERATION_TOKENS, TOKENS, REQUESTS, FIRST_TOKEN, FIRST_ANSWER_TOKEN, THINKING, INTER_TOKEN),
    *(END_TO_END, QUEUE_TIME, PREFILL_TIME, DECODE_TIME, INFERENCE_TIME, REQUEST_PROMPT_TOKENS),
    *(REQUEST_GENERATION_TOKENS, REQUEST_THINKING_TOKENS, REQUEST_MAX_TOKENS, REQUEST_CHOICES, RESPONSES),
)
OF_THE_ENGINE = (
    *(RUNNING, WAITING, WAITING_TOKENS, KV_USAGE, CACHE_INFO, READY, PREEMPTIONS, CACHE_QUERIES, CACHE_HITS),
    *(DRAFTED, ACCEPTED, RESTARTS),
)
REGISTRY = (*OF_WORKERS, *OF_THE_ENGINE)


def as_markdown() -> str:
    """The guide's table."""
    lines = ["| metric | kind | labels | what it says |", "| --- | --- | --- | --- |"]
    for metric in REGISTRY:
        name = PREFIX + metric.name + ("_total" if metric.kind == "counter" else "")
        values = f": {', '.join(metric.values)}" if metric.values else ""
        lines.append(f"| `{name}` | {metric.kind} | {metric.label}{values} | {metric.text} |")
    return "\n".join(lines) + "\n"
