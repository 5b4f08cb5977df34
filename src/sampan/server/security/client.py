"""Whose request it is that is being answered."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass

from sampan.server.security.account import Account
from sampan.server.security.keys import ApiKey, Role


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks.

    Args:
        name: of the key; empty where there are no keys.
        role: what the key permits.
        salt: of the key. Cached prompts are shared under equal salts only, so nobody learns from the time of an answer
            what others have asked.
        account: who counts what this request takes, where the key has limits.
    """

    name: str = ""
    role: Role = "admin"
    salt: str = ""
    account: Account | None = None

    @classmethod
    def of(cls, key: ApiKey, account: Account | None) -> Client:
        """A key's holder. The salt is the same in all processes and after a restart, and says nothing of the hash."""
        salt = hashlib.sha256(b"prefix cache of " + key.digest).hexdigest()[:32]
        return cls(key.name, key.role, salt, account)

    def cache_salt(self, requested: str) -> str:
        """The salt of a request that may bring one of its own; salts of different clients are never equal."""
        return f"{self.salt}:{requested}" if self.salt else requested

    def tenant(self, user: str) -> str:
        """Between whom a busy engine is shared evenly: keys, or, where there are none, the users that requests name. A
        key that invents users gets no larger share."""
        return self.name or user

    def charge(self, num_tokens: int) -> None:
        """Counts tokens of a prompt and its answers."""
        if self.account is not None:
            self.account.charge(num_tokens)


ANONYMOUS = Client()

current_client: ContextVar[Client] = ContextVar("current_client", default=ANONYMOUS)
"""Set by `KeyGuard` for the time of a request and read by `Service.open`: a route cannot forget to pass it on, which
would mix the cached prompts of different keys."""
