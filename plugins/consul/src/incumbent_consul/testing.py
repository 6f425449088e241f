"""For tests on a real Consul: the harness of the conformance suite, and servers to run it on."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from incumbent import Address, ConfigurationError, LeaderRecord
from incumbent.testing import Harness, ServerProcess, free_port

from ._backend import ConsulBackend
from ._check import CheckBackend
from ._queue import FLAGS, Keys
from ._settings import LONGEST_LOCK_DELAY

__all__ = ["CheckHarness", "ConsulHarness", "ConsulServer", "consul_program"]

#: Seconds that a request of a harness may take.
TIMEOUT = 10.0


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


class ConsulServer:
    """
    One server on loopback, with its data on disk. It must be told to `stop`.

    Args:
        configuration: Overrides what is chosen here, as in a configuration file.
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
        self.configuration: dict[str, Any] = {
            "server": True,
            "bootstrap_expect": 1,
            "node_name": f"node-{self.port}",
            "bind_addr": "127.0.0.1",
            "client_addr": "127.0.0.1",
            "ports": {
                "http": self.port,
                "server": free_port(),
                "serf_lan": free_port(),
                "serf_wan": -1,
                "dns": -1,
                "grpc": -1,
            },
            "session_ttl_min": "1s",  # a suite that waits for ttls of 10 s takes an hour
            "performance": {"raft_multiplier": 1},
            "disable_update_check": True,
            "disable_remote_exec": True,
            "leave_on_terminate": False,
            "log_level": "WARN",
            **(configuration or {}),
        }
        #: Sent with the requests of `ask`.
        self.token: str | None = None
        self.process: ServerProcess | None = None

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it, and return when it can grant sessions."""
        path = self.directory / "consul.json"
        path.write_text(json.dumps(self.configuration))
        self.process = ServerProcess(
            [consul_program(), "agent", "-config-file", path, "-data-dir", self.directory / "data"],
            ready=self._serves,
            log=self.directory / "consul.log",
        )
        self.process.launch()
        if wait:
            self.process.wait_until_ready()

    def stop(self) -> None:
        """End it, and remove its temporary directory."""
        if self.process is not None:
            self.process.stop()
        if self._own is not None:
            shutil.rmtree(self._own, ignore_errors=True)

    def empty(self) -> None:
        """Remove the data of the stopped server."""
        shutil.rmtree(self.directory / "data", ignore_errors=True)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask over plain HTTP, and return the decoded answer, None for 404."""
        return ask(f"http://{self}", method, path, body, self.token)

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


class ConsulHarness(Harness):
    """
    A server of its own, or the one of the given URL, which is neither frozen nor killed.

    Args:
        url: The server that the user asked for; None to start one.
    """

    scheme = "consul"
    _options = "?session-ttl-min=2"

    def __init__(self, url: str | None = None) -> None:
        super().__init__(url)
        self.server: ConsulServer | None = None
        self._tools: dict[str, subprocess.Popen[bytes]] = {}
        if url is not None:
            self.cannot = MappingProxyType(
                {
                    "freeze": "the server was not started here",
                    "kill": "the server was not started here",
                    "rejected_url": "it takes a server that is known to check tokens",
                }
            )
            self.ttl = max(self.ttl, self.backend_class().capabilities.ttl_range[0])

    def backend_class(self) -> type[ConsulBackend]:
        """Return the class of servers with a lowered `session_ttl_min`, or that of servers as they usually are."""
        return ConsulBackend if self.server is None and hasattr(self, "url") else _QuickBackend

    def open(self) -> None:
        """Start the server."""
        if hasattr(self, "url"):
            self._read_url()
            return
        self.server = ConsulServer({"acl": {"enabled": True, "default_policy": "allow"}})
        self.server.start()
        self.url = f"{self.scheme}://{self.server}{self._options}"
        self._read_url()

    def close(self) -> None:
        """Stop what was started."""
        for lock_id in list(self._tools):
            self.tool_relinquishes(lock_id)
        if self.server is not None:
            self.server.stop()

    # ------------------------------------------------------------ behind the elector's back

    def expire(self, lock_id: str) -> None:
        """End the leader's session, as the servers do when it was silent; a lock-delay follows."""
        lock = self._lock(lock_id)
        if lock is not None and lock.get("Session"):
            self._ask("PUT", f"/v1/session/destroy/{lock['Session']}")

    def delete(self, lock_id: str) -> None:
        """Delete the keys."""
        self._ask("DELETE", f"/v1/kv/{self._root(lock_id)}?recurse")

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read the key."""
        lock = self._lock(lock_id)
        if lock is None or not lock.get("Session"):
            return LeaderRecord(lock_id, None, None)
        value = base64.b64decode(lock["Value"] or "").decode()
        return LeaderRecord(lock_id, value, lock["ModifyIndex"])

    def claims(self, lock_id: str) -> int:
        """Count the keys that are there for candidates."""
        found = self._ask("GET", f"/v1/kv/{self._root(lock_id)}?recurse&consistent") or []
        return sum(bool(pair.get("Session")) or ".queue/" in pair["Key"] for pair in found)

    def freeze(self) -> None:
        """Stop the server with SIGSTOP."""
        self._process().freeze()

    def thaw(self) -> None:
        """Let it go on."""
        self._process().thaw()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self._process().kill()

    def restart(self, *, empty: bool = False) -> None:
        """Start it again."""
        assert self.server is not None
        if empty:
            self.server.empty()
        self.server.start()

    def tool_acquires(self, lock_id: str) -> bool:
        """Let `consul lock` try; it leads when its command runs."""
        sign = Path(tempfile.mkdtemp(prefix="incumbent-consul-")) / "leads"
        prefix = self._root(lock_id).removesuffix("/")
        command = [consul_program(), "lock", f"-http-addr={self._base}", "-timeout=500ms", prefix]
        tool = subprocess.Popen(
            [*command, f"touch {sign}; exec sleep 600"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while tool.poll() is None and not sign.exists():
            time.sleep(0.02)
        leads = sign.exists()
        shutil.rmtree(sign.parent)
        if leads:
            self._tools[lock_id] = tool
        else:
            tool.wait(TIMEOUT)
        return leads

    def tool_relinquishes(self, lock_id: str) -> None:
        """Interrupt `consul lock`: it unlocks, and ends its session."""
        tool = self._tools.pop(lock_id)
        tool.terminate()
        tool.wait(2 * TIMEOUT)

    def rejected_url(self) -> str:
        """Give a token that the server does not know."""
        return f"{self.url}{'&' if '?' in self.url else '?'}token={uuid.uuid4()}"

    # ------------------------------------------------------------ inside

    def _read_url(self) -> None:
        address = Address.parse(self.url)
        hosts = address.hosts or (("127.0.0.1", None),)
        host, port = hosts[0]
        if address.options.get("tls") == "yes" or "ca" in address.options:
            raise ConfigurationError(f"{address}: this harness speaks plain HTTP only")
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{port or 8500}"
        token = address.options.get("token")
        if "token-file" in address.options:
            token = Path(address.options["token-file"]).read_text().strip()
        self._token = token
        self._prefix = "".join(f"{segment}/" for segment in address.path.split("/") if segment)

    def _keys(self, lock_id: str) -> Keys:
        return Keys.of(self._prefix, lock_id)

    def _root(self, lock_id: str) -> str:
        return self._keys(lock_id).lock.removesuffix(".lock")

    def _lock(self, lock_id: str) -> dict[str, Any] | None:
        found = self._ask("GET", f"/v1/kv/{self._keys(lock_id).lock}?consistent")
        return None if not found or found[0]["Flags"] != FLAGS else found[0]

    def _ask(self, method: str, path: str) -> Any:
        return ask(self._base, method, path, token=self._token)

    def _process(self) -> ServerProcess:
        assert self.server is not None
        assert self.server.process is not None
        return self.server.process


class _QuickBackend(ConsulBackend):
    """What a backend is for servers whose session_ttl_min was lowered to what tests have the time for."""

    capabilities = replace(ConsulBackend.capabilities, ttl_range=(2.0, LONGEST_LOCK_DELAY))


class CheckHarness(ConsulHarness):
    """Likewise for `consul+check`: the server is the agent."""

    scheme = "consul+check"
    _options = ""

    @property
    def patience(self) -> float:
        """An agent that finds no leader when it starts tells the servers of its checks only some 15 s later."""
        return super().patience + 16.0

    def backend_class(self) -> type[ConsulBackend]:
        """Return the class of the elector."""
        return CheckBackend
