"""What every elector that is built on the toolkit does alike, on a store that is a dictionary."""

from __future__ import annotations

import os
import threading
import time

import pytest
from patience import PATIENCE

from incumbent import (
    Address,
    BackendSettings,
    BackendUnavailableError,
    Capabilities,
    Claim,
    ConfigurationError,
    InvalidStateError,
    LeaderRecord,
    no,
    yes,
)
from incumbent.testing import FakeClock
from incumbent.toolkit import BackendBase, ElectorBase, deadline

TTL = 10.0
#: Seconds that something may take which happens at once on an idle machine.
SOON = 10.0


class Shelf(BackendBase):
    """One leader for each election, as long as nobody takes it down."""

    contract_version = 1
    capabilities = Capabilities(
        push=no(""),
        observe=yes(),
        candidates=no(""),
        fencing_across_restarts=no(""),
        expiry=no(""),
        interoperates=no(""),
        ttl_range=(2.0, 60.0),
    )
    ttl_advice = " (as the shelf is small)"

    def __init__(self, settings, address="shelf://me:s3cret@here"):
        super().__init__(Address.parse(address), settings)
        self.leaders, self.begun, self.ended, self.fails = {}, 0, 0, 0

    def _begin(self):
        self.begun += 1
        if self.fails:
            self.fails -= 1
            raise BackendUnavailableError("not yet")

    def _elector(self, lock_id, candidate):
        return Sitter(lock_id, candidate, self)

    def _end(self):
        self.close_electors()
        self.ended += 1


class Sitter(ElectorBase):
    """Counts its attempts; `meanwhile` is called within each."""

    def __init__(self, lock_id, candidate, backend):
        super().__init__(lock_id, candidate, backend)
        self.leaders, self.clock = backend.leaders, backend.settings.clock
        self.calls, self.left, self.until = [], [], 0.0
        self.meanwhile = lambda: None

    def _asked(self, what):
        self.calls.append(what)
        self.meanwhile()

    def _campaign(self):
        sent = self.clock()
        self._asked("campaign")
        leader, token = self.leaders.setdefault(self.lock_id, (self, len(self.calls)))
        return Claim(token, TTL, sent) if leader is self else None

    def _renew(self, token):
        sent = self.clock()
        self._asked("renew")
        return Claim(token, TTL, sent) if self.leaders.get(self.lock_id) == (self, token) else None

    def _release(self, token):
        self._asked("release")
        return self.leaders.pop(self.lock_id, None) == (self, token)

    def _observe(self):
        self.meanwhile()
        leader, token = self.leaders.get(self.lock_id, (None, None))
        return LeaderRecord(self.lock_id, leader and leader.candidate, token)

    def _leave(self, *, is_late):
        self.left.append(is_late)
        self.until = deadline(1000.0)
        if self.leaders.get(self.lock_id, (None, 0))[0] is self:
            del self.leaders[self.lock_id]
        raise BackendUnavailableError("nobody needs to know")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def shelf(clock):
    return Shelf(BackendSettings(TTL, PATIENCE, clock.now))


@pytest.fixture
def elector(shelf):
    return shelf.elector("e", "a")


# ------------------------------------------------------------ the verbs


def test_verbs_are_what_the_subclass_says(elector):
    """Campaign, renew, release: one of them for each verb, and a claim is held from the one until the other."""
    claim = elector.acquire_leadership()
    assert elector.check_leadership().token == claim.token
    assert elector.observe_leadership() == LeaderRecord("e", "a", claim.token)
    assert elector.relinquish_leadership() is True
    assert elector.calls == ["campaign", "renew", "release"]


@pytest.mark.parametrize("verb", ["check_leadership", "relinquish_leadership"])
def test_verb_without_a_claim_is_refused(elector, verb):
    """Rule 2: who holds none is told so, before and after having led, and the store is not asked."""
    for _ in range(2):
        asked = len(elector.calls)
        with pytest.raises(InvalidStateError):
            getattr(elector, verb)()
        assert len(elector.calls) == asked
        assert elector.acquire_leadership() is not None
        elector.leaders.clear()
        assert elector.check_leadership() is None


def test_leader_that_acquires_renews(elector):
    """P4: Acquiring as the leader is no new term."""
    claim = elector.acquire_leadership()
    assert elector.acquire_leadership().token == claim.token
    assert elector.calls == ["campaign", "renew"]


def test_leader_that_acquires_what_is_lost_campaigns(elector):
    """P1, P7: Its old claim is gone for good, even if the attempt for a new one fails."""

    def vanish():
        elector.leaders.clear()
        if elector.calls[-1] == "campaign":
            raise BackendUnavailableError("no answer")

    elector.acquire_leadership()
    elector.meanwhile = vanish
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    with pytest.raises(InvalidStateError):
        elector.check_leadership()


@pytest.mark.parametrize("verb", ["acquire", "check", "relinquish", "observe"])
def test_call_is_bounded_as_a_whole(clock, verb):
    """P10: However many requests a call makes, they share one request timeout."""
    elector = Shelf(BackendSettings(TTL, 5.0, clock.now)).elector("e", "a")
    elector.acquire_leadership()
    asked = []
    elector.meanwhile = lambda: asked.append(deadline(1000.0))
    latest = time.monotonic() + 5.0
    getattr(elector, f"{verb}_leadership")()
    assert latest <= asked[0] <= time.monotonic() + 5.0


def test_claim_outlives_a_call_without_an_answer(elector):
    """P7: What is not known to be gone is still held."""

    def fail():
        raise BackendUnavailableError("no answer")

    claim = elector.acquire_leadership()
    elector.meanwhile = fail
    for verb in (elector.check_leadership, elector.relinquish_leadership, elector.acquire_leadership):
        with pytest.raises(BackendUnavailableError):
            verb()
    elector.meanwhile = lambda: None
    assert elector.check_leadership().token == claim.token


# ------------------------------------------------------------ close


def test_leader_that_closes_leaves(elector):
    """P8: Once, however often it is closed, and whatever the store says."""
    elector.acquire_leadership()
    for _ in range(3):
        elector.close()
    assert elector.left == [False]
    assert elector.leaders == {}


def test_who_was_never_asked_has_nothing_to_leave(elector):
    """Rule 4: An elector that was made only to try whether it can be asks the store for nothing."""
    elector.close()
    assert elector.left == []


def test_close_over_a_call_gives_up_what_it_brings(elector):
    """P8: Closing does not wait for the call; the claim that it brings is given up when it comes, and not returned."""
    elector.meanwhile = elector.close
    assert elector.acquire_leadership() is None
    assert elector.left == [True, False]
    assert elector.leaders == {}


@pytest.mark.parametrize("verb", ["acquire", "check", "relinquish", "observe"])
def test_who_asks_after_closing_is_refused(elector, verb):
    """P8: What would be asked for then, nobody would give up."""
    elector.acquire_leadership()
    elector.close()
    with pytest.raises(InvalidStateError, match="has been closed"):
        getattr(elector, f"{verb}_leadership")()
    assert elector.calls == ["campaign"]


def test_close_is_bounded_as_a_whole(clock):
    """P8: However many requests it takes to leave, they share one request timeout; so do those of a backend."""
    shelf = Shelf(BackendSettings(TTL, 5.0, clock.now))
    elector, other = shelf.elector("e", "a"), shelf.elector("f", "a")
    for each in (elector, other):
        each.acquire_leadership()
    latest = time.monotonic() + 5.0
    elector.close()
    assert latest <= elector.until <= time.monotonic() + 5.0
    shelf.close()
    assert other.left == [False]
    assert other.until <= time.monotonic() + 5.0


# ------------------------------------------------------------ what all share


def test_what_is_shared_begins_with_the_first_call(shelf):
    """Rule 4: Not with the constructors; and once, though many ask at the same moment."""
    electors = [shelf.elector(f"e{number}", "a") for number in range(8)]
    assert shelf.begun == 0
    threads = [threading.Thread(target=elector.acquire_leadership) for elector in electors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert shelf.begun == 1
    assert len(shelf.leaders) == 8


def test_what_could_not_begin_begins_with_a_later_call(shelf, elector):
    """P7: An outage at first is an outage, and no more."""
    shelf.fails = 2
    for _ in range(2):
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
    assert elector.calls == []
    assert elector.acquire_leadership() is not None


def test_what_has_no_thread_to_begin_with_begins_later(shelf, elector):
    """P7: A machine that is out of threads for a moment is an outage as any other."""

    def begin():
        del shelf._begin
        raise RuntimeError("can't start new thread")

    shelf._begin = begin
    with pytest.raises(BackendUnavailableError, match="shelf: can't start new thread"):
        elector.acquire_leadership()
    assert elector.acquire_leadership() is not None


def test_call_does_not_wait_for_a_beginning_that_hangs(clock):
    """P10: Who comes while another call begins what is shared waits for it as long as a request may take."""
    shelf = Shelf(BackendSettings(TTL, 0.05, clock.now))
    hangs, goes_on = threading.Event(), threading.Event()

    def begin():
        hangs.set()
        assert goes_on.wait(PATIENCE)

    shelf._begin = begin
    first = threading.Thread(target=shelf.elector("e", "a").acquire_leadership)
    first.start()
    try:
        assert hangs.wait(PATIENCE)
        with pytest.raises(BackendUnavailableError, match="shelf: what all electors share has not begun in time"):
            shelf.elector("f", "a").acquire_leadership()
    finally:
        goes_on.set()
        first.join(PATIENCE)


@pytest.mark.parametrize("ttl", [1.9, 60.1])
def test_ttl_that_is_not_granted_is_refused(ttl):
    """One line names it and the range, and gives the backend's own advice."""
    with pytest.raises(ConfigurationError) as refusal:
        Shelf(BackendSettings(ttl, 1.0))
    assert str(refusal.value) == f"ttl {ttl:g} s: shelf grants 2 to 60 s (as the shelf is small)"


def test_backend_shows_its_url_without_the_password(shelf):
    """P8: Whoever prints it shows nobody's password."""
    assert repr(shelf) == "<Shelf shelf://me:***@here>"


def test_forked_child_is_refused_and_touches_nothing(shelf, elector):
    """P9: A child has a copy of the claim, which is not its own: all verbs are refused, and closing does nothing."""
    elector.acquire_leadership()
    shelf._pid = os.getpid() + 1
    for verb in ("acquire", "check", "relinquish", "observe"):
        with pytest.raises(InvalidStateError, match="forked from the candidate's"):
            getattr(elector, f"{verb}_leadership")()
    elector.close()
    shelf.close()
    assert (elector.calls, elector.left, shelf.ended) == (["campaign"], [], 0)


def test_forked_child_makes_electors_whatever_the_parent_was_doing(shelf):
    """P9: A lock that another thread held at the fork stays held in the child, which takes none, and is refused."""
    with shelf._members_lock, shelf._starting:
        shelf._pid = os.getpid() + 1
        made = []
        thread = threading.Thread(target=lambda: made.append(shelf.elector("e", "a")), daemon=True)
        thread.start()
        thread.join(SOON)
        assert made, "it hangs"
        with pytest.raises(InvalidStateError):
            made[0].acquire_leadership()
        made[0].close()
        shelf.close()


# ------------------------------------------------------------ an engine that is silent


def test_leader_whose_engine_does_not_ask_is_silent(elector, clock):
    """P7: From a ttl after its last renewal on, whatever a thread keeps alive for it."""
    elector.acquire_leadership()
    clock.advance(TTL)
    assert not elector._is_silent(TTL)
    elector.check_leadership()
    clock.advance(TTL + 0.1)
    assert elector._is_silent(TTL)


def test_follower_that_was_told_and_does_not_ask_is_silent(elector, clock):
    """P7: One that waits owes nothing until it is told, or has had no answer; then it has a ttl to ask."""
    told = []
    elector.notify = lambda: told.append(clock.now())
    clock.advance(10 * TTL)
    assert not elector._is_silent(TTL)
    elector._tell()
    clock.advance(0.6 * TTL)
    elector._tell()
    assert len(told) == 2
    clock.advance(0.6 * TTL)
    assert elector._is_silent(TTL), "it counts from when it was told first"
    elector.leaders["e"] = (None, 1)
    elector.acquire_leadership()
    assert not elector._is_silent(TTL)


def test_follower_without_an_answer_that_does_not_ask_again_is_silent(elector, clock):
    """P7: Its attempt may have made something."""

    def fail():
        raise BackendUnavailableError("no answer")

    elector.meanwhile = fail
    with pytest.raises(BackendUnavailableError):
        elector.acquire_leadership()
    clock.advance(TTL + 0.1)
    assert elector._is_silent(TTL)
