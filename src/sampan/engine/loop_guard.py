"""Finds a model that has begun to repeat itself.

R1 distills fall into loops: the same sentences again and again until the context ends. A loop is a cycle, the same
tokens several times in a row; what only resembles what came before is no loop. Whether there is one follows from the
tokens alone, so a resumed request is judged as it would have been.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

CHECK_EVERY = 64  # tokens between two looks
MAX_PERIOD = 1024  # tokens of the longest cycle that is found
MIN_REPEATS = 4  # rounds that make a cycle a loop
MIN_TOKENS = 256  # and tokens that they make up: tables, rulers and rows of zeros are shorter
WINDOW = MIN_REPEATS * MAX_PERIOD  # tokens that a look takes in
_PROBE = 4  # last tokens that a cycle's previous round must end with as well


def find_cycle(token_ids: Sequence[int]) -> int:
    """The period of the loop that the tokens end with; 0 where they end with none.

    The last `max(MIN_TOKENS, MIN_REPEATS * period)` tokens then repeat with that period, which is the shortest such.
    """
    if len(token_ids) < MIN_TOKENS:
        return 0
    tail = np.frombuffer(array("i", token_ids[-WINDOW:]), np.int32)
    longest = min(MAX_PERIOD, len(tail) // MIN_REPEATS)
    # Ends of earlier rounds, as distances from the end, nearest first.
    matches = np.ones(longest, bool)
    for back in range(_PROBE):
        last = len(tail) - 1 - back
        matches &= tail[last - longest : last] == tail[last]
    for period in (longest - np.flatnonzero(matches)[::-1]).tolist():
        span = max(MIN_TOKENS, MIN_REPEATS * period)
        if np.array_equal(tail[-span + period :], tail[-span:-period]):
            return int(period)
    return 0
