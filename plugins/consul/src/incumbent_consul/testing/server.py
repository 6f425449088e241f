"""A server to test on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from incumbent import ConfigurationError
from incumbent.testing import ServerProcess, free_port

__all__ = ["TIMEOUT", "ConsulServer", "ask", "consul_program", "consul_version"]

#: Seconds that a request of a harness may take.
TIMEOUT = 10.0
#: Ports that servers have unless they are switched off, and since when: older ones refuse a port that they do not know.
PORTS_SINCE = {"grpc_tls": (1, 14)}


def consul_program() -> str:
    """
    Return the path of the program `consul`.

    Raises:
        ConfigurationError: It is not there; says what to do.
    """
    program = os.environ.get("INCUMBENT_CONSUL_BIN") or shutil.which("consul")
    if program is None:
        raise ConfigurationError("consul is not installed: put it on the PATH, or its path into INCUMBENT_CONSUL_BIN")
    return program


@cache
def consul_version(program: str) -> tuple[int, ...]:
    """
    Return the version of *program*, such as `(1, 8, 7)`.

    Raises:
        ConfigurationError: It is not Consul.
    """
    try:
        said = subprocess.run([program, "version"], capture_output=True, text=True, check=False, timeout=60.0).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"{program} cannot be run: {error}") from error
    found = re.match(r"Consul v(\d+)\.(\d+)\.(\d+)", said)
    if found is None:
        raise ConfigurationError(f"{program} is not Consul: `{program} version` does not begin with its version")
    return tuple(int(part) for part in found.groups())


class ConsulServer:
    """
    One server on loopback, with its data on disk. It must be told to `stop`.

    Args:
        configuration: Overrides what is chosen here, as in a configuration file; its ports one by one.
        directory: Where its data and its log go; None for a temporary one.
        port: Where it serves HTTP; None for a free one.
    """

    def __init__(
        self,
        configuration: Mapping[str, object] | None = None,
        directory: Path | None = None,
        port: int | None = None,
    ) -> None:
        self._own = Path(tempfile.mkdtemp(prefix="incumbent-consul-")) if directory is None else None
        self.directory = directory or self._own or Path()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        given: dict[str, Any] = dict(configuration or {})
        ports = {"http": self.port, "server": free_port(), "serf_lan": free_port()}
        ports |= dict.fromkeys(("serf_wan", "dns", "grpc"), -1)
        self.configuration: dict[str, Any] = {
            "server": True,
            "bootstrap_expect": 1,
            "node_name": f"node-{self.port}",
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "ports": ports | given.pop("ports", {}),
            "session_ttl_min": "1s",  # a suite that waits for ttls of 10 s takes an hour
            "performance": {"raft_multiplier": 1},
            "disable_update_check": True,
            "disable_remote_exec": True,
            "leave_on_terminate": False,
            "log_level": "WARN",
            **given,
        }
        #: Sent with the requests of `ask`.
        self.token: str | None = None
        self.process: ServerProcess | None = None

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it, and return when it can grant sessions. It is stopped if it cannot."""
        program = consul_program()
        version = consul_version(program)
        newer = {port: -1 for port, since in PORTS_SINCE.items() if version >= since}
        path = self.directory / "consul.json"
        path.write_text(json.dumps({**self.configuration, "ports": newer | self.configuration["ports"]}))
        self.process = ServerProcess(
            [program, "agent", "-config-file", path, "-data-dir", self.directory / "data"],
            ready=self._serves,
            log=self.directory / "consul.log",
        )
        self.process.launch()
        if wait:
            try:
                self.process.wait_until_ready()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """End it, and remove its temporary directory."""
        if self.process is not None:
            self.process.stop()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def freeze(self) -> None:
        """Make it silent (SIGSTOP)."""
        self._running().freeze()

    def thaw(self) -> None:
        """Let it go on."""
        self._running().thaw()

    def kill(self) -> None:
        """End it without a farewell (SIGKILL)."""
        self._running().kill()

    def restart(self, *, empty: bool = False) -> None:
        """Start it again at the same port, with its data or without."""
        if empty:
            self.empty()
        self.start()

    def empty(self) -> None:
        """Remove the data of the stopped server."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask over plain HTTP, and return the decoded answer, None for 404."""
        return ask(f"http://{self}", method, path, body, self.token)

    def _running(self) -> ServerProcess:
        assert self.process is not None
        return self.process

    def _serves(self) -> bool:
        try:
            session = self.ask("PUT", "/v1/session/create", {"TTL": "10s", "LockDelay": "0s", "Checks": []})["ID"]
            self.ask("PUT", f"/v1/session/destroy/{session}")
        except OSError:
            return False
        return True


def ask(base: str, method: str, path: str, body: object = None, token: str | None = None) -> Any:
    """Ask a server over plain HTTP, and return the decoded answer, None for 404."""
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    headers = {"X-Consul-Token": token} if token else {}
    request = urllib.request.Request(base + path, data, headers, method=method)  # noqa: S310 - http, see above
    try:
        with _opener.open(request, timeout=TIMEOUT) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
            raise
    return json.loads(text) if text.strip() else None


#: Without the proxies of the environment.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
