"""A real server for a harness to test on: started on loopback, frozen, killed, restarted, and ended by its pid."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["ServerProcess", "free_port"]

#: Seconds between two looks at a server that starts.
LOOK = 0.02
#: Lines of its log that are shown of a server that does not start.
SHOWN = 5

_lock = threading.Lock()
#: What `free_port` has given out, and where other processes see it.
_reserved: set[int] = set()
_reservations: int | None = None


def free_port() -> int:
    """
    Return a TCP port of the loopback interface for a server, which no other call is given while this process lives.

    The system gives none of these to outgoing connections: a server that is started again finds it free as well.
    Thread-safe, and safe among the processes of one user.

    Raises:
        OSError: All are taken.
    """
    ports = _server_ports()
    start = random.randrange(len(ports))  # noqa: S311 - no secret: other processes most likely begin elsewhere
    with _lock:
        for step in range(len(ports)):
            port = ports[(start + step) % len(ports)]
            if port not in _reserved and _reserve(port):
                _reserved.add(port)
                return port
    raise OSError(f"no TCP port from {ports[0]} to {ports[-1]} is free")


def _server_ports() -> range:
    """Return the ports that are left to servers: those below what outgoing connections are given."""
    try:
        ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except OSError:  # another system
        ephemeral = 32768
    return range(10000, ephemeral) if ephemeral > 11000 else range(ephemeral, 65536)


def _reserve(port: int) -> bool:
    """Tell whether *port* is free, and keep it from the other processes until this one ends."""
    global _reservations  # noqa: PLW0603 - one descriptor for the whole process: closing any would end all locks
    if _reservations is None:
        # Not where TMPDIR says, if there is a choice: that differs among runs, which must not take each other's ports.
        folder = next(place for place in ("/tmp", tempfile.gettempdir()) if os.access(place, os.W_OK))  # noqa: S108
        path = Path(folder) / f"incumbent-ports-{os.getuid()}"
        _reservations = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.lockf(_reservations, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)  # a byte for each port
    except OSError:
        return False
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class ServerProcess:
    """
    One server process. Not thread-safe. It must be told to `stop`: nothing else ends it.

    Args:
        command: The program and its arguments.
        ready: Tells whether the server serves; called every few milliseconds while it starts.
        log: The file that its output is appended to.
        patience: Seconds that it may take to start.
        environment: Set for the process in addition to the present environment.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        ready: Callable[[], bool],
        log: Path,
        patience: float = 60.0,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.command = [os.fspath(word) for word in command]
        self._ready = ready
        self._log = log
        self._patience = patience
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. The process must be running."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process, without waiting until it serves."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                start_new_session=True,  # Ctrl-C is for the tests; they end their servers themselves
            )

    def wait_until_ready(self) -> None:
        """
        Wait until the server serves.

        Raises:
            RuntimeError: It ended, or does not serve in time; shows the end of its log.
        """
        end = time.monotonic() + self._patience
        while not self._ready():
            if not self.running:
                raise RuntimeError(f"{self.command[0]} ended while it started: {self._last_words()}")
            if time.monotonic() > end:
                raise RuntimeError(f"{self.command[0]} does not serve after {self._patience:g} s: {self._last_words()}")
            time.sleep(LOOK)

    def start(self) -> None:
        """Start the process, and return when it serves. See `wait_until_ready`."""
        self.launch()
        self.wait_until_ready()

    def freeze(self) -> None:
        """Make it silent (SIGSTOP): connections stay, the kernel takes what is sent, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        while not self._is_stopped():  # its threads stop one by one, and may answer until then
            time.sleep(LOOK / 10)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it without a farewell (SIGKILL). Nothing happens if it has ended."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, frozen or not: SIGTERM, and SIGKILL if that does not end it in time. Idempotent."""
        if self.running:
            self.thaw()
        try:
            self._end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.kill()

    def _is_stopped(self) -> bool:
        """Tell whether all threads have stopped; where the system does not show them, believe it."""
        try:
            states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in self._tasks()]
        except OSError:  # a thread has ended meanwhile
            return False
        return all(state in "TtZX" for state in states)

    def _tasks(self) -> list[Path]:
        tasks = Path(f"/proc/{self.pid}/task")
        return list(tasks.iterdir()) if tasks.exists() else []

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10.0)

    def _last_words(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-SHOWN:]) or "it wrote nothing"
