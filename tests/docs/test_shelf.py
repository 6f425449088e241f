"""The example of a store that can compare and set passes the suite, and is as short as it is said to be."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import incumbent_shelf
import pytest
from incumbent_shelf import Shelf
from patience import PATIENCE
from selected import run_only
from shelf_harness import ShelfHarness

from incumbent import BackendSettings, BackendUnavailableError
from incumbent.testing import ElectorConformance


@pytest.mark.thorough
class TestShelf(ElectorConformance):
    """On a server of its own."""

    harness = ShelfHarness


@pytest.mark.thorough
def test_store_that_is_looked_at_a_few_times_in_a_ttl_is_never_flagged():
    """No false alarm: claims that last are looked at less often than the machine's slack is long."""
    harness = type("OwnHarness", (ShelfHarness,), {"slack": 2.0})()
    report = run_only(
        harness,
        *("test_hand_over_during_an_attempt_is_told", "test_namesakes_tell_each_other"),
    )
    assert [outcome.to_text() for outcome in report.of("failed")] == []
    assert len(report.of("passed")) == 2


def test_example_is_as_short_as_it_is_said_to_be():
    """A store of this family takes about 100 lines."""
    assert len(Path(incumbent_shelf.__file__).read_text().splitlines()) <= 100


def test_answer_that_breaks_off_leaves_no_connection():
    """P8: The connection of a request that failed is closed at once, also when its answer had begun."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        shelf = Shelf(*server.getsockname(), "elections", BackendSettings(30.0, 0.5))
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(shelf.get, "e")
            with server.accept()[0] as connection:
                connection.settimeout(PATIENCE)
                while not connection.recv(65536).endswith(b"\r\n\r\n"):
                    pass
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nbegun")
                failure = asked.exception(PATIENCE)
                assert isinstance(failure, BackendUnavailableError)
                assert connection.recv(1) == b""
