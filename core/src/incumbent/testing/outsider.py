"""A candidate in another process: it leads until it is told to leave, or is killed."""

from __future__ import annotations

import faulthandler
import json
import subprocess
import sys
import time
from types import TracebackType

from incumbent import Address, BackendSettings, BackendUnavailableError, Claim, LeaderElector, open_backend
from incumbent.registry import load_backend_class

from .wall import WRONG_BY, be_wrong_by

__all__ = ["Outsider"]

#: Seconds after which a store that has not answered an outsider is out of order.
OUTAGE = 30.0
#: Seconds after which a call in it hangs, and the process ends itself: whoever started it may be gone.
HANGS = 15.0


class Outsider:
    """
    A process that tries to lead an election until it is told whether it does, and then keeps silent. A context manager.

    Attributes:
        claim: What it was granted, or None while another leads. Its clock is this machine's `boottime`.
    """

    def __init__(self, url: str, ttl: float, request_timeout: float, lock_id: str, candidate: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "incumbent.testing.outsider"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # The URL may hold a password, so it does not go into the arguments.
        order: dict[str, object] = {
            "url": url,
            "ttl": ttl,
            "timeout": request_timeout,
            "lock_id": lock_id,
            "candidate": candidate,
        }
        order |= {"wall": WRONG_BY.get(), "hangs": HANGS}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            self.kill()
            raise RuntimeError("the candidate in the other process failed; what it wrote to stderr says why")
        granted = json.loads(answer)
        self.claim = None if granted is None else Claim(**granted)

    def __enter__(self) -> Outsider:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.leave()
        else:
            self.kill()

    def kill(self) -> None:
        """End the process with SIGKILL, and wait until it is dead."""
        self._process.kill()
        self._end()

    def leave(self) -> None:
        """
        Let the process close its elector and its backend, and wait until it has ended.

        Raises:
            RuntimeError: It could not close them.
        """
        self._end()
        if self._process.returncode > 0:
            raise RuntimeError("the candidate in the other process could not close; what it wrote to stderr says why")

    def _end(self) -> None:
        self._process.communicate()


def told(elector: LeaderElector) -> Claim | None:
    """Ask until the store answers, as every candidate does: a request that a busy machine was too slow for is none."""
    end = time.monotonic() + OUTAGE
    while True:
        try:
            return elector.acquire_leadership()
        except BackendUnavailableError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def main() -> None:
    """Do what the first line of stdin says; close when stdin ends."""
    order = json.loads(sys.stdin.readline())
    faulthandler.dump_traceback_later(OUTAGE + order["hangs"], exit=True)
    if order["wall"]:
        for_package = be_wrong_by(order["wall"])  # before it is loaded: it may take the clock's functions for its own
        for_package(load_backend_class(Address.parse(order["url"]).scheme).__module__.partition(".")[0])
    backend = open_backend(order["url"], BackendSettings(order["ttl"], order["timeout"]))
    elector = backend.elector(order["lock_id"], order["candidate"])
    claim = told(elector)
    faulthandler.cancel_dump_traceback_later()
    names = ("token", "guarantee", "sent", "testament")
    granted = None if claim is None else {name: getattr(claim, name) for name in names}
    print(json.dumps(granted), flush=True)  # noqa: T201 - the answer to the parent
    sys.stdin.read()
    faulthandler.dump_traceback_later(order["hangs"], exit=True)  # also if Python's own end hangs
    elector.close()
    backend.close()


if __name__ == "__main__":
    main()
