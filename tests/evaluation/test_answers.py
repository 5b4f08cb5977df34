"""What counts as a loop; the answers themselves are tested where models are evaluated."""

from __future__ import annotations

from itertools import count

from sampan.engine.loop_guard import MIN_TOKENS
from sampan.evaluation.answers import _repeats_itself

END, NEW_LINE = 7, 8


def test_loops_to_the_last_token_and_in_a_thought_that_was_closed():
    loop = [10, 11, 12] * MIN_TOKENS
    free = list(zip(range(300), count(100)))
    tokens = [token for _, token in free]
    assert _repeats_itself(loop, END)
    assert _repeats_itself([*tokens, *loop], None)
    assert _repeats_itself([*loop, NEW_LINE, END, 20, 21], END)
    assert _repeats_itself([*loop, END, 20, 21], END)
    assert not _repeats_itself(tokens, END)
    assert not _repeats_itself([*tokens, NEW_LINE, END, *tokens], END)
    assert not _repeats_itself([], END)
