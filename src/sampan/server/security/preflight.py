"""What a server checks of its keys and its certificate before it loads a model: mistakes are then known at once."""

from __future__ import annotations

from pathlib import Path

from sampan.config import ServerConfig
from sampan.errors import ConfigError
from sampan.server.http.tls import ServerCertificate
from sampan.server.security.keys import read_keys


def check_files(config: ServerConfig) -> None:
    """Reads the files that the configuration names.

    Raises:
        ConfigError, UsageError: one cannot be used, or there is no key in it.
    """
    if config.api_key_file and not read_keys(Path(config.api_key_file)):
        remedy = f"make one: sampan key create NAME --api-key-file {config.api_key_file}"
        raise ConfigError(f"{config.api_key_file} holds no API key", remedy=remedy)
    if config.has_tls:
        ServerCertificate(config)
