"""Real Redis and Valkey servers for tests: one, its replicas, and Sentinels."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from incumbent import ConfigurationError
from incumbent.testing import ServerProcess, free_port

__all__ = ["Server", "binary"]

#: Seconds for which a server is asked to end, and seconds between two times.
PROMPT, AGAIN = 10.0, 0.05


def binary(name: str) -> str:
    """
    Return the path of the server *name*, `redis` or `valkey`.

    Raises:
        ConfigurationError: It is not there; says what to do.
    """
    variable = f"INCUMBENT_{name.upper()}_BIN"
    found = os.environ.get(variable) or shutil.which(f"{name}-server")
    if not found or not os.access(found, os.X_OK):
        raise ConfigurationError(
            f"{name}-server is neither on the PATH nor in ${variable}: install {name}, or set {variable}"
        )
    return found


class Server(ServerProcess):
    """
    One server on loopback. Not thread-safe.

    Args:
        folder: For its data and its log.
        name: `redis` or `valkey`.
        arguments: More of the command line.
        persistent: Whether what was written is there again after a restart.
        sentinel: The configuration, if it is a Sentinel.
        environment: More of the environment.
        tls: Whether it speaks TLS; *arguments* must name its files then.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "redis",
        arguments: Sequence[str] = (),
        persistent: bool = True,
        sentinel: str | None = None,
        environment: Mapping[str, str] | None = None,
        tls: bool = False,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._data = folder / "data"
        self._tls = tls
        ports = ("--port", "0", "--tls-port", str(self.port)) if tls else ("--port", str(self.port))
        if sentinel is not None:
            configuration = folder / "sentinel.conf"
            configuration.write_text(sentinel)
            command = [binary(name), str(configuration), "--sentinel", *ports, "--bind", "127.0.0.1", *arguments]
        else:
            command = [
                *(binary(name), "--bind", "127.0.0.1", *ports, "--dir", str(self._data), "--save", ""),
                # A test may kill the process, not the machine: what was written stays without being forced to the disk.
                *("--appendonly", "yes" if persistent else "no", "--appendfsync", "no"),
                *("--repl-diskless-sync-delay", "0"),
                *arguments,
            ]
        super().__init__(command, ready=self._is_ready, log=folder / "log", environment=dict(environment or {}))

    def start(self) -> None:
        """Start, and wait until it serves."""
        self._data.mkdir(exist_ok=True)
        super().start()

    def stop(self) -> None:
        """
        End it, frozen or not. Idempotent.

        A replica that writes its first appendonly file refuses to end, and forgets that it was asked: ask again.
        """
        if self.running:
            self.thaw()
        end = time.monotonic() + PROMPT
        while self.running and time.monotonic() < end:
            os.kill(self.pid, signal.SIGTERM)
            time.sleep(AGAIN)
        super().stop()

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at the same port, with its data or without. Nothing if it runs."""
        if self.running:
            return
        if empty:
            shutil.rmtree(self._data, ignore_errors=True)
        self.start()

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                if self._tls:
                    return True
                probe.sendall(b"PING\r\n")
                answer = probe.recv(64)
                return answer.startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False
