"""Fixtures of the tests of every plugin, whose own files bring `url`, the server's."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from patience import ANSWERED

from incumbent import Backend, BackendSettings, open_backend

OpenBackend = Callable[..., Backend]


@pytest.fixture
def name() -> str:
    """An election of the test's own."""
    return f"tests/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def ordinary() -> BackendSettings:
    """Claims that do not end between two calls, and requests that are answered, however busy the machine is."""
    return BackendSettings(30.0, ANSWERED)


@pytest.fixture
def opened(request: pytest.FixtureRequest, ordinary: BackendSettings) -> Iterator[OpenBackend]:
    """Open backends, as processes of their own would; closed when the test ends."""
    backends: list[Backend] = []

    def open_one(where: str | None = None, settings: BackendSettings | None = None) -> Backend:
        chosen = request.getfixturevalue("url") if where is None else where
        backends.append(open_backend(chosen, settings or ordinary))
        return backends[-1]

    yield open_one
    for backend in backends:
        backend.close()
