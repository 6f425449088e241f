"""The command of these tests: beats into a log, and holds a lock that shows when two of its kind live at once."""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path


def main(directory: Path, *options: str) -> None:
    """Work in *directory* until killed. Options: `stubborn` (ignores SIGTERM), `family` (a stubborn child as well)."""

    def say(word: str) -> None:
        token = os.environ["INCUMBENT_TOKEN"]
        line = f"{word} {time.clock_gettime(time.CLOCK_BOOTTIME)} {token} {os.getpid()}\n"
        os.write(log, line.encode())

    log = os.open(directory / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    # The kernel keeps it until the last of the family is dead, whatever becomes of the wrappers.
    alone = os.open(directory / "alone", os.O_CREAT | os.O_WRONLY)
    try:
        fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("overlap")
    if "family" in options and os.fork() == 0:
        options = ("stubborn",)
    if "stubborn" in options:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    say("begin")
    while True:
        time.sleep(0.02)
        say("beat")


main(Path(sys.argv[1]), *sys.argv[2:])
