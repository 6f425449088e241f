"""Runs the tests of the suite side by side, in processes of their own: most of them do nothing but wait."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from incumbent import ConfigurationError, ElectionError, Finding, errors

from .bounded import HARNESS_LIMIT
from .conformance import suite_tests
from .harness import Harness
from .outcome import Outcome, from_dict
from .report import ConformanceReport, Progress
from .runs import Run
from .turns import is_alone

__all__ = ["side_by_side"]

#: Tests to a processor: those that wait cost next to nothing; more would spoil each other's timing.
PER_PROCESSOR, MOST = 2, 8
#: Of a process: it imports as its parent does, and reads what to do from stdin, for the URL may hold a password.
PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from incumbent.testing.worker import main; main()"


def side_by_side(url: str, made: Harness, progress: Callable[[Outcome], None], jobs: int | None) -> ConformanceReport:
    """
    Run the suite on the store at *url*.

    Args:
        url: The store.
        made: A harness for it, to be asked what it can do; it is not opened.
        progress: Hears what happens.
        jobs: The most processes.
    """
    run = Run(made, suite_tests(), MappingProxyType({}))
    crew = _Crew(url, run, progress, jobs or min(MOST, PER_PROCESSOR * (os.cpu_count() or 1)))
    try:
        crew.work()
    finally:
        crew.end()
    return run.report()


class _Worker:
    """One process, and the test that it runs."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is passed on once, by the crew
        )
        self.test: str | None = None
        self.is_ready = False
        self._unread = b""
        self._say(json.dumps(url))

    def start(self, test: str) -> None:
        self.test = test
        self._say(test)

    def news(self) -> list[dict[str, Any]] | None:
        """Return what the process has told since, or None if it has ended."""
        assert self.process.stdout is not None
        part = os.read(self.process.stdout.fileno(), 65536)
        *lines, self._unread = (self._unread + part).split(b"\n")
        return [json.loads(line) for line in lines] if part else None

    def dismiss(self) -> None:
        """Let the process close its harness, and end."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()
        self.process.stdin = None

    def end(self) -> list[dict[str, Any]]:
        """Wait until the process has ended, see to it, and return what it told at last."""
        if self.process.returncode is not None:
            return []
        if self.process.stdin is not None:
            self.dismiss()
        try:
            rest, _ = self.process.communicate(timeout=HARNESS_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            rest, _ = self.process.communicate()
        return [json.loads(line) for line in (self._unread + rest).splitlines() if line.endswith(b"}")]

    def _say(self, line: str) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # that it has ended is seen at its stdout
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()


class _Crew:
    """The processes, and what is left for them to do."""

    def __init__(self, url: str, run: Run, progress: Callable[[Outcome], None], jobs: int) -> None:
        tests = {name: test for name, test in suite_tests().items() if run.why_not(name) is None}
        is_shared = "://" in url  # else each process starts a store of its own, and may do anything to it
        self._together = deque(name for name, test in tests.items() if not (is_shared and is_alone(test)))
        self._alone = deque(name for name, test in tests.items() if is_shared and is_alone(test))
        self._url = url
        self._run = run
        self._tell = progress
        self._progress = progress if isinstance(progress, Progress) else Progress()
        self._jobs = jobs
        self._has_begun = False
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()

    def work(self) -> None:
        """Run all tests."""
        self._progress.planned(len(self._together) + len(self._alone))
        self._hire()  # the others come when this one has found the store
        self._assign()
        while any(worker.test for worker in self._workers):
            ready = self._selector.select(timeout=1.0)
            for key, _ in ready:
                self._hear(key.data)
            self._assign()
            self._progress.waiting()
        for worker in self._workers:
            worker.dismiss()
        for told in [told for worker in self._workers for told in worker.end() if "failed" in told]:
            raise _failure(told["failed"], told["text"])

    def end(self) -> None:
        """End all processes; those that still run a test are interrupted."""
        for worker in self._workers:
            if worker.test is not None:  # until it is ready, it has opened nothing that it would have to close
                worker.process.send_signal(signal.SIGINT if worker.is_ready else signal.SIGKILL)
        for worker in self._workers:
            worker.end()
        self._selector.close()

    def _hire(self) -> None:
        worker = _Worker(self._url)
        self._workers.append(worker)
        self._selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]

    def _assign(self) -> None:
        """Give idle processes something to do; what must run alone comes last."""
        for worker in self._workers:
            if worker.test is None and self._together:
                self._start(worker, self._together.popleft())
        if self._alone and not any(worker.test for worker in self._workers):
            self._start(self._workers[0], self._alone.popleft())

    def _start(self, worker: _Worker, test: str) -> None:
        worker.start(test)
        self._progress.started(test)

    def _hear(self, worker: _Worker) -> None:
        news = worker.news()
        if news is None:
            self._bury(worker)
        for told in news or ():
            worker.is_ready = True
            if "failed" in told:
                worker.test = None
                raise _failure(told["failed"], told["text"])
            if "store" in told and not self._run.store:
                self._run.store = tuple(Finding(**finding) for finding in told["store"])
            if "ended" in told:
                worker.test = None
                outcome = from_dict(told["ended"])
                self._run.keep(outcome)
                self._tell(outcome)
                self._has_begun = True
                for _ in range(min(self._jobs - len(self._workers), len(self._together))):
                    self._hire()

    def _bury(self, worker: _Worker) -> None:
        """Blame the test for the end of its process, and put another in its place."""
        self._selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
        self._workers.remove(worker)
        worker.end()
        test, code = worker.test, worker.process.returncode
        if not self._has_begun or test is None:
            raise ConfigurationError(f"a process of the suite has ended by itself, with code {code}")
        self._tell(self._run.fail(test, f"the process that ran it ended by itself, with code {code}"))
        if self._together or self._alone:
            self._hire()


def _failure(kind: str, text: str) -> ElectionError:
    """Return the error that a process has told of."""
    found = getattr(errors, kind, ConfigurationError)
    failure: ElectionError = found(text)
    return failure
