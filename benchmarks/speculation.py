"""What prompt-lookup speculation brings, and what a step costs by the number of its rows.

    python -m benchmarks.speculation [MODEL] [--load-format dummy] [--json]

Greedy answers, one conversation at a time and eight together, with speculation and without in turn: `quote` asks again
what the conversation has answered already, as FAQ answers and edits of code quote their context; `fresh` asks for the
first time, where little repeats. The answers must be equal, or the program fails. Prompts come from the prefix cache,
so that decoding is what is timed. Random weights (`--load-format dummy`) answer nothing: of those the step's cost alone
is measured, and what it would bring if that share of the drafts were right.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from sampan import LLM, SamplingParams
from sampan.config import EngineConfig
from sampan.engine import Request
from sampan.engine.speculative import draft_length

QUESTIONS = [
    "How do I reset my router password?",
    "Write a binary search in Python",
    "如何重置路由器密码?",
    "用Python实现快速排序",
    "晚上网速特别慢，看视频一直卡，应该从哪里开始检查？",
    "Write a bubble sort in Python",
    "The printer does not connect to the network",
    "用Python实现二分查找",
]
ROWS = (1, 2, 3, 4, 6, 8, 12, 16)
PARAMS = SamplingParams(temperature=0, max_tokens=300)
SHARES = (0.5, 0.7, 0.8, 0.9)


class Fixed:
    """A drafter whose drafts are as many as asked for, and wrong: the requests stay where they are."""

    def __init__(self) -> None:
        self.length = 0

    def propose(self, request: Request, limit: int, num_rows: int) -> Sequence[int]:
        return request.token_ids[-self.length :] if self.length else ()

    def learn(self, request: Request, num_drafted: int, num_accepted: int) -> None: ...

    def observe_step(self, num_rows: int, seconds: float) -> None: ...


def open_model(options: argparse.Namespace, speculation: str) -> LLM:
    config = EngineConfig(speculation=speculation, num_blocks=512)
    return LLM(options.model, precision=options.precision, load_format=options.load_format, engine_config=config)


def conversations(llm: LLM) -> dict[str, list[list[dict[str, str]]]]:
    """The same questions for the first and for the second time."""
    fresh = [[{"role": "user", "content": question}] for question in QUESTIONS]
    answers = [output.outputs[0].content or "" for output in llm.chat(fresh, PARAMS)]
    quote = [
        [*messages, {"role": "assistant", "content": answer}, *messages]
        for messages, answer in zip(fresh, answers, strict=True)
    ]
    return {"quote": quote, "fresh": fresh}


def time_answers(llm: LLM, batch: int, work: Sequence[list[dict[str, str]]]) -> tuple[float, list[tuple[int, ...]]]:
    """Tokens a second, and the tokens."""
    answers: list[tuple[int, ...]] = []
    begin = perf_counter()
    for start in range(0, len(work), batch):
        answers += [output.outputs[0].token_ids for output in llm.chat(work[start : start + batch], PARAMS)]
    return sum(map(len, answers)) / (perf_counter() - begin), answers


def compare(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """On and off in turn; the middle of the rounds."""
    llms = {speculation: open_model(options, speculation) for speculation in ("off", "ngram")}
    for name, work in conversations(llms["off"]).items():
        for batch in (1, 8):
            speeds: dict[str, list[float]] = {speculation: [] for speculation in llms}
            engine = llms["ngram"].loaded.engine
            for round_number in range(options.rounds + 1):  # the first one fills the prefix caches
                before = engine.num_drafted_tokens, engine.num_accepted_tokens
                turn = list(llms.items())[:: 1 if round_number % 2 else -1]
                results = {speculation: time_answers(llm, batch, work) for speculation, llm in turn}
                if results["off"][1] != results["ngram"][1]:
                    raise SystemExit("speculation changed an answer")
                for speculation, (speed, _) in results.items():
                    speeds[speculation] += [speed] if round_number else []
            drafted, accepted = engine.num_drafted_tokens - before[0], engine.num_accepted_tokens - before[1]
            tokens = sum(map(len, results["off"][1]))
            ratios = [on / off for on, off in zip(speeds["ngram"], speeds["off"], strict=True)]
            yield {
                "work": name,
                "batch": batch,
                "tokens": tokens,
                "tokens_per_s": {speculation: round(statistics.median(all_)) for speculation, all_ in speeds.items()},
                "speedup": round(statistics.median(ratios), 2),
                "drafted": drafted,
                "accepted": accepted,
            }


def step_costs(options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of a step of one request, by the rows that it brings, and what that would gain."""
    llm = open_model(options, "off")
    engine = llm.loaded.engine
    drafter = Fixed()
    engine.scheduler._drafter = drafter
    rng = np.random.default_rng(0)
    prompt = rng.integers(0, engine.vocab_size, options.context).tolist()
    seconds: dict[int, list[float]] = {rows: [] for rows in ROWS}
    engine.add_request(Request("r", prompt, SamplingParams(temperature=0, ignore_eos=True)))
    engine.step()
    for _ in range(options.rounds * 2):
        for rows in ROWS:
            drafter.length = rows - 1
            engine.step()
            begin = perf_counter()
            engine.step()
            seconds[rows].append(perf_counter() - begin)
    engine.abort("r")
    cost = {rows: min(times) for rows, times in seconds.items()}
    share = (cost[8] - cost[1]) / 7 / cost[1]
    gains = {}
    for rate in SHARES:
        length = draft_length(rate, share, ROWS[-1] - 1)
        gains[rate] = {
            "drafts": length,
            "speedup": round(sum(rate**i for i in range(length + 1)) / (1.0 + share * length), 2),
        }
    milliseconds = {rows: round(1e3 * value, 3) for rows, value in cost.items()}
    return {"step_ms_by_rows": milliseconds, "further_row": round(share, 3), "if_right": gains}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="a name from `sampan list`, or a folder; none is the embedded model")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--load-format", default="auto", choices=("auto", "dummy"))
    parser.add_argument("--context", type=int, default=256, help="tokens of the prompt of the timed steps")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = {"model": options.model, "steps": step_costs(options)}
    results["answers"] = [] if options.load_format == "dummy" else list(compare(options))
    print(json.dumps(results, indent=2) if options.json else _text(results))


def _text(results: dict[str, Any]) -> str:
    steps = results["steps"]
    lines = ["rows of a step  " + "".join(f"{rows:>8}" for rows in steps["step_ms_by_rows"])]
    lines.append("milliseconds    " + "".join(f"{value:>8.3f}" for value in steps["step_ms_by_rows"].values()))
    lines.append(f"a further row costs {100 * steps['further_row']:.0f}% of the first one's step, so")
    for rate, gain in steps["if_right"].items():
        lines.append(
            f"  with {rate:.0%} of the drafts right: {gain['drafts']} drafts, {gain['speedup']:.2f} times as fast"
        )
    for row in results["answers"]:
        speed = row["tokens_per_s"]
        lines.append(
            f"{row['work']:>6}, {row['batch']} at a time: {speed['off']:>6} -> {speed['ngram']:>6} tokens/s, "
            f"x{row['speedup']:.2f}; {row['accepted']} of {row['drafted']} drafts right, of {row['tokens']} tokens"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
