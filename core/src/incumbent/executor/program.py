"""The program of the executor, a process that imports next to nothing before it is needed: it may wait for years."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Keep what stdin says, and execute it when nobody is left who could say more."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # it ends when those end who could write to it
        signal.signal(number, signal.SIG_IGN)
    if os.fork():
        os._exit(0)  # a process that waits for all of its children is not to wait for this one
    told: dict[bytes, bytes] = {}
    rest = b""
    while data := os.read(0, 65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            key, _, value = line.partition(b" ")
            if key == b"end":
                os._exit(0)
            told[key] = value
    if not told:
        os._exit(0)
    # The kernel has closed the last copy of the other end: the process is dead, and so is each child that it forked.
    import json  # noqa: PLC0415
    import site  # noqa: PLC0415

    site.main()  # which was put off by -S
    sys.path[:] = json.loads(told.pop(b"path"))
    from incumbent.executor.executing import execute_all  # noqa: PLC0415

    execute_all(filter(None, told.values()))
    os._exit(0)


if __name__ == "__main__":
    main()
