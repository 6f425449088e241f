"""The files that secure a connection: checked when the URL is read, read again for each connection."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from incumbent import ConfigurationError
from incumbent.toolkit import SYSTEM, Tls, read_file

__all__ = ["Credentials", "Security"]


@dataclass(frozen=True, repr=False)
class Credentials:
    """The contents of the files."""

    ca: bytes
    cert: bytes | None = None
    key: bytes | None = None


@dataclass(frozen=True)
class Security(Tls):
    """The files that a URL names, as gRPC takes them."""

    def signature(self) -> object:
        """Return something that changes when a file does."""
        paths = [path for path in (self.ca, self.cert, self.key) if path not in (None, SYSTEM)]
        try:
            return [(status.st_mtime_ns, status.st_ino, status.st_size) for status in map(os.stat, filter(None, paths))]
        except OSError:
            return None

    def read(self) -> Credentials:
        """
        Read the files as they are now.

        Raises:
            ConfigurationError: One of them cannot be read, or is something else.
        """
        assert self.ca is not None
        ca = _system_certificates() if self.ca == SYSTEM else _read_pem("ca", self.ca, "CERTIFICATE")
        if self.cert is None or self.key is None:
            return Credentials(ca)
        return Credentials(ca, _read_pem("cert", self.cert, "CERTIFICATE"), _read_pem("key", self.key, "PRIVATE KEY"))


def _read_pem(option: str, path: str, kind: str) -> bytes:
    data = read_file("etcd", option, path)
    if b"-----BEGIN " not in data or kind.encode() + b"-----" not in data:
        raise ConfigurationError(f"etcd: option {option}={_shown(path)}: has no {kind.lower()} in PEM format")
    return data


def _system_certificates() -> bytes:
    paths = ssl.get_default_verify_paths()
    for candidate in (paths.cafile, paths.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt"):
        if candidate is not None and Path(candidate).is_file():
            return Path(candidate).read_bytes()
    raise ConfigurationError("etcd: option ca: this system has no file of trusted certificates: give ca=FILE")


def _shown(path: str) -> str:
    return ascii(path)[:255]
