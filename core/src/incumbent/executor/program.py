"""The program of the executor, a process that imports next to nothing before it is needed: it may wait for years."""

from __future__ import annotations

import os
import signal
import sys
import time

#: Seconds between two looks whether the process lives, where the kernel does not tell.
LOOK = 0.05


def main() -> None:
    """Keep what stdin says, and execute it when the process that says it is dead, and all that it has forked."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # it ends when those end who could write to it
        signal.signal(number, signal.SIG_IGN)
    if os.fork():
        os._exit(0)  # a process that waits for all of its children is not to wait for this one
    process = Process(int(sys.argv[1]))
    told: dict[bytes, bytes] = {}
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            key, _, value = line.partition(b" ")
            if key == b"end":
                os._exit(0)
            told[key] = value
    os.close(0)
    # The kernel has closed the last copy of the other end. But also who lives may close it, as those do who close all.
    process.wait()
    path = told.pop(b"path", None)
    if path is not None:
        execute(path, [will for will in told.values() if will])
    os._exit(0)


class Process:
    """One that is to be seen dead, with all of its threads."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._descriptor = -1
        if hasattr(os, "pidfd_open"):
            try:
                self._descriptor = os.pidfd_open(pid)
            except OSError:  # it is dead, or the kernel is older than that
                return

    def wait(self) -> None:
        """Wait until it is dead."""
        if self._descriptor >= 0:
            import select  # noqa: PLC0415

            select.select([self._descriptor], [], [])
            return
        while is_there(self._pid):
            time.sleep(LOOK)


def is_there(pid: int) -> bool:
    """Tell whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def execute(path: bytes, wills: list[bytes]) -> None:
    """Import what the process would have, and end what it led."""
    import json  # noqa: PLC0415
    import site  # noqa: PLC0415

    site.main()  # which was put off by -S
    sys.path[:] = json.loads(path)
    from incumbent.executor.executing import execute_all  # noqa: PLC0415

    execute_all(wills)


if __name__ == "__main__":
    main()
