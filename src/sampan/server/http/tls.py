"""TLS for the listening socket: which versions and ciphers, and a certificate that may be renewed while we run."""

from __future__ import annotations

import logging
import os
import ssl
import stat

from sampan.config import ServerConfig
from sampan.errors import UsageError
from sampan.server.watched_files import WatchedFiles

logger = logging.getLogger("sampan.server")

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: forward secret and authenticated; those of 1.3 all are


class ServerCertificate:
    """The certificate and key of `--tls-cert` and `--tls-key`. A renewed pair counts from the next connection on; one
    that cannot be used is said in the log once, and the old one stays.

    Raises:
        UsageError: the files cannot be used.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._paths = (config.tls_cert, config.tls_key)
        self._files = WatchedFiles(self._paths)
        self._context = _make_context(*self._paths)

    def context(self) -> ssl.SSLContext:
        """For a connection that was just accepted."""
        if self._files.have_changed():
            try:
                self._context = _make_context(*self._paths)
            except UsageError as error:
                logger.error("the TLS certificate stays as it was: %s", error)
            else:
                logger.info("the TLS certificate was read again")
        return self._context


def _make_context(certificate: str, key: str) -> ssl.SSLContext:
    _check_key_file(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            message, remedy = "the TLS key does not belong to the certificate", "give the pair that was made together"
        else:
            message = f"{certificate} and {key} are no TLS certificate and key"
            remedy = "both are PEM files; the certificate comes first, then those that signed it"
        raise UsageError(message, remedy=remedy) from None
    except OSError as error:
        remedy = "name a PEM file that this user may read"
        raise UsageError(f"--tls-cert {certificate}: {error.strerror}", remedy=remedy) from None
    return context


def _check_key_file(key: str) -> None:
    try:
        mode = os.stat(key).st_mode
        with open(key, "rb"):
            pass
    except OSError as error:
        remedy = "name a PEM file that this user may read"
        raise UsageError(f"--tls-key {key}: {error.strerror}", remedy=remedy) from None
    if mode & stat.S_IRWXO:
        open_to = f"its mode {stat.S_IMODE(mode):04o} is open to others"
        raise UsageError(f"--tls-key {key}: {open_to}", remedy=f"chmod 600 {key}")


def _refuse_password() -> str:
    """Called for an encrypted key; without this, OpenSSL would ask the terminal of each worker."""
    raise UsageError("the TLS key has a password", remedy="store it without: openssl pkey -in KEY -out NEW_KEY")
