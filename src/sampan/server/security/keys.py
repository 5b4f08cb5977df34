"""API keys as a server knows them: by their SHA-256, with a name, a role and limits.

They are kept in a file of JSON lines, one key a line, so that adding or revoking one leaves all others as they are.

The hash is a fast one on purpose. Slow ones (bcrypt, Argon2) protect what people choose, because that can be guessed. A
key of ours is 43 random characters, 256 bits: nobody finds it from its hash, however fast that is. And with a hash that
takes 50 ms, anybody could keep a processor busy with twenty wrong keys a second.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import string
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sampan.errors import ConfigError

PREFIX = "sk-sampan-"  # secret scanners and people recognise it
ALPHABET = string.ascii_letters + string.digits  # a double click selects all of it
NUM_RANDOM = 43  # 62**43 > 2**256
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_KEYS = 4096

Role = Literal["inference", "admin"]
ROLES: tuple[Role, ...] = ("inference", "admin")
NAME = r"^[\w.@-]{1,64}\Z"  # no spaces, no control characters: it stands in logs

Count = Annotated[int, Meta(ge=1, le=2**31)]
Instant = Annotated[datetime, Meta(tz=True)]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a server knows of a key, as it stands in the file.

    Args:
        name: whose it is; in logs, and the tenant that a busy engine is shared between.
        sha256: of the key's bytes, in hexadecimal.
        role: `inference` may ask for answers; `admin` also reach /admin.
        created: when it was made.
        expires: from then on it is refused.
        requests_per_minute: on average; as many may come at once after a quiet minute.
        tokens_per_minute: of prompts and answers together, on average.
        concurrent_requests: that may be open at a time.
    """

    name: Annotated[str, Meta(pattern=NAME)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    role: Role = "inference"
    created: Instant
    expires: Instant | None = None
    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None
    concurrent_requests: Count | None = None

    @property
    def digest(self) -> bytes:
        return bytes.fromhex(self.sha256)

    def has_expired(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now


def new_secret() -> str:
    """A fresh key, to be shown once."""
    return PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(NUM_RANDOM))


def digest_of(secret: bytes) -> bytes:
    """By which a key is known."""
    return hashlib.sha256(secret).digest()


def utc_now() -> datetime:
    """The time of day, for expiry."""
    return datetime.now(timezone.utc)


def encode_key(key: ApiKey) -> bytes:
    """Its line in the file."""
    return msgspec.json.encode(key) + b"\n"


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """The keys in a file, which may be none.

    Raises:
        ConfigError: it cannot be read, others could change it, or a line is no key; names file and line.
    """
    return parse_keys(read_key_file(path), path)


def parse_keys(data: bytes, path: Path) -> tuple[ApiKey, ...]:
    """The same for its content."""
    keys: list[ApiKey] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            keys.append(_decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:  # neither quotes what was read
            remedy = "mend or remove the line; `sampan key create` writes good ones"
            raise ConfigError(f"{path}, line {number}: no API key: {error}", remedy=remedy) from None
    for what, values in (("name", [key.name for key in keys]), ("hash", [key.sha256 for key in keys])):
        if (repeated := _first_repeated(values)) is not None:
            raise ConfigError(f"{path}: two keys have the {what} {repeated}", remedy="remove one of the lines")
    if len(keys) > MAX_KEYS:
        raise ConfigError(f"{path}: more than {MAX_KEYS} keys", remedy="revoke those that nobody uses")
    return tuple(keys)


def read_key_file(path: Path) -> bytes:
    """The content of a key file.

    Raises:
        ConfigError: there is none, it is no regular file or too large, or its mode lets others read or change it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer must not hang us
    except OSError as error:
        remedy = f"make one: sampan key create NAME --api-key-file {path}"
        raise ConfigError(f"{path}: {error.strerror}", remedy=remedy) from None
    try:
        found = os.fstat(handle)  # of what was opened, not of what the name means by now
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{path} is not a file", remedy="give --api-key-file a file of keys")
        if found.st_mode & (stat.S_IRWXO | stat.S_IWGRP):
            mode = stat.S_IMODE(found.st_mode)
            raise ConfigError(f"{path}: its mode {mode:04o} is open to others", remedy=f"chmod 600 {path}")
        if found.st_uid not in (0, os.geteuid()):
            raise ConfigError(f"{path} belongs to another user", remedy="copy it, and give it the mode 600")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(handle)
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is larger than {MAX_FILE_BYTES} bytes", remedy="revoke keys that nobody uses")
    return data


def _first_repeated(values: Iterable[str]) -> str | None:
    seen: set[str] = set()
    return next((value for value in values if value in seen or seen.add(value)), None)  # type: ignore[func-returns-value]


_decoder = msgspec.json.Decoder(ApiKey)
