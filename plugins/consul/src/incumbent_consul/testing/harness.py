"""The harness for the conformance suite: a server of its own, or the one of a URL, and hands that reach it."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from incumbent import Address, ConfigurationError, LeaderRecord
from incumbent.testing import ServerHarness
from incumbent_consul._backend import ConsulBackend
from incumbent_consul._check import CheckBackend
from incumbent_consul._layout import FLAGS, Keys
from incumbent_consul._options import LONGEST_LOCK_DELAY

from .server import TIMEOUT, ConsulServer, ask, consul_program

__all__ = ["CheckHarness", "ConsulHarness"]


class ConsulHarness(ServerHarness):
    """
    A server of its own, or the one of the given URL, which is neither frozen nor killed.

    Args:
        url: The server that the user asked for; None to start one.
    """

    scheme = "consul"
    _options = "?session-ttl-min=2"

    def __init__(self, url: str | None = None) -> None:
        super().__init__(url)
        self._tools: dict[str, subprocess.Popen[bytes]] = {}
        if not self.is_ours:
            unknown = {"rejected_url": "it takes a server that is known to check tokens"}
            self.cannot = MappingProxyType({**self.cannot, **unknown})
            self.ttl = max(self.ttl, self.backend_class().capabilities.ttl_range[0])

    def backend_class(self) -> type[ConsulBackend]:
        """Return the class of servers with a lowered `session_ttl_min`, or that of servers as they usually are."""
        return _QuickBackend if self.is_ours else ConsulBackend

    def open(self) -> None:
        """Start the server."""
        if self.is_ours:
            self.server = server = ConsulServer({"acl": {"enabled": True, "default_policy": "allow"}})
            server.start()
            self.url = f"{self.scheme}://{server}{self._options}"
        self._read_url()

    def close(self) -> None:
        """Stop what was started."""
        try:
            for lock_id in list(self._tools):
                self.tool_relinquishes(lock_id)
        finally:
            super().close()

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
        try:
            tool.wait(2 * TIMEOUT)
        except subprocess.TimeoutExpired:  # it has ended its command, and cannot unlock
            tool.kill()
            tool.wait()
            raise

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
