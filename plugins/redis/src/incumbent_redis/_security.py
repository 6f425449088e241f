"""The files that secure a connection: checked when the URL is read, read again for each connection."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from incumbent import ConfigurationError, read_file

__all__ = ["Security", "file_option"]


@dataclass(frozen=True)
class Security:
    """Whether to encrypt, and the paths of the files for it."""

    tls: bool
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def context(self) -> ssl.SSLContext:
        """
        Make what a connection is encrypted with, from the files as they are now.

        Certificates are judged as redis-cli judges them, and alike by every Python: the chain must end in an authority
        of its own, and need not have the form that Python 3.13 asks for.

        Raises:
            ConfigurationError: One of them is not what it should be.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (OSError, ValueError) as error:
            raise _unusable("ca", self.ca, error) from None
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
            except (OSError, ValueError) as error:
                raise _unusable("cert", self.cert, error) from None
        context.verify_flags &= ~(ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT)
        return context


def file_option(name: str, path: str | None) -> str | None:
    """
    Return *path* if it leads to a file.

    Raises:
        ConfigurationError: It does not.
    """
    if path is None:
        return None
    read_file("redis", name, path)
    return path


def _unusable(option: str, path: str | None, error: Exception) -> ConfigurationError:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "no certificate or key in PEM format"
    return ConfigurationError(f"redis: option {option}={_shown(path or '')}: cannot be used: {str(reason)[:80]}")


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # else OpenSSL asks at the terminal


def _shown(path: str) -> str:
    return ascii(path)[:255]
