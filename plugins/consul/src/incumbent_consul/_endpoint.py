"""One address of the servers, or of an agent, and how it is reached."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from incumbent import BackendRejectedError, ConfigurationError
from incumbent.toolkit import Tls, connect_socket, connect_unix, is_loopback, note_address, time_left

__all__ = ["Endpoint"]

#: How to speak to who is not told otherwise.
PLAIN = Tls()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of the servers, or of an agent, and how to speak to it."""

    #: A name, an address, or the path of a Unix socket, for which the port means nothing.
    host: str
    port: int
    tls: Tls = PLAIN
    #: The name that the certificate must bear, if it is not the host's.
    server_name: str | None = None

    def __str__(self) -> str:
        return self.host if self.is_socket else self._with_port(self.host)

    @property
    def is_socket(self) -> bool:
        """Whether it is a Unix socket."""
        return self.host.startswith("/")

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine."""
        return self.is_socket or is_loopback(self.host)

    @property
    def name(self) -> str:
        """The host's name, for headers and certificates."""
        return "localhost" if self.is_socket else self.host

    @property
    def authority(self) -> str:
        """What the header Host says."""
        return self._with_port(self.name.encode("idna").decode())

    def connect(self, deadline: float) -> tuple[socket.socket, str]:
        """
        Return a connection that stands by *deadline* (`time.monotonic`), with TLS if that is wanted, and its address.

        Raises:
            OSError: It cannot be reached, or what answers there is not to be trusted.
            ValueError: Its name is none.
            BackendRejectedError: A file that TLS needs cannot be used.
        """
        try:  # as Consul's own tools judge them: each certificate in the file is trusted by itself
            context = self.tls.context("consul", trusts_each=True) if self.tls.is_on else None
        except ConfigurationError as error:
            raise BackendRejectedError(str(error)) from None
        if self.is_socket:
            sock, address = connect_unix(self.host, deadline), ""
        else:
            sock, address = connect_socket(self.host, self.port, deadline)
        try:
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
        if address:  # that of a Unix socket is empty
            note_address(self.host, self.port, address, answers=False)

    def reason(self, error: Exception) -> str:
        """Say on one line what is wrong with the connection."""
        if self.tls.is_on:
            import ssl  # noqa: PLC0415 - who does not encrypt has no need of its 4 MB

            if isinstance(error, ssl.SSLCertVerificationError):
                return f"its certificate is refused: {error.verify_message}"
            if isinstance(error, ssl.SSLError) and error.reason == "WRONG_VERSION_NUMBER":
                return "it does not speak TLS: leave out the option tls, or give the port for HTTPS"
            if isinstance(error, ssl.SSLError):
                return f"TLS failed: {error.reason or type(error).__name__}"
        if isinstance(error, TimeoutError):
            return "no answer in time"
        return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())

    def _with_port(self, host: str) -> str:
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
