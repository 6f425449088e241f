"""The import of a client library, which is put off until a URL asks for it, and must not be torn apart by a fork."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - with logging: their hooks must not come between those of one fork
import logging  # noqa: F401
import os
import threading

__all__ = ["importing"]

#: Hold this lock while a client library is imported (`with importing:`). A fork waits for it: in the child the import
#: that another thread had begun could never be finished, nor begun anew (P9). One thread may hold it more than once.
importing = threading.RLock()

os.register_at_fork(before=importing.acquire, after_in_parent=importing.release, after_in_child=importing.release)
