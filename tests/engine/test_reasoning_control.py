"""When a thought is closed, to the token, and that the tokens alone decide it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sampan.engine.loop_guard import CHECK_EVERY, MIN_TOKENS
from sampan.engine.reasoning_control import ReasoningControl, ThoughtTokens
from sampan.engine.sampling_params import SamplingParams

THINK, END, LINE = 1, 2, 3
TAGS = ThoughtTokens(THINK, END, (LINE, LINE + 1, END))
CLOSING = list(TAGS.closing)
THOUGHT = [9, THINK, LINE]  # a prompt that ends inside a thought
PLAIN = [9, 8]


def generate(
    model: list[int],
    limit: int,
    prompt: list[int] = THOUGHT,
    *,
    ask_at: int | None = None,
    done: Sequence[int] = (),
    **params: object,
) -> list[int]:
    """The output with a model that would write `model[i]` as token `i`, and fives behind it.

    Args:
        ask_at: "answer now" comes when there are so many tokens.
        done: an output to go on with.
    """
    tokens = [*prompt, *done]
    one = ReasoningControl(
        tokens,
        len(prompt),
        SamplingParams(**params),  # type: ignore[arg-type]
        TAGS,
        limit,
        answer_now=ask_at is not None and ask_at < len(done),
    )
    while (count := len(tokens) - len(prompt)) < limit and not one.is_looping:
        if count == ask_at:
            one.ask_to_answer()
        drawn = model[count] if count < len(model) else 5
        tokens.append(one.forced[0] if one.forced else drawn)
        one.advance()
    return tokens[len(prompt) :]


def test_the_budget_is_exact() -> None:
    for budget in range(6):
        output = generate(list(range(20, 60)), 30, thinking_token_budget=budget, answer_reserve=0)
        assert output[: budget + 3] == [*range(20, 20 + budget), *CLOSING]
        assert output[budget + 3 :] == list(range(20 + budget + 3, 50))


def test_a_thought_that_ends_in_time_is_left_alone() -> None:
    model = [20, 21, END, 22, 23]
    assert generate(model, 5, thinking_token_budget=3, answer_reserve=0) == model
    assert generate([*model, *range(24, 31)], 12, thinking_token_budget=3, answer_reserve=6) == [*model, *range(24, 31)]


def test_the_reserve_is_exact() -> None:
    for reserve in range(1, 8):
        output = generate(list(range(20, 60)), 20, answer_reserve=reserve)
        assert output == [*range(20, 37 - reserve), *CLOSING, *range(40 - reserve, 40)]


def test_the_reserve_by_default() -> None:
    def room(limit: int, **params: object) -> int:
        output = generate(list(range(1000, 1000 + limit)), limit, **params)
        return len(output) - output.index(END) - 1 if END in output else -1

    assert [room(limit) for limit in (6, 34, 35, 103, 5000)] == [-1, -1, 8, 25, 512]
    assert room(103, ignore_eos=True) == -1
    assert room(103, answer_reserve=0) == -1
    assert room(103, ignore_eos=True, answer_reserve=9) == 9


def test_without_an_open_thought_nothing_is_closed() -> None:
    model = list(range(20, 40))
    for prompt in (PLAIN, [THINK, 5, END, 9], [9, END]):
        assert generate(model, 20, prompt, thinking_token_budget=2, answer_reserve=9) == model


def test_a_thought_that_opens_in_the_output_has_a_budget_too() -> None:
    output = generate([30, THINK, 31, 32, 33, 34], 9, PLAIN, thinking_token_budget=2, answer_reserve=0)
    assert output == [30, THINK, 31, 32, *CLOSING, 5, 5]


def test_the_tag_again_does_not_start_the_count_again() -> None:
    output = generate([THINK, 31, THINK, 32, 33], 8, thinking_token_budget=3, answer_reserve=0)
    assert output == [THINK, 31, THINK, *CLOSING, 5, 5]


def test_a_tag_in_the_answer_opens_nothing() -> None:
    model = [20, END, 21, THINK, 22, 23, 24, 25]
    assert generate(model, 8, thinking_token_budget=2, answer_reserve=3) == model


def test_a_closing_that_the_model_began_is_completed() -> None:
    assert generate([20, LINE, 21], 7, thinking_token_budget=2, answer_reserve=0) == [20, *CLOSING, 5, 5, 5]
    assert generate([20, LINE, LINE + 1], 7, thinking_token_budget=3, answer_reserve=0) == [20, *CLOSING, 5, 5, 5]


def test_answer_now_closes_the_open_thought_or_the_next_one() -> None:
    assert generate([20, 21, 22], 8, ask_at=2, answer_reserve=0) == [20, 21, *CLOSING, 5, 5, 5]
    assert generate([20, THINK, 22], 8, PLAIN, ask_at=0) == [20, THINK, *CLOSING, 5, 5, 5]
    model = [20, END, 21, 22]
    assert generate(model, 4, ask_at=3) == model


def test_a_loop_closes_the_thought_and_ends_the_answer() -> None:
    output = generate([6] * 5000, 5000, answer_reserve=0)
    assert output[:MIN_TOKENS] == [6] * MIN_TOKENS
    assert output[MIN_TOKENS : MIN_TOKENS + 3] == CLOSING
    assert output[MIN_TOKENS + 3 :] == [6] * MIN_TOKENS
    assert MIN_TOKENS % CHECK_EVERY == 0

    cycle = [6, 7, 8] * 2000
    answer = generate(cycle, 5000, PLAIN)
    assert answer == cycle[:MIN_TOKENS]
    for off in ({"loop_guard": False}, {"ignore_eos": True}):
        assert generate(cycle, 5000, PLAIN, **off) == cycle[:5000]


def test_models_without_thoughts_are_guarded_against_loops_alone() -> None:
    one = ReasoningControl([9] + [6] * 300, 1, SamplingParams(answer_reserve=5), None, 10)
    assert (one.forced, one.is_looping) == ((), True)


@given(
    model=st.lists(st.sampled_from([THINK, END, LINE, LINE + 1, 20, 21]), max_size=30),
    prompt=st.sampled_from([THOUGHT, PLAIN]),
    limit=st.integers(1, 40),
    budget=st.none() | st.integers(0, 12),
    reserve=st.none() | st.integers(0, 12),
    ask_at=st.none() | st.integers(0, 12),
)
def test_what_is_forced_follows_from_the_tokens(
    model: list[int],
    prompt: list[int],
    limit: int,
    budget: int | None,
    reserve: int | None,
    ask_at: int | None,
) -> None:
    """Whoever goes on with an output, cut anywhere, ends with the same one."""

    def whole(done: Sequence[int] = ()) -> list[int]:
        return generate(
            model, limit, prompt, ask_at=ask_at, done=done, thinking_token_budget=budget, answer_reserve=reserve
        )

    output = whole()
    for length in range(len(output)):
        assert whole(output[:length]) == output
