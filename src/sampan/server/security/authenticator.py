"""Finds whose key a request has brought, in a set of keys that follows its file."""

from __future__ import annotations

import hmac
import logging
from pathlib import Path

from sampan.config import ServerConfig
from sampan.errors import ConfigError
from sampan.server.security.keys import ApiKey, digest_of, read_keys, utc_now
from sampan.server.watched_files import WatchedFiles

logger = logging.getLogger("sampan.server")

OPERATOR = "operator"  # who holds the key of --api-key


class Authenticator:
    """The keys that a server accepts.

    The file is looked at when a request comes, at most once a second: a new key works, and a revoked one does not, from
    the first request a second later. A file that cannot be used changes nothing, and is said in the log once.

    Args:
        config: `api_key_sha256` and `api_key_file`; where both are set, both count.

    Raises:
        ConfigError: the file cannot be used.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._path = Path(config.api_key_file) if config.api_key_file else None
        self._own = _operator_keys(config.api_key_sha256)
        self._file = WatchedFiles([config.api_key_file] if config.api_key_file else [])
        self._set_keys(read_keys(self._path) if self._path else ())

    def find(self, secret: bytes) -> ApiKey | None:
        """The key that was presented; None where it is not known. An expired one is found too.

        All digests are compared, each in constant time, so that how long it takes tells nothing of which came close.
        """
        self._follow_file()
        presented = digest_of(secret)
        found = None
        for digest, key in self._keys:
            if hmac.compare_digest(digest, presented):
                found = key
        return found

    def _set_keys(self, keys: tuple[ApiKey, ...]) -> None:
        self._keys = [(key.digest, key) for key in (*self._own, *keys)]

    def _follow_file(self) -> None:
        if self._path is None or not self._file.have_changed():
            return
        try:
            self._set_keys(read_keys(self._path))
        except ConfigError as error:
            logger.error("API keys stay as they were: %s", error)
        else:
            logger.info("%d API keys were read from %s", len(self._keys) - len(self._own), self._path)


def _operator_keys(sha256: str) -> tuple[ApiKey, ...]:
    return (ApiKey(name=OPERATOR, sha256=sha256, role="admin", created=utc_now()),) if sha256 else ()
