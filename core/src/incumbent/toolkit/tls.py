"""The options that secure a connection: which of them go together, and what the files that they name are good for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from incumbent.elector import Finding
from incumbent.errors import ConfigurationError

from .libraries import importing
from .options import read_file, read_switch

if TYPE_CHECKING:
    import ssl

__all__ = ["SYSTEM", "Tls", "read_tls", "refuse_plain_text"]

#: As option ca: the certificates that the system trusts.
SYSTEM = "system"

#: The options that name files.
FILES = ("ca", "cert", "key")
#: Days before a certificate's end from which on the doctor warns.
SOON = 14


@dataclass(frozen=True)
class Tls:
    """
    Whether to encrypt, and the paths of the files for it. Thread-safe.

    Attributes:
        is_on: Whether to encrypt.
        ca: The certificates of the authorities that may sign the servers'; None, or `SYSTEM`, for those that the system
            trusts.
        cert: The certificate that is shown to the servers, and
        key: its private key; both or neither.
    """

    is_on: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def context(self, scheme: str, *, trusts_each: bool = False) -> ssl.SSLContext:
        """
        Make what a connection is encrypted with, from the files as they are now: they may have been replaced.

        Certificates are judged alike by every Python: they need not have the form that Python 3.13 asks for.

        Args:
            scheme: Whose options these are: messages begin with it.
            trusts_each: Whether each certificate in *ca* is trusted by itself, an intermediate too. Else the chain
                must end in an authority of its own.

        Raises:
            ConfigurationError: A file is not what it should be.
        """
        paths = {"ca": None if self.ca == SYSTEM else self.ca, "cert": self.cert, "key": self.key}
        for option, path in paths.items():
            if path is not None:
                read_file(scheme, option, path)  # else OpenSSL would wait for a FIFO
        with importing:
            import ssl  # noqa: PLC0415 - 4 MB, for who encrypts only
        try:
            context = ssl.create_default_context(cafile=paths["ca"])
        except (OSError, ValueError) as error:
            raise _unusable(scheme, "ca", self.ca, error) from None
        if self.cert is not None:
            try:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
            except (OSError, ValueError) as error:
                raise _unusable(scheme, "cert", self.cert, error) from None
        partial = ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags = context.verify_flags & ~partial & ~ssl.VERIFY_X509_STRICT
        if trusts_each:
            context.verify_flags |= partial
        return context

    def findings(self) -> Iterator[Finding]:
        """Tell, for the doctor, when the certificates in the files end, where that can be found out."""
        for option, path in (("ca", self.ca), ("cert", self.cert)):
            end = None if path in (None, SYSTEM) else _end(str(path))
            if end is None:
                continue
            days = (end - datetime.now(timezone.utc)).days
            text = f"{option}: the certificate in {path!a} expires on {end:%Y-%m-%d}"
            if days < SOON:
                level = "error" if days < 0 else "warning"
                yield Finding(level, text, "replace the file: it is read again by new connections")  # type: ignore[arg-type]
            else:
                yield Finding("ok", text)


class Destination(Protocol):
    """A server; its text is its name in messages."""

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""


def read_tls(
    scheme: str,
    given: Mapping[str, str],
    *,
    encrypted: bool = False,
    fallback: Mapping[str, str | None] | None = None,
) -> Tls:
    """
    Read the options tls, ca, cert and key of a URL. Any of the files means that the connection is to be encrypted.

    Thread-safe.

    Args:
        scheme: Whose options these are: messages begin with it.
        given: The options of the URL.
        encrypted: Whether to encrypt if they do not say.
        fallback: Paths for those of ca, cert and key that the options leave out, as variables of the environment
            have them. Of cert and key both or neither are taken: one from here and one from there would not fit.

    Raises:
        ConfigurationError: An option is empty, contradicts another one, or lacks its other half. That a file is what it
            should be is seen by `Tls.context`.
    """
    for option in FILES:
        if given.get(option) == "":
            read_file(scheme, option, "")  # which refuses it
    switch = read_switch(scheme, "tls", given.get("tls"))
    if switch is False:
        for option in FILES:
            if option in given:
                raise ConfigurationError(f"{scheme}: option {option} makes no sense with tls=no: leave one of them out")
        return Tls()
    if switch is None and not encrypted and not any(option in given for option in FILES):
        return Tls()
    paths = {option: path for option, path in (fallback or {}).items() if path}
    if "cert" in given or "key" in given:
        paths = {option: path for option, path in paths.items() if option == "ca"}
    paths |= {option: given[option] for option in FILES if option in given}
    if ("cert" in paths) != ("key" in paths):
        has, lacks = ("cert", "key") if "cert" in paths else ("key", "cert")
        raise ConfigurationError(f"{scheme}: option {has} needs option {lacks} too: a certificate and its private key")
    return Tls(True, paths.get("ca"), paths.get("cert"), paths.get("key"))


def refuse_plain_text(scheme: str, what: str, endpoints: Iterable[Destination], remedy: str) -> None:
    """
    See that *what* is not sent to another host unencrypted: call this unless TLS, or option insecure=yes, is given.

    Args:
        scheme: Whose URL this is: the message begins with it.
        what: The secret, such as "the password".
        endpoints: Where it would go.
        remedy: Which options to give, such as "give ca=FILE, tls=yes".

    Raises:
        ConfigurationError: One of them is not this machine.
    """
    for endpoint in endpoints:
        if not endpoint.is_loopback:
            raise ConfigurationError(
                f"{scheme}: {what} would go to {endpoint} unencrypted: {remedy} or, if the network can be trusted, "
                "insecure=yes"
            )


def _end(path: str) -> datetime | None:
    """Return when the first certificate of a file ends, if that can be found out."""
    with importing:
        import ssl  # noqa: PLC0415 - see `Tls.context`
    try:
        # The only reader of certificates in the standard library; it is the ssl module's own, for its tests.
        decoded = ssl._ssl._test_decode_cert(path)  # type: ignore[attr-defined] # noqa: SLF001
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(decoded["notAfter"]), timezone.utc)
    except (AttributeError, OSError, KeyError, ValueError):
        return None


def _unusable(scheme: str, option: str, path: str | None, error: Exception) -> ConfigurationError:
    said = getattr(error, "reason", None) or getattr(error, "strerror", None)
    reason = said or (str(error) if type(error) is ValueError else "no certificate or key in PEM format")
    shown = ascii(path or "")[:255]
    return ConfigurationError(f"{scheme}: option {option}={shown}: cannot be used: {str(reason)[:80]}")


def _no_password() -> str:
    raise ValueError("the key is encrypted: give one without a passphrase")  # else OpenSSL asks at the terminal
