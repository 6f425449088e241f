"""What the elections of this process leave to its executor, which all of them share."""

from __future__ import annotations

import itertools
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from incumbent.address import Address
from incumbent.elector import BackendSettings
from incumbent.errors import ConfigurationError

__all__ = ["Will", "check_executor"]

_log = logging.getLogger("incumbent")

PROGRAM = Path(__file__).with_name("program.py")


def check_executor() -> None:
    """
    Return if this process can have an executor.

    Raises:
        ConfigurationError: It cannot; says why.
    """
    if os.name != "posix":
        raise ConfigurationError("relinquish_on_crash needs a POSIX system")
    if getattr(sys, "frozen", False) or not sys.executable or not PROGRAM.is_file():
        raise ConfigurationError(
            "relinquish_on_crash needs a Python to run, and this application is frozen, or embeds it: leave it out"
        )


class Will:
    """
    What one election leaves: the testament of its present term. Thread-safe.

    Only the process that has made it may use it; copies in forked children keep the claim, and do nothing (P9).
    """

    def __init__(self, address: Address, settings: BackendSettings, lock_id: str) -> None:
        password = None if address.password is None else address.password.reveal()
        url = [address.scheme, address.hosts, address.path, dict(address.options), address.username, password]
        self._words = [*url, settings.ttl, settings.request_timeout, lock_id]
        self._testament = ""
        self._executor: _Executor | None = None
        try:
            self._executor = _join(self)
        except OSError as error:  # no descriptor, or no process, is to be had
            _log.warning("there is no executor, so that a crash costs the ttl: %s", error)

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a program must inherit to keep the claim, as forked children do."""
        executor = self._executor
        return () if executor is None else (executor.fileno(),)

    def leave(self, testament: str) -> None:
        """Have that term ended should this process die; the last word counts. Never blocks, never raises."""
        executor = self._executor
        if executor is None:
            return
        if testament == self._testament:
            executor.go_on()
        else:
            self._testament = testament
            executor.tell(self, json.dumps([*self._words, testament]) if testament else "")

    def end(self, timeout: float) -> bool:
        """Leave nothing any more; tell whether the executor has ended, if this was the last, within *timeout* s."""
        executor = self._executor
        if executor is None:
            return True
        executor.part(self)
        if not executor.has_ended(timeout):
            return False
        self._executor = None
        return True


class _Executor:
    """The process, and this end of the socket that it reads."""

    def __init__(self) -> None:
        theirs, self._socket = socket.socketpair()
        self._socket.setblocking(False)
        try:
            self._starter = _started(theirs)
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self._lock = threading.Lock()
        self._wills: dict[Will, int] = {}
        self._numbers = itertools.count(1)
        self._is_over = False
        #: What is not sent yet: by who has said it, for only the last word counts; and the end of a line.
        self._unsent: dict[object, bytes] = {None: f"path {json.dumps(sys.path)}\n".encode()}
        self._rest = b""

    def fileno(self) -> int:
        return self._socket.fileno()

    def join(self, will: Will) -> bool:
        """Take *will* in, unless this executor is about to end."""
        with self._lock:
            if not self._is_over:
                self._wills[will] = next(self._numbers)
            return not self._is_over

    def part(self, will: Will) -> None:
        """Forget *will*, and end with the last."""
        with self._lock:
            number = self._wills.pop(will, None)
            if number is not None:
                self._is_over = not self._wills
                self._unsent[will] = b"end\n" if self._is_over else b"%d \n" % number
                self._send()

    def tell(self, will: Will, words: str) -> None:
        """Have *words* kept in place of what *will* has said before."""
        with self._lock:
            if will in self._wills:
                self._unsent[will] = f"{self._wills[will]} {words}\n".encode()
                self._send()

    def go_on(self) -> None:
        """Send what could not be sent before."""
        if self._unsent or self._rest:
            with self._lock:
                self._send()

    def _send(self) -> None:
        try:
            while self._rest or self._unsent:
                if not self._rest:
                    self._rest = self._unsent.pop(next(iter(self._unsent)))
                self._rest = self._rest[self._socket.send(self._rest, getattr(socket, "MSG_NOSIGNAL", 0)) :]
        except BlockingIOError:
            return  # it is frozen, or very busy: see `go_on`
        except OSError:
            if not self._is_over:
                _log.warning("the executor was killed, so that a crash costs the ttl")
            self._unsent, self._rest = {}, b""

    def has_ended(self, timeout: float) -> bool:
        """Wait for its end, if it was told to end; at once if others need it."""
        with self._lock:
            if not self._is_over or self._socket.fileno() < 0:
                return True
            self._send()
            self._socket.settimeout(timeout)
        try:
            self._socket.recv(1)  # it says nothing
        except (BlockingIOError, TimeoutError):
            return False
        except OSError:
            pass
        self._starter.join(timeout)
        self._socket.close()
        return True


def _started(theirs: socket.socket) -> threading.Thread:
    """Start the program, which forks the executor and ends; return the thread that buries it."""
    process = subprocess.Popen(
        [sys.executable, "-S", str(PROGRAM), str(os.getpid())],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # what is sent to our group, as by Ctrl-C, is not for it
    )
    burying = threading.Thread(target=process.wait, name="incumbent-executor", daemon=True)
    try:
        burying.start()
    except RuntimeError as error:  # no thread is to be had
        process.kill()
        process.wait()
        raise OSError(str(error)) from error
    return burying


class _Process:
    """What a process has: an executor; and what it was forked with, whose being open keeps the parent's claims."""

    def __init__(self, inherited: list[_Executor]) -> None:
        self.lock = threading.Lock()
        self.executor: _Executor | None = None
        self.inherited = inherited


_this = _Process([])


def _join(will: Will) -> _Executor:
    with _this.lock:
        if _this.executor is None or not _this.executor.join(will):
            _this.executor = _Executor()
            _this.executor.join(will)
        return _this.executor


def _forked() -> None:
    global _this  # noqa: PLW0603 - one for each process
    executor = _this.executor
    _this = _Process([*_this.inherited, *([] if executor is None else [executor])])


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
