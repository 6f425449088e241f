"""One address of the servers, or of an agent, and how it is reached."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from dataclasses import dataclass

from incumbent import BackendRejectedError, connect_socket, is_loopback, note_address

__all__ = ["Endpoint", "reason", "time_left"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the servers, or of an agent, and how to speak to it."""

    #: A name, an address, or the path of a Unix socket, for which the port means nothing.
    host: str
    port: int
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    #: The name that the certificate must bear, if it is not the host's.
    server_name: str | None = None

    def __str__(self) -> str:
        if self.is_socket:
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_socket(self) -> bool:
        """Whether it is a Unix socket."""
        return self.host.startswith("/")

    @property
    def is_local(self) -> bool:
        """Whether what is sent there stays on this machine."""
        return self.is_socket or is_loopback(self.host)

    @property
    def name(self) -> str:
        """The host's name, for headers and certificates."""
        return "localhost" if self.is_socket else self.host

    def context(self) -> ssl.SSLContext:
        """
        Read the files again: they may have been replaced by newer ones.

        Certificates are judged as Consul's own tools judge them, and alike by every Python: each one in the file of
        the authorities is trusted by itself, an intermediate too, and need not have the form that Python 3.13 asks for.

        Raises:
            BackendRejectedError: A file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
            if self.cert is not None:
                context.load_cert_chain(self.cert, self.key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError) as error:
            files = ", ".join(name for name in (self.ca, self.cert, self.key) if name)
            why = reason(error) if isinstance(error, OSError) else str(error)
            raise BackendRejectedError(f"a TLS file cannot be used ({files}): {why}") from error
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def connect(self, deadline: float) -> tuple[socket.socket, str]:
        """
        Return a connection that stands by *deadline* (`time.monotonic`), with TLS if that is wanted, and its address.

        Raises:
            OSError: It cannot be reached, or what answers there is not to be trusted.
            ValueError: Its name is none.
            BackendRejectedError: A file that TLS needs cannot be used.
        """
        context = self.context() if self.tls else None
        sock = _unix(self.host, deadline) if self.is_socket else connect_socket(self.host, self.port, deadline)
        address = ""
        try:
            address = "" if self.is_socket else sock.getpeername()[0]
            if context is not None:
                sock.settimeout(time_left(deadline))
                sock = context.wrap_socket(sock, server_hostname=self.server_name or self.name)
        except BaseException:
            sock.close()
            self.doubt(address)
            raise
        return sock, address

    def doubt(self, address: str) -> None:
        """Note that what is at *address*, one of those of the host, does not answer: it is tried last from now on."""
        if address:  # that of a Unix socket is empty, and that of what was reset at once
            note_address(self.host, self.port, address, answers=False)


def reason(error: Exception) -> str:
    """Say on one line what went wrong. What a server has sent is not shown."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        if error.reason == "WRONG_VERSION_NUMBER":
            return "it does not speak TLS: leave out the option tls, or give the port for HTTPS"
        return f"TLS failed: {error.reason or type(error).__name__}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed before an answer came"
    if isinstance(error, http.client.HTTPException | ValueError) and not isinstance(error, UnicodeError):
        return f"the answer is not HTTP ({type(error).__name__})"
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())


def _unix(path: str, deadline: float) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(time_left(deadline))
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def time_left(deadline: float) -> float:
    """Return the seconds until *deadline* (`time.monotonic`); raise `TimeoutError` if it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _no_password() -> str:
    raise ValueError("the key is encrypted: give one without a passphrase")
