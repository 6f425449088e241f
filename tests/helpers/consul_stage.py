"""A stage for the tests on Consul: waiting with a deadline, `consul lock` as a process, a cluster, requests counted."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from patience import PATIENCE, durations, eventually, goes_on, lead, side_by_side
from processes import running

from incumbent import LeaderElectionConfig
from incumbent.testing import FaultProxy, free_port
from incumbent_consul.testing import ConsulServer, consul_program

__all__ = [
    "BRIEF",
    "FLAGS",
    "INCUMBENT",
    "PATIENCE",
    "QUICK",
    "REQUEST_TIMEOUT",
    "SHORT",
    "START",
    "TTL",
    "Cluster",
    "ConsulLock",
    "Tap",
    "config",
    "consul",
    "environment",
    "eventually",
    "goes_on",
    "holder",
    "lead",
    "lock",
    "new_session",
    "put",
    "say",
    "session_processes",
    "sessions",
    "settings",
    "side_by_side",
    "url",
    "value",
]


#: Short, so that neither a fail-over nor silence is waited for long.
TTL, REQUEST_TIMEOUT = 3.0, 1.0
#: What servers with a lowered session_ttl_min are told apart by.
QUICK = "session-ttl-min=2"
#: The command line, as it is installed for this interpreter.
INCUMBENT = [sys.executable, "-c", "import sys; from incumbent.cli import main; sys.exit(main())"]
#: And for servers that find together, on a machine that is busy with others.
START = 90.0
FLAGS = 0x2DDCCBC058A50C18


settings, SHORT, BRIEF = durations(TTL, REQUEST_TIMEOUT)


def config(name: str, **values: object) -> LeaderElectionConfig:
    return LeaderElectionConfig(name, **{"ttl": TTL, "request_timeout": 0.5, "relinquish_interval": None, **values})


def url(*servers: object, path: str = "", **options: str) -> str:
    asked = "&".join([QUICK, *(f"{name.replace('_', '-')}={value}" for name, value in options.items())])
    return f"consul://{','.join(map(str, servers))}{path}?{asked}"


def say(figure: str) -> None:
    """Show a measured figure to who runs pytest with -s."""
    sys.stdout.write(f"{figure}\n")


def lock(server: ConsulServer, name: str) -> dict[str, Any] | None:
    """Read the election's key as a server shows it."""
    found = server.ask("GET", f"/v1/kv/{name}/.lock?consistent")
    return found[0] if found else None


def holder(server: ConsulServer, name: str) -> str | None:
    """Return the session that has the key locked."""
    pair = lock(server, name)
    return pair.get("Session") if pair else None


def value(pair: dict[str, Any]) -> str:
    return base64.b64decode(pair["Value"] or "").decode()


def sessions(server: ConsulServer) -> set[str]:
    """Return the sessions that there are; those of earlier tests end at any time."""
    return {session["ID"] for session in server.ask("GET", "/v1/session/list")}


def new_session(server: ConsulServer, ttl: str = "60s", lock_delay: str = "0s") -> str:
    """Create a session without an elector."""
    return server.ask("PUT", "/v1/session/create", {"TTL": ttl, "LockDelay": lock_delay, "Checks": []})["ID"]


def put(server: ConsulServer, path: str, text: str = "") -> Any:
    """PUT *text* to a key with its query, as curl would."""
    return server.ask("PUT", f"/v1/kv/{path}", text.encode())


class ConsulLock:
    """`consul lock NAME CMD`: leads while its command runs. A context manager, after which neither runs any more."""

    def __init__(self, server: ConsulServer, name: str, folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        self._sign = folder / f"leads-{time.monotonic_ns()}"
        command = f"echo $$ > {self._sign}.new; mv {self._sign}.new {self._sign}; exec sleep 600"
        self.process = subprocess.Popen(
            [consul_program(), "lock", f"-http-addr={server}", *options, name, command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # by which its command is found, also one that has not written its process id yet
        )

    def __enter__(self) -> ConsulLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def leads(self) -> bool:
        """Whether its command runs: it ends that, and waits for its end, before it lets go."""
        if not self._sign.exists():
            return False
        command = running(self._sign.read_text().strip())
        return command is not None and command.session == self.process.pid

    def resign(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it without a farewell, and its command, which would run on. Idempotent."""
        self.process.kill()
        self.process.wait(PATIENCE)
        eventually(self._command_is_gone)

    def _command_is_gone(self) -> bool:
        found = session_processes(self.process.pid)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not found


def session_processes(session: int) -> list[int]:
    """Return the processes of a session (`setsid`) that run, by the pid of who began it."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if (process := running(pid)) and process.session == session]


class Tap:
    """A proxy in front of a server that counts the requests by kind. A context manager."""

    _REQUEST = re.compile(rb"(GET|PUT|DELETE) /v1/(kv|session|txn|agent|status)[^ ]* HTTP")

    def __init__(self, server: ConsulServer) -> None:
        self.requests: Counter[str] = Counter()
        #: The bodies of the transactions that write, as they were sent.
        self.transactions: list[bytes] = []
        #: Called with all that is sent.
        self.also: Callable[[bytes], object] = len
        self.proxy = FaultProxy("127.0.0.1", server.port, tap=self._tap)

    def __enter__(self) -> Tap:
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.close()

    def __str__(self) -> str:
        return str(self.proxy)

    @property
    def total(self) -> int:
        return self.requests.total()

    def _tap(self, direction: str, data: bytes) -> None:
        if direction == "to server":
            self.also(data)
        if direction == "to server":
            for line in self._REQUEST.finditer(data):
                kind = b"watch" if b"index=" in line[0] or b"recurse" in line[0] else line[2]
                self.requests[f"{line[1].decode()} {kind.decode()}"] += 1
            if b'"Verb": "lock"' in data or b'"Verb": "unlock"' in data:
                self.transactions.append(data[data.rindex(b"[{") :])


class Cluster:
    """Three servers, each of which clients reach through a proxy."""

    def __init__(self, folder: Path) -> None:
        ports = [free_port() for _ in range(3)]
        self.servers = [
            ConsulServer(
                {
                    "bootstrap_expect": 3,
                    "retry_join": [f"127.0.0.1:{port}" for port in ports],
                    "retry_interval": "1s",
                    "node_name": f"server-{number}",
                    "ports": {"serf_lan": port},
                    # What has been removed, and comes back, need not prove itself for 10 s before it votes again.
                    "autopilot": {"server_stabilization_time": "1s"},
                },
                folder / str(number),
            )
            for number, port in enumerate(ports)
        ]
        self.proxies = [FaultProxy("127.0.0.1", server.port) for server in self.servers]
        try:
            for server in self.servers:
                server.start(wait=False)
            for server in self.servers:
                server.process.wait_until_ready()
            eventually(lambda: self.voters() == 3, START)
        except BaseException:
            self.close()
            raise

    def url(self, *numbers: int) -> str:
        return url(*(self.proxies[number] for number in numbers or range(3)))

    def voters(self) -> int:
        """Count the servers that vote, as one that runs sees it: autopilot lets a new one vote every 10 s."""
        for server in self.servers:
            if server.process.running:
                with suppress(OSError, TypeError):
                    peers = server.ask("GET", "/v1/operator/raft/configuration")["Servers"]
                    return sum(peer["Voter"] for peer in peers)
        return 0

    def leader(self) -> int:
        """Return the number of the server that leads the others."""

        def found() -> int | None:
            for server in self.servers:
                if server.process.running:
                    with suppress(OSError):
                        address = server.ask("GET", "/v1/status/leader")
                        for number, other in enumerate(self.servers):
                            if other.process.running and address.endswith(f":{other.configuration['ports']['server']}"):
                                return number + 1
            return None

        number = eventually(found)
        assert number is not None
        return number - 1

    def restore(self) -> None:
        """Put everything right again, without waiting for it."""
        for proxy in self.proxies:
            proxy.heal()
        for server in self.servers:
            if server.process.running:
                server.process.thaw()
            else:
                server.start(wait=False)

    def mend(self) -> None:
        """Put everything right again, and wait until it serves."""
        self.restore()
        for server in self.servers:
            server.process.wait_until_ready()
        eventually(lambda: self.voters() == 3, START)

    def close(self) -> None:
        for server in self.servers:
            server.stop()
        for proxy in self.proxies:
            proxy.close()


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set variables of the environment inside the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del os.environ[name]
            else:
                os.environ[name] = old


def consul(server: ConsulServer, *words: str) -> str:
    """Run a command of Consul's own, and return what it prints."""
    command: Sequence[str] = [consul_program(), *words, f"-http-addr={server}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
