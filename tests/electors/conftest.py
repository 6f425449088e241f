"""Fixtures of the embedded electors' tests."""

from __future__ import annotations

import contextlib
import os
import threading
import warnings
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

from incumbent import BackendSettings
from incumbent.registry import open_backend

# A slow, shared machine is no failure: examples have no deadline.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def descriptors() -> Counter[str]:
    """Count what is open, whatever its number: libraries that other tests use replace theirs when the process forks."""
    found: Counter[str] = Counter()
    for entry in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # the one of the listing itself
            found[str(entry.readlink())] += 1
    return found


@pytest.fixture
def nothing_left():
    """Fail if a thread or a descriptor is left behind (P8)."""
    before, threads = descriptors(), set(threading.enumerate())
    yield
    assert not descriptors() - before  # that something older has ended meanwhile is no fault
    assert not set(threading.enumerate()) - threads


@pytest.fixture
def fork():
    """Return `os.fork`, which newer Pythons warn of where there are threads: here, that is what is tested."""

    def fork() -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()

    return fork


@pytest.fixture
def backends(nothing_left):
    """Return a function that opens a backend, which is closed at the end, and check that nothing is left (P8)."""
    opened = []

    def open_one(url, **options):
        settings = BackendSettings(**{"ttl": 15.0, "request_timeout": 2.0, **options})
        opened.append(open_backend(url, settings))
        return opened[-1]

    yield open_one
    for backend in opened:
        backend.close()


@pytest.fixture
def directory(tmp_path):
    """Return a state directory that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def candidates(backends, directory):
    """Return a function that makes a candidate of `local://`, each on a backend of its own."""
    made = []

    def make(candidate="a", lock_id="job", path=directory):
        made.append(backends(f"local://{path}").elector(lock_id, candidate))
        return made[-1]

    yield make
    for elector in made:
        elector.close()
