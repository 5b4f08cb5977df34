"""The embedded model's greedy answers are the same tokens under every circumstance. `test_engine.py` asks the same of
log-probabilities and sampled tokens; here the prompts are real, and many begin alike."""

from __future__ import annotations

from itertools import takewhile

import pytest

from sampan import LLM, SamplingParams
from sampan.config import EngineConfig

PARAMS = SamplingParams(temperature=0, max_tokens=16, ignore_eos=True)
QUESTIONS = [
    "如何重置路由器密码?",
    "How do I reset my router password?",
    "用Python实现快速排序",
    "Write a binary search in Python",
    "你好",
    "12 × 34 = ?",
    "晚上网速特别慢，看视频一直卡，应该从哪里开始检查？",
    "Who are you and what can you do for me?",
]
# 32 conversations: each question alone, twice in a row, after another one, and after an answer.
CONVERSATIONS = [
    [*history, {"role": "user", "content": question}]
    for question in QUESTIONS
    for history in (
        [],
        [{"role": "user", "content": question}, {"role": "assistant", "content": "1. 好的。"}],
        [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "你好！" * 20}],
        [{"role": "system", "content": "Answer briefly. " * 12}],
    )
]


def answers(llm: LLM, indices: range = range(32)) -> list[tuple[int, ...]]:
    return [output.outputs[0].token_ids for output in llm.chat([CONVERSATIONS[i] for i in indices], PARAMS)]


@pytest.fixture(scope="module")
def alone() -> list[tuple[int, ...]]:
    llm = LLM(engine_config=EngineConfig(enable_prefix_caching=False))
    return [answers(llm, range(i, i + 1))[0] for i in range(32)]


def test_together_with_a_cold_and_a_warm_cache(alone: list[tuple[int, ...]]) -> None:
    llm = LLM()
    assert answers(llm) == alone
    before = llm.loaded.engine.kv_cache.num_hit_tokens
    assert answers(llm) == alone
    assert llm.loaded.engine.kv_cache.num_hit_tokens - before > 300


@pytest.mark.parametrize("chunk", [5, 16, 100])
def test_in_chunks(alone: list[tuple[int, ...]], chunk: int) -> None:
    llm = LLM(engine_config=EngineConfig(max_num_batched_tokens=chunk))
    indices = range(0, 32, 1 if chunk == 100 else 4)
    assert answers(llm, indices) == [alone[i] for i in indices]


def test_preempted(alone: list[tuple[int, ...]]) -> None:
    llm = LLM(engine_config=EngineConfig(num_blocks=20))
    assert answers(llm) == alone
    assert llm.loaded.engine.scheduler.num_preemptions > 3


def test_a_second_turn_and_a_shared_system_prompt_are_found_in_the_cache() -> None:
    """Counted exactly, in whole blocks of 16: of what an earlier request computed, all but its very last token."""
    llm = LLM()
    engine = llm.loaded.engine
    system = [{"role": "system", "content": "You answer questions about routers, modems and cables. " * 4}]
    first = [*system, {"role": "user", "content": QUESTIONS[1]}]
    (opening,) = llm.chat([first], PARAMS)
    assert (opening.num_cached_tokens, engine.kv_cache.num_hit_tokens) == (0, 0)

    # The next turn repeats prompt and answer, as it was drawn, and goes on.
    so_far = [*opening.prompt_token_ids, *opening.outputs[0].token_ids]
    (turn,) = llm.generate(prompt_token_ids=[[*so_far, *range(100, 120)]], sampling_params=PARAMS)
    assert turn.num_cached_tokens == (len(so_far) - 1) // 16 * 16
    assert turn.num_cached_tokens > len(opening.prompt_token_ids)

    # Another conversation begins with the same words.
    (other,) = llm.chat([[*system, {"role": "user", "content": "你好"}]], PARAMS)
    pairs = zip(opening.prompt_token_ids, other.prompt_token_ids, strict=False)
    num_alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    assert other.num_cached_tokens == num_alike // 16 * 16 > 0

    prompts = [output.prompt_token_ids for output in (opening, turn, other)]
    assert engine.kv_cache.num_queried_tokens == sum(map(len, prompts))
    assert engine.kv_cache.num_hit_tokens == turn.num_cached_tokens + other.num_cached_tokens
