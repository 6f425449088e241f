"""The harness for the conformance suite: an etcd server of its own, or the one of a URL, and hands that reach it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from incumbent import Address, ConfigurationError, LeaderRecord
from incumbent.testing import ServerHarness
from incumbent_etcd._connection import Connection
from incumbent_etcd._layout import Election
from incumbent_etcd._options import Options

from .server import Etcd, binary

__all__ = ["EtcdHarness"]

#: Seconds that the store's own requests may take: the machine may be busy.
PATIENT = 10.0
#: The candidate that etcdctl is.
TOOL = "etcdctl"


class EtcdHarness(ServerHarness):
    """
    Runs the suite on etcd.

    Args:
        url: The server to use; None to start one, which is found by INCUMBENT_ETCD_BIN or on the PATH.
    """

    scheme = "etcd"
    request_timeout = 0.6

    def __init__(self, url: str | None = None) -> None:
        super().__init__(url)
        self._guarded: Etcd | None = None
        self._tool: subprocess.Popen[str] | None = None
        if not self.is_ours:
            self.cannot = MappingProxyType({**self.cannot, **self._limits()})

    def _limits(self) -> dict[str, str]:
        cannot = {}
        options = Options.of(Address.parse(self.url))
        if options.username is None:
            cannot["rejected_url"] = "the given URL has no user whose password could be wrong"
        try:
            binary("etcdctl")
        except ConfigurationError as error:
            cannot["tool"] = str(error)
        return cannot

    def open(self) -> None:
        """Start the server, if it is ours."""
        if self.is_ours:
            self._folder = Path(tempfile.mkdtemp(prefix="incumbent-etcd-"))
            self.server = server = Etcd(self._folder / "store")
            server.start()
            self.url = f"etcd://127.0.0.1:{server.port}"
        self._options = Options.of(Address.parse(self.url))
        self._connection = Connection(self._options, PATIENT)

    def close(self) -> None:
        """Stop what was started."""
        self._end_tool()
        if hasattr(self, "_connection"):
            self._connection.close()
        super().close()
        if self._guarded is not None:
            self._guarded.stop()
        if self.is_ours and hasattr(self, "_folder"):
            shutil.rmtree(self._folder, ignore_errors=True)

    # ------------------------------------------------------------ behind the elector's back

    def expire(self, lock_id: str) -> None:
        """Revoke the leader's lease."""
        lease = self._entries(lock_id)[0].lease
        self._connection.call("LeaseRevoke", self._connection.rpc.LeaseRevokeRequest(ID=lease))

    def delete(self, lock_id: str) -> None:
        """Delete all keys of the election."""
        election = self._election(lock_id)
        request = self._connection.rpc.DeleteRangeRequest(key=election.prefix, range_end=election.end)
        self._connection.call("DeleteRange", request)

    def leader(self, lock_id: str) -> LeaderRecord:
        """Return who has the lowest create revision."""
        entries = self._entries(lock_id)
        names = tuple(entry.value.decode() for entry in entries)
        if not entries:
            return LeaderRecord(lock_id, None, None)
        return LeaderRecord(lock_id, names[0], entries[0].created, candidates=names)

    def claims(self, lock_id: str) -> int:
        """Count the keys of the election."""
        return len(self._entries(lock_id))

    def tool_acquires(self, lock_id: str) -> bool:
        """Campaign with `etcdctl elect`: it leads, or it waits behind somebody, as soon as its key is there."""
        self._end_tool()
        self._tool = subprocess.Popen(
            [binary("etcdctl"), "elect", self._options.prefix + lock_id, TOOL],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **self._tool_environment()},
            start_new_session=True,
        )
        end = time.monotonic() + PATIENT
        record = self.leader(lock_id)
        while TOOL not in (record.candidates or ()) and time.monotonic() < end:
            time.sleep(0.02)
            record = self.leader(lock_id)
        if record.candidate != TOOL:
            self._end_tool()
            return False
        assert self._tool.stdout is not None
        self._tool.stdout.readline()  # it says that it leads: interrupted before, it would not resign
        return True

    def tool_relinquishes(self, lock_id: str) -> None:  # noqa: ARG002 - there is only one at a time
        """Have `etcdctl elect` resign."""
        self._end_tool()

    def rejected_url(self) -> str:
        """Return a URL with a wrong password, of a server that asks for one."""
        if not self.is_ours:
            return _with_password(Address.parse(self.url), "wrong")
        if self._guarded is None:
            self._guarded = Etcd(self._folder / "guarded")
            self._guarded.start()
            self._guarded.enable_users("right")
        return f"etcd://root:wrong@127.0.0.1:{self._guarded.port}"

    # ------------------------------------------------------------ inside

    def _election(self, lock_id: str) -> Election:
        return Election(self._connection.rpc, self._options.prefix, lock_id)

    def _entries(self, lock_id: str) -> list[Any]:
        election = self._election(lock_id)
        return list(election.entries(self._connection.call("Range", election.all())))

    def _end_tool(self) -> None:
        tool, self._tool = self._tool, None
        if tool is None:
            return
        tool.send_signal(signal.SIGINT)
        try:
            tool.communicate(timeout=PATIENT)
        except subprocess.TimeoutExpired:
            tool.kill()
            tool.communicate()

    def _tool_environment(self) -> dict[str, str]:
        options, security = self._options, self._options.security
        scheme = "https" if security.is_on else "http"
        given = {
            "ETCDCTL_ENDPOINTS": ",".join(f"{scheme}://{endpoint}" for endpoint in options.endpoints),
            "ETCDCTL_CACERT": security.ca if security.ca != "system" else None,
            "ETCDCTL_CERT": security.cert,
            "ETCDCTL_KEY": security.key,
            "ETCDCTL_USER": options.username,
            "ETCDCTL_PASSWORD": options.password.reveal() if options.password is not None else None,
        }
        return {name: value for name, value in given.items() if value is not None}


def _with_password(address: Address, password: str) -> str:
    hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port or 2379}" for host, port in address.hosts)
    query = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in address.options.items() if name != "password-file"
    )
    user = quote(address.username or "root", safe="")
    return f"etcd://{user}:{password}@{hosts}{quote(address.path)}" + (f"?{query}" if query else "")
