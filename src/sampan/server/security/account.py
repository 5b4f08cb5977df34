"""A key's limits, applied: how many requests and tokens a minute, how many requests at a time.

Both rates follow the generic cell rate algorithm (ITU-T I.371): a key has paid until some instant, each request or
token moves that on, and it may lie a minute ahead. So a quiet key may spend a minute's worth at once, and nothing is
reset at full minutes. Requests are paid in advance. How long an answer gets is known at its end, so tokens are paid
afterwards: the answer that crosses the limit is finished, and what it took too much has to pass before the next one.
"""

from __future__ import annotations

import time

from sampan.errors import OverloadedError
from sampan.server.security.keys import ApiKey
from sampan.server.security.ledger import Ledger

MINUTE = 60.0
CLOSED_SOON = 1.0  # seconds to wait for one of one's own requests to end: nobody can know


class Account:
    """One request's dealings with its key's limits. `with` it, the request is open.

    Raises:
        OverloadedError: on entering; a limit is reached. Nothing has been counted then.
    """

    def __init__(self, key: ApiKey, ledger: Ledger) -> None:
        self._key, self._digest, self._ledger = key, key.digest, ledger

    def __enter__(self) -> Account:
        key, now = self._key, time.monotonic()
        with self._ledger.locked():
            row = self._ledger.row(self._digest, now)
            if row is None:
                raise _refusal("More API keys are in use than limits can be kept for", MINUTE)
            if key.concurrent_requests is not None and row["num_open"].sum() >= key.concurrent_requests:
                raise _refusal(f"This API key has {key.concurrent_requests} requests open", CLOSED_SOON)
            if key.tokens_per_minute is not None and (wait := row["tokens_paid_until"] - now - MINUTE) >= 0:
                raise _refusal(f"This API key has used its {key.tokens_per_minute} tokens a minute", wait)
            if key.requests_per_minute is not None:
                paid_until = max(row["requests_paid_until"], now) + MINUTE / key.requests_per_minute
                if (wait := paid_until - now - MINUTE) > 1e-6:
                    raise _refusal(f"This API key has used its {key.requests_per_minute} requests a minute", wait)
                row["requests_paid_until"] = paid_until
            self._ledger.open_request(row)
        return self

    def __exit__(self, *_: object) -> None:
        with self._ledger.locked():
            row = self._ledger.row(self._digest, time.monotonic())
            assert row is not None  # a row with an open request is nobody else's
            self._ledger.close_request(row)

    def charge(self, num_tokens: int) -> None:
        """Pays for tokens. To be called while the request is open."""
        if self._key.tokens_per_minute is None:
            return
        now = time.monotonic()
        with self._ledger.locked():
            row = self._ledger.row(self._digest, now)
            assert row is not None
            seconds = num_tokens * MINUTE / self._key.tokens_per_minute
            row["tokens_paid_until"] = max(row["tokens_paid_until"], now) + seconds


def is_limited(key: ApiKey) -> bool:
    """Whether a key needs an account at all."""
    return not key.requests_per_minute is key.tokens_per_minute is key.concurrent_requests is None


def _refusal(message: str, wait: float) -> OverloadedError:
    remedy = "try again when the seconds of the Retry-After header have passed"
    return OverloadedError(message, retry_after=wait, remedy=remedy)
