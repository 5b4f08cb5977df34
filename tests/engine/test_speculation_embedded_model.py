"""The embedded model with and without speculation, in 32 conversations that repeat much: the same answers, whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sampan import LLM, SamplingParams
from sampan.config import EngineConfig
from sampan.engine import RequestOutput
from sampan.engine.step_cost import StepCost

FAQ = """1. 关闭路由器电源，等待十秒。
2. 按住 reset 键，直到所有指示灯闪烁。
3. 打开 192.168.1.1，用默认密码登录。
4. 设置新的密码，然后保存并重启。"""
CODE = """def binary_search(items, target):
    low, high = 0, len(items) - 1
    while low <= high:
        middle = (low + high) // 2
        if items[middle] == target:
            return middle
        if items[middle] < target:
            low = middle + 1
        else:
            high = middle - 1
    return -1
"""
QUESTIONS = [
    f"{FAQ}\n如何重置路由器密码?",
    f"{CODE}\nWrite a binary search in Python",
    "How do I reset my router password?",
    "用Python实现快速排序",
]
CONVERSATIONS = [[{"role": "user", "content": question}] for question in QUESTIONS for _ in range(8)]
PARAMS = [
    replace(
        SamplingParams(
            temperature=0.0 if index % 8 == 0 else 0.6,
            top_p=0.95,
            seed=index,
            max_tokens=160,
            logprobs=1 if index % 8 < 4 else None,
            repetition_penalty=1.1 if index % 8 == 5 else 1.0,
        ),
        thinking_token_budget=12 if index % 8 in (2, 6) else None,
        stop=("2.", "while") if index % 8 == 7 else (),
    )
    for index in range(32)
]


def without_counts(output: RequestOutput) -> list[object]:
    [answer] = output.outputs
    return [
        answer.token_ids,
        [(entry.token_ids.tolist(), entry.logprobs.tobytes(), entry.rank) for entry in answer.logprobs],
        answer.text,
        answer.reasoning_content,
        answer.content,
        answer.finish_reason,
        answer.stop_reason,
        answer.num_reasoning_tokens,
    ]


@pytest.fixture(scope="module")
def plain() -> list[list[object]]:
    llm = LLM(engine_config=EngineConfig(speculation="off"))
    return [without_counts(output) for output in llm.chat(CONVERSATIONS, PARAMS)]


@pytest.fixture(autouse=True)
def cheap_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """What rows really cost here and now would decide how much is drafted."""
    monkeypatch.setattr(StepCost, "share", lambda self, num_rows: 0.1)


def test_together(plain: list[list[object]]) -> None:
    llm = LLM()
    assert [without_counts(output) for output in llm.chat(CONVERSATIONS, PARAMS)] == plain
    assert llm.loaded.engine.num_accepted_tokens > 200


def test_alone(plain: list[list[object]]) -> None:
    llm = LLM()
    outputs = [llm.chat([CONVERSATIONS[i]], [PARAMS[i]])[0] for i in range(32)]
    assert [without_counts(output) for output in outputs] == plain
    engine = llm.loaded.engine
    assert engine.num_drafted_tokens > engine.num_accepted_tokens > 200


def test_preempted(plain: list[list[object]]) -> None:
    llm = LLM(engine_config=EngineConfig(num_blocks=40))
    assert [without_counts(output) for output in llm.chat(CONVERSATIONS, PARAMS)] == plain
    assert llm.loaded.engine.scheduler.num_preemptions > 3
    assert llm.loaded.engine.num_accepted_tokens > 200


def test_a_budget_gives_a_shorter_thought_and_a_whole_answer(plain: list[list[object]]) -> None:
    for index in (2, 6, 18, 22):
        _, _, text, reasoning, content, finish_reason, _, num_reasoning_tokens = plain[index]
        assert num_reasoning_tokens <= 14
        assert text == f"{reasoning}</think>\n\n{content}" or reasoning
        assert content
        assert finish_reason in ("stop", "length")
