"""The connection to one server: python-etcd3's client, with settings of gRPC, and with encryption, of our own."""

from __future__ import annotations

from typing import Any

from incumbent import BackendRejectedError, ConfigurationError
from incumbent.toolkit import Endpoint

from ._library import load
from ._options import Options

__all__ = ["opened"]

#: etcd ends connections that are pinged more often than every 5 s.
PING_EVERY_MS, PING_TIMEOUT_MS = 6000, 2000
LONGEST_MESSAGE = 64 << 20


def opened(endpoint: Endpoint, address: str, options: Options, timeout: float) -> Any:
    """
    Return a client for *endpoint* at *address*, which connects when it is first used.

    Raises:
        BackendRejectedError: A file that secures the connection cannot be used.
    """
    return _client_class(options)(
        host=f"[{address}]" if ":" in address else address,
        port=endpoint.port,
        ca_cert=options.security.ca,
        cert_cert=options.security.cert,
        cert_key=options.security.key,
        timeout=timeout,
        grpc_options=[*_settings(timeout), ("grpc.default_authority", str(endpoint))],
    )


def _settings(timeout: float) -> list[tuple[str, int]]:
    return [
        ("grpc.enable_http_proxy", 0),
        ("grpc.use_local_subchannel_pool", 1),  # else all channels to one server share one connection, and its end
        ("grpc.keepalive_time_ms", PING_EVERY_MS),
        ("grpc.keepalive_timeout_ms", PING_TIMEOUT_MS),
        ("grpc.http2.ping_timeout_ms", PING_TIMEOUT_MS),  # measured: the one that ends a dead connection
        ("grpc.http2.max_pings_without_data", 0),
        # gRPC's own backoff goes up to two minutes. Below the first, a TLS handshake does not get the time it needs.
        ("grpc.min_reconnect_backoff_ms", max(500, int(timeout * 1000))),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.max_receive_message_length", LONGEST_MESSAGE),
    ]


def _client_class(options: Options) -> Any:
    """Return python-etcd3's client; one that takes our certificates if the connection is to be encrypted."""
    library = load()
    if not options.security.is_on:
        return library.etcd3.Etcd3Client

    class Encrypted(library.etcd3.Etcd3Client):  # type: ignore[misc, name-defined] # untyped
        def _get_secure_creds(self, *_: object, **__: object) -> Any:
            try:
                files = options.security.read()
            except ConfigurationError as error:
                raise BackendRejectedError(str(error)) from None
            return library.grpc.ssl_channel_credentials(files.ca, files.key, files.cert)

    return Encrypted
