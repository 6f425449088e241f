"""Real etcd servers for tests: one, or the members of a cluster."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from incumbent import ConfigurationError
from incumbent.testing import ServerProcess, free_port

__all__ = ["Etcd", "binary"]

VARIABLE = "INCUMBENT_ETCD_BIN"


def binary(name: str) -> str:
    """
    Return the path of `etcd`, or of a tool that lies beside it.

    Raises:
        ConfigurationError: It is not there; says what to do.
    """
    given = os.environ.get(VARIABLE)
    if given:
        path = Path(given) if name == "etcd" else Path(given).with_name(name)
        if os.access(path, os.X_OK):
            return str(path)
    found = shutil.which(name)
    if found is None:
        raise ConfigurationError(f"{name} is not on the PATH, nor beside ${VARIABLE}: install etcd, or set {VARIABLE}")
    return found


class Etcd(ServerProcess):
    """
    One server on loopback. Not thread-safe.

    Args:
        folder: For its data and its log.
        name: Its name in a cluster.
        peers: The peer URLs of the cluster by name; none if it stands alone.
        listen_peer: Where it listens for peers, if that is not its URL in *peers*.
        arguments: More of the command line.
        scheme: `http` or `https`, for clients.
        environment: More of the environment.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "default",
        peers: Mapping[str, str] | None = None,
        listen_peer: str | None = None,
        arguments: Sequence[str] = (),
        scheme: str = "http",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.port = free_port()
        self._data = folder / "data"
        self._metrics = free_port()
        own_peer = (peers or {}).get(name) or f"http://127.0.0.1:{free_port()}"
        client = f"{scheme}://127.0.0.1:{self.port}"
        cluster = ",".join(f"{member}={url}" for member, url in (peers or {name: own_peer}).items())
        command = [
            *(binary("etcd"), "--name", name, "--data-dir", str(self._data)),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", listen_peer or own_peer, "--initial-advertise-peer-urls", own_peer),
            *("--initial-cluster", cluster, "--initial-cluster-token", f"incumbent-{os.getpid()}"),
            *("--listen-metrics-urls", f"http://127.0.0.1:{self._metrics}"),
            # A test may kill the process, not the machine: what was written stays without being forced to the disk.
            *("--unsafe-no-fsync", "--log-level", "error", "--logger", "zap"),
            *arguments,
        ]
        super().__init__(command, ready=self._is_ready, log=folder / "log", environment=dict(environment or {}))

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at the same port, with its data or without. Nothing if it runs."""
        if self.running:
            return
        if empty:
            shutil.rmtree(self._data, ignore_errors=True)
        self.start()

    def ctl(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run etcdctl on it, and return what it prints."""
        done = subprocess.run(
            [binary("etcdctl"), "--endpoints", f"127.0.0.1:{self.port}", *arguments],
            capture_output=True,
            text=True,
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
        return done.stdout

    def enable_users(self, root_password: str) -> None:
        """Make the user root, and ask for passwords from now on."""
        self.ctl("user", "add", f"root:{root_password}")
        self.ctl("user", "grant-role", "root", "root")
        self.ctl("auth", "enable")

    def metrics(self) -> dict[str, float]:
        """Return what it counts."""
        connection = http.client.HTTPConnection("127.0.0.1", self._metrics, timeout=10)
        try:
            connection.request("GET", "/metrics")
            with connection.getresponse() as response:
                text = response.read().decode()
        finally:
            connection.close()
        rows = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in rows}

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._metrics, timeout=1)
        try:
            connection.request("GET", "/health")
            with connection.getresponse() as response:
                return bool(json.loads(response.read())["health"] == "true")
        except (OSError, ValueError, KeyError, http.client.HTTPException):
            return False
        finally:
            connection.close()
