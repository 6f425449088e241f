"""One server: requests to it with deadlines, and with a token that is renewed."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from typing import Any

from incumbent import BackendUnavailableError, ElectionError
from incumbent.toolkit import Endpoint, caused_by, deadline

from ._channel import opened
from ._errors import is_token_refused, senseless, translated
from ._exchange import Exchanges
from ._library import load, note_use
from ._options import Options

__all__ = ["Client", "Reply"]

#: Where python-etcd3's client has the method.
STUBS = {
    "Range": "kvstub",
    "Put": "kvstub",
    "Txn": "kvstub",
    "DeleteRange": "kvstub",
    "LeaseGrant": "leasestub",
    "LeaseRevoke": "leasestub",
    "LeaseTimeToLive": "leasestub",
    "Status": "maintenancestub",
}


class Client:
    """
    One server at one of its addresses. Connects when first used. Thread-safe.

    Args:
        endpoint: The server. Certificates are for its host, and messages name it.
        address: Of that host: itself, unless it is a name.
        options: How to connect.
        timeout: Seconds that a request may take.
        has_others: Whether the host has other addresses.

    Raises:
        BackendRejectedError: python-etcd3, or a file that secures the connection, cannot be used.
    """

    def __init__(
        self, endpoint: Endpoint, address: str, options: Options, timeout: float, *, has_others: bool = False
    ) -> None:
        self.endpoint = endpoint
        self.address = address
        self.has_others = has_others
        self._options = options
        self.timeout = timeout
        self._library = load()
        self._files = options.security.signature()
        note_use()
        self._etcd = opened(endpoint, address, options, timeout)
        rpc = self._library.rpc
        self._keep_alive = Exchanges(rpc.LeaseStub(self._etcd.channel).LeaseKeepAlive)
        self._watch = rpc.WatchStub(self._etcd.channel).Watch
        #: Whether the last request found no connection. Then the next one waits for one, until it times out: gRPC
        #: before 1.80 gets on with connecting only while somebody waits, and would not find back for long.
        self.waits = False
        self._is_broken = False
        self._authenticating = threading.Lock()
        self._token: str | None = None

    def method(self, name: str) -> Any:
        """Return what calls the remote method *name*."""
        return self._keep_alive if name == "LeaseKeepAlive" else getattr(getattr(self._etcd, STUBS[name]), name)

    def send(self, name: str, request: Any, until: float | None = None) -> Reply:
        """
        Send *request*, and return what its answer can be got from, by *until* if the timeout has begun already.

        Raises:
            ElectionError: Nothing was sent; says why.
        """
        return Reply(self, name, request, deadline(self.timeout) if until is None else until)

    def watch(self, requests: Iterator[Any]) -> Any:
        """
        Open the stream of watches: a call that is iterated, and can be cancelled.

        Raises:
            ElectionError: It cannot be opened.
        """
        metadata = self.metadata(deadline(self.timeout))
        try:
            return self._watch(requests, metadata=metadata)
        except ValueError as error:  # the channel is closed
            raise self.error(error) from None
        except RuntimeError as error:
            raise self.threadless(error) from error

    def threadless(self, error: RuntimeError) -> ElectionError:
        """Return the error for a call for which there was no thread. What is called later would wait in vain."""
        self._is_broken = True
        return BackendUnavailableError(f"etcd {self.endpoint}: {error}")

    def error(self, error: Exception) -> ElectionError:
        """Return the error of the contract for the client library's *error*, with it as the cause if that is safe."""
        secrets = self._secrets()
        made = translated(error, self.endpoint, self.timeout, secrets, has_user=self._options.username is not None)
        if type(made) is BackendUnavailableError:
            self.waits = True
        return caused_by(made, error, *secrets)

    @property
    def is_outdated(self) -> bool:
        """Whether it is of no use any more, or a file that secures it has been replaced since it was read."""
        return self._is_broken or (self._options.security.is_on and self._options.security.signature() != self._files)

    def close(self) -> None:
        """End the connection, and every call that is out. Idempotent."""
        if self._is_broken:
            self.abandon()  # gRPC would wait for the thread that there is not
        else:
            self._etcd.close()

    def abandon(self) -> None:
        """Leave the connection as it is, for ever: no destructor runs, which could wait for threads that are gone."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))

    # ------------------------------------------------------------ the user

    def metadata(self, until: float) -> tuple[tuple[str, str], ...]:
        """Return what goes with each request; authenticates if need be, by *until*."""
        token = self._token
        if token is None and self._options.username is not None:
            token = self._authenticate(until)
        return (("token", token),) if token else ()

    def is_token_refused(self, error: Exception) -> bool:
        """Tell whether to authenticate again and ask once more."""
        return is_token_refused(error, has_user=self._options.username is not None)

    def forget_token(self, metadata: tuple[tuple[str, str], ...] | None = None) -> None:
        """Authenticate again before the next request, unless that has been done since *metadata* was made."""
        if metadata is None or dict(metadata).get("token", "") == self._token:
            self._token = None

    def _authenticate(self, until: float) -> str:
        if not self._authenticating.acquire(timeout=_left(until)):
            raise BackendUnavailableError(f"etcd {self.endpoint}: no answer within {self.timeout:g} s")
        try:
            if self._token is None:
                self._token = self._new_token(until)
            return self._token
        finally:
            self._authenticating.release()

    def _new_token(self, until: float) -> str:
        """Ask for a token; empty if the server knows no users. python-etcd3's own way needs an encrypted connection."""
        assert self._options.username is not None
        assert self._options.password is not None
        rpc = self._library.rpc
        request = rpc.AuthenticateRequest(name=self._options.username, password=self._options.password.reveal())
        try:
            answer = rpc.AuthStub(self._etcd.channel).Authenticate(
                request, timeout=_left(until), wait_for_ready=self.waits
            )
        except (self._library.grpc.RpcError, ValueError) as error:
            made = self.error(error)
            if "authentication is not enabled" in str(made):
                return ""
            raise made from made.__cause__
        if answer is None:
            raise senseless("there is none")
        token: str = answer.token
        return token

    def _secrets(self) -> list[str]:
        """Return what no message may repeat."""
        password = self._options.password
        known = [self._token, password.reveal() if password is not None else None]
        return [secret for secret in known if secret]


class Reply:
    """The answer to a request that is out, which is there by *until*, a login that it needs included."""

    def __init__(self, client: Client, name: str, request: Any, until: float) -> None:
        self._client = client
        self._name = name
        self._request = request
        self._until = until
        self._send()

    def _send(self) -> None:
        client = self._client
        self._metadata = client.metadata(self._until)
        try:
            self._future = client.method(self._name).future(
                self._request,
                timeout=_left(self._until),
                metadata=self._metadata,
                wait_for_ready=client.waits,
            )
        except ValueError as error:  # the channel is closed
            raise client.error(error) from None
        except RuntimeError as error:
            raise client.threadless(error) from error

    def result(self) -> Any:
        """
        Wait for the answer; asks a second time, with a new token, if the token was refused.

        Raises:
            ElectionError: There is none.
        """
        grpc = load().grpc
        for last in (False, True):
            try:
                answer = self._future.result()
            except (grpc.RpcError, grpc.FutureCancelledError, ValueError) as error:
                if last or not self._client.is_token_refused(error):
                    made = self._client.error(error)
                    raise made from made.__cause__
                self._client.forget_token(self._metadata)
                self._send()
            else:
                self._client.waits = False
                if answer is None:  # the call succeeded without one
                    raise senseless("there is none")
                return answer
        raise AssertionError

    def cancel(self) -> None:
        """Do not wait for it."""
        self._future.cancel()


def _left(until: float) -> float:
    """Return the timeout of what must have ended by *until*: gRPC says of one that is over what it says of silence."""
    return max(0.0, until - time.monotonic())
