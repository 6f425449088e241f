"""A relay for gRPC that passes messages on as they are, or answers with something else if it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from incumbent_etcd._library import load

__all__ = ["CallFailedError", "HostileGrpc", "Spoil"]


class CallFailedError(Exception):
    """Ends a call with a status."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(code, details)
        self.code, self.details = code, details


#: What to answer instead of a message, given the method's name, the message, and the caller's metadata.
Spoil = Callable[[str, bytes, dict[str, str]], "bytes | Iterable[bytes]"]


class HostileGrpc:
    """Stands in front of a server on loopback. A context manager. Honest until `spoil` is set."""

    def __init__(self, port: int) -> None:
        self.grpc = load().grpc
        self.spoil: Spoil | None = None
        #: The methods of the messages that went to the server, and that came back, in their order.
        self.asked: list[str] = []
        self.answered: list[str] = []
        self._channel = self.grpc.insecure_channel(
            f"127.0.0.1:{port}", [("grpc.max_receive_message_length", 64 << 20), ("grpc.enable_http_proxy", 0)]
        )
        # Each stream of watches keeps one thread.
        self._threads = ThreadPoolExecutor(32)
        self._server = self.grpc.server(self._threads, options=[("grpc.max_send_message_length", 64 << 20)])
        self._server.add_generic_rpc_handlers((self._handler(),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def __enter__(self) -> HostileGrpc:
        return self

    def __exit__(self, *_: object) -> None:
        self.spoil = None
        self._server.stop(None).wait()
        self._channel.close()
        self._threads.shutdown()

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _handler(self) -> Any:
        relay, make = self._relay, self.grpc.stream_stream_rpc_method_handler

        class Handler(self.grpc.GenericRpcHandler):  # type: ignore[misc, name-defined] # untyped
            def service(self, call: Any) -> Any:
                # On the wire there is no difference between one message and a stream of one.
                return make(lambda requests, context: relay(call.method, requests, context))

        return Handler()

    def _relay(self, path: str, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        name = path.rpartition("/")[2]
        metadata = {key: value for key, value in context.invocation_metadata() if key in ("token", "hasleader")}

        def counted() -> Iterator[bytes]:
            for request in requests:
                self.asked.append(name)
                yield request

        upstream = self._channel.stream_stream(path)(counted(), metadata=tuple(metadata.items()))
        context.add_callback(upstream.cancel)
        try:
            for message in upstream:
                self.answered.append(name)
                spoiled = message if self.spoil is None else self.spoil(name, message, metadata)
                yield from [spoiled] if isinstance(spoiled, bytes) else spoiled
        except CallFailedError as failure:
            context.abort(getattr(self.grpc.StatusCode, failure.code), failure.details)
        except self.grpc.RpcError as error:
            if context.is_active():
                context.abort(error.code(), error.details() or "")
