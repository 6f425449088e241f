"""What gevent and eventlet put in the place of Python's threads: elections work on it, or refuse it at once."""

from __future__ import annotations

import sys

from .errors import ConfigurationError

__all__ = ["check_threads"]

#: What elections wait in. Where threads are greenlets, one that is not replaced keeps all of them waiting.
WAITED_IN = ("queue", "select", "socket", "ssl", "time")
#: What they look at when they are imported.
LOOKED_AT = ("threading", "select")
ELSEWHERE = "run the election in a process of its own (incumbent run)"


def _replaced_by_gevent(*modules: str) -> list[str]:
    monkey = sys.modules.get("gevent.monkey")
    return [] if monkey is None else [module for module in modules if monkey.is_module_patched(module)]


_replaced_early = _replaced_by_gevent(*LOOKED_AT)


def check_threads() -> None:
    """
    Return if elections can rely on the threads of this process. Thread-safe.

    Eventlet is refused as a whole: its `os.read` waits where it should say that there is nothing, it takes
    `select.poll` away, and its authors advise against it.

    Raises:
        ConfigurationError: They would wait for ever, or keep all others waiting; says what to do.
    """
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and any(patcher.is_monkey_patched(part) for part in ("thread", "os", *WAITED_IN)):
        raise ConfigurationError(
            f"elections do not work on the threads and files that eventlet puts in the place of Python's: {ELSEWHERE}"
        )
    late = [module for module in _replaced_by_gevent(*LOOKED_AT) if module not in _replaced_early]
    if late:
        raise ConfigurationError(
            f"gevent has replaced Python's {' and '.join(late)} after elections were imported: call "
            f"gevent.monkey.patch_all() before anything else is imported, or {ELSEWHERE}"
        )
    left = [module for module in WAITED_IN if module not in _replaced_by_gevent(*WAITED_IN)]
    if left and _replaced_by_gevent("threading"):
        raise ConfigurationError(
            f"gevent has replaced Python's threading, but not {', '.join(left)}, in which one greenlet would stop all: "
            f"call gevent.monkey.patch_all() without exceptions, or {ELSEWHERE}"
        )
