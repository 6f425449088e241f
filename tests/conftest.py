"""What holds for every test: what is started begins as from a user's terminal, and nothing that was started stays."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """
    Let the programs that tests start have SIGINT and SIGHUP as a terminal's have them.

    Whoever starts the tests with `nohup`, or by `&` in a script, has these ignored, and a program inherits that. A
    handler is not inherited: the tests go on as they were asked to, and what they start can be interrupted.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
