"""One keep-alive for many electors."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from incumbent import BackendUnavailableError, KeepAlive
from incumbent.testing import FakeClock
from incumbent.toolkit import within

#: Seconds that something may take which happens at once on an idle machine.
SOON = 30.0


class Server:
    """Counts the renewals, and answers when it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.renewals = 0
        self.arrived = threading.Event()
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.error = None

    def renew(self):
        self.renewals += 1
        number = self.renewals
        self.arrived.set()
        assert self.may_answer.wait(SOON)
        if self.error is not None:
            raise self.error
        return number

    def keepalive(self):
        return KeepAlive(self.renew, self.clock.now, interval=5.0, share=0.3, name="keepalive")


@pytest.fixture
def server():
    return Server()


def test_renewal_counts_from_before_it_was_sent(server):
    """P2: *sent* is the clock before the request, however long the answer took."""
    keepalive = KeepAlive(
        lambda: server.clock.advance(3.0), server.clock.now, interval=5.0, share=0.3, name="keepalive"
    )
    before = server.clock.now()
    assert keepalive.renewal().sent == before


def test_who_has_no_time_left_does_not_wait_for_another(server):
    """P10: A renewal of another that is out may take its own time; a call whose deadline comes first ends with that."""
    keepalive = server.keepalive()
    server.may_answer.clear()
    first = threading.Thread(target=keepalive.renewal)
    first.start()
    try:
        assert server.arrived.wait(SOON)
        with within(0.05), pytest.raises(BackendUnavailableError, match="has not been answered in time"):
            keepalive.renewal()
    finally:
        server.may_answer.set()
        first.join(SOON)
    assert server.renewals == 1


def test_those_who_come_at_once_share_one_renewal(server):
    """A thousand elections that are due at the same moment cost one renewal."""
    keepalive = server.keepalive()
    renewals = {keepalive.renewal().sent for _ in range(1000)}
    assert len(renewals) == 1
    assert server.renewals == 1


def test_those_who_come_during_a_renewal_wait_for_its_answer(server):
    """P10: Threads that ask while a renewal is out do not send another, and get that one's answer."""
    keepalive = server.keepalive()
    server.may_answer.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(keepalive.renewal)]
        assert server.arrived.wait(SOON)
        asked += [pool.submit(keepalive.renewal) for _ in range(7)]
        server.may_answer.set()
        answers = [future.result(SOON) for future in asked]
    assert server.renewals == 1
    assert {answer.answer for answer in answers} == {1}


def test_later_ones_get_a_renewal_of_their_own(server):
    """After the sharing time an old answer serves nobody."""
    keepalive = server.keepalive()
    keepalive.renewal()
    server.clock.advance(0.31)
    assert keepalive.renewal().answer == 2


def test_nobody_is_told_the_same_twice(server):
    """P5: Who knows of something later than the last renewal began gets a new one."""
    keepalive = server.keepalive()
    first = keepalive.renewal()
    server.clock.advance(0.1)
    second = keepalive.renewal(first.sent)
    assert (first.answer, second.answer) == (1, 2)
    assert keepalive.renewal(first.sent) is second


def test_failure_is_shared_by_those_who_waited_and_not_remembered(server):
    """An outage reaches everybody who asked, once; the next one to ask tries again."""
    keepalive = server.keepalive()
    server.error = BackendUnavailableError("no answer")
    server.may_answer.clear()
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(keepalive.renewal)]
        assert server.arrived.wait(SOON)
        asked.append(pool.submit(keepalive.renewal))
        server.may_answer.set()
        for future in asked:
            with pytest.raises(BackendUnavailableError, match="no answer"):
                future.result(SOON)
    server.error = None
    assert keepalive.renewal().answer == server.renewals


def test_it_renews_by_itself_and_stops_when_told(server):
    """While nobody asks, renewals go on; after `stop` the thread is gone (P8)."""
    keepalive = KeepAlive(server.renew, time.monotonic, interval=0.01, share=0.0, name="keepalive")
    seen, enough = [], threading.Event()

    def look(renewal):
        seen.append(renewal)
        if len(seen) == 3:
            keepalive.stop()
            enough.set()

    keepalive.start(look)
    assert enough.wait(SOON)
    _gone("keepalive")
    assert len(seen) == 3
    assert all(renewal is not None for renewal in seen)


def test_failure_of_its_own_renewal_is_told_and_tried_again(server):
    """`look` gets None for a failure, and an answer once the server is back."""
    keepalive = KeepAlive(server.renew, time.monotonic, interval=0.01, share=0.0, name="keepalive")
    server.error = BackendUnavailableError("no answer")
    seen, enough = [], threading.Event()

    def look(renewal):
        seen.append(renewal)
        server.error = None
        if renewal is not None:
            keepalive.stop()
            enough.set()

    keepalive.start(look)
    assert enough.wait(SOON)
    _gone("keepalive")
    assert seen[0] is None
    assert len(seen) == 2


def test_joining_waits_for_a_renewal_that_is_out(server):
    """P8: after `stop` and `join` no thread is left, also if a renewal was out; `join` is bounded (P10)."""
    keepalive = KeepAlive(server.renew, time.monotonic, interval=0.01, share=0.0, name="keepalive")
    server.may_answer.clear()
    keepalive.start(lambda _: None)
    assert server.arrived.wait(SOON)
    keepalive.stop()
    keepalive.join(0.01)
    assert any(thread.name == "keepalive" for thread in threading.enumerate())
    server.may_answer.set()
    keepalive.join(SOON)
    assert not any(thread.name == "keepalive" for thread in threading.enumerate())


def _gone(name):
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(SOON)
            assert not thread.is_alive()
