"""
Finds an address of a server that answers.

gRPC looks names up by itself, but tries their addresses anew at each connection, which may take longer than any
request, and stays with one that falls silent until its pings say so.
"""

from __future__ import annotations

from incumbent import BackendUnavailableError
from incumbent.toolkit import Endpoint, addresses_of, connect_socket, one_line

__all__ = ["answering"]


def answering(endpoint: Endpoint, deadline: float, timeout: float) -> tuple[str, bool]:
    """
    Return the address of *endpoint*, or one that answers if it has several; and whether it has.

    Args:
        endpoint: The server.
        deadline: On `time.monotonic`.
        timeout: Seconds that a request may take, for the message.

    Raises:
        BackendUnavailableError: There is none.
    """
    host, port = endpoint.host, endpoint.port
    try:
        addresses = addresses_of(host, port, deadline)
        if len(addresses) > 1:
            sock, address = connect_socket(host, port, deadline)
            sock.close()
        else:
            address = addresses[0]
    except TimeoutError:
        raise BackendUnavailableError(f"etcd {endpoint}: no answer within {timeout:g} s") from None
    except OSError as error:
        reason = one_line(error.strerror or str(error))
        raise BackendUnavailableError(f"etcd {endpoint}: {reason[:1].lower()}{reason[1:]}") from error
    return address, len(addresses) > 1
