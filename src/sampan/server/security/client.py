"""Whose request it is that is being answered."""

from __future__ import annotations

import hashlib
from contextvars import ContextVar
from dataclasses import dataclass

from sampan.server.security.keys import ApiKey, Role


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks.

    Args:
        name: of the key; empty where there are no keys.
        role: what the key permits.
        salt: of the key. Cached prompts are shared under equal salts only, so nobody learns from the time of an answer
            what others have asked.
    """

    name: str = ""
    role: Role = "admin"
    salt: str = ""

    @classmethod
    def of(cls, key: ApiKey) -> Client:
        """A key's holder. The salt is the same in all processes and after a restart, and says nothing of the hash."""
        return cls(key.name, key.role, hashlib.sha256(b"prefix cache of " + key.digest).hexdigest()[:32])

    def cache_salt(self, requested: str) -> str:
        """The salt of a request that may bring one of its own; salts of different clients are never equal."""
        return f"{self.salt}:{requested}" if self.salt else requested

    def tenant(self, user: str) -> str:
        """Between whom a busy engine is shared evenly: keys, or, where there are none, the users that requests name. A
        key that invents users gets no larger share."""
        return self.name or user


ANONYMOUS = Client()

current_client: ContextVar[Client] = ContextVar("current_client", default=ANONYMOUS)
"""Set by `KeyGuard` for the time of a request and read by `Service.open`: a route cannot forget to pass it on, which
would mix the cached prompts of different keys."""
