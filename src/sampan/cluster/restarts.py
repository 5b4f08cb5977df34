"""When a process that died is started again, and when that is given up. Pure policy; times are in seconds."""

from __future__ import annotations

from collections import deque

WINDOW = 60.0
MAX_IN_WINDOW = 30
HEALTHY = 1.0  # whoever was ready for so long did not fail at once
MAX_FAILING_AT_ONCE = 6
MAX_FAILING_AT_FIRST = 2  # of a process that was never ready, so that it may be the user's to mend; loading may be long
FIRST_DELAY = 0.1


class Restarts:
    """Of one process and its successors.

    The first restart is immediate, and so is any after a healthy life. Those that fail at once make the next one wait,
    each twice as long as the one before.
    """

    def __init__(self) -> None:
        self.is_proven = False  # one of them was ready
        self._deaths: deque[float] = deque()
        self._num_failed_at_once = 0

    def delay(self, now: float, ready_since: float | None) -> float | None:
        """Seconds to wait after a death at `now`; None where it is time to give up.

        Args:
            ready_since: when the dead process became ready; None if it never did.
        """
        self._deaths.append(now)
        while self._deaths[0] < now - WINDOW:
            self._deaths.popleft()
        was_healthy = ready_since is not None and now - ready_since >= HEALTHY
        self._num_failed_at_once = 0 if was_healthy else self._num_failed_at_once + 1
        self.is_proven |= ready_since is not None
        patience = MAX_FAILING_AT_ONCE if self.is_proven else MAX_FAILING_AT_FIRST
        if len(self._deaths) > MAX_IN_WINDOW or self._num_failed_at_once > patience:
            return None
        if self._num_failed_at_once <= 1:
            return 0.0
        return FIRST_DELAY * 2.0 ** (self._num_failed_at_once - 2)
