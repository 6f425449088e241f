"""The suite is tested: each of these electors has one fault, and is caught by the tests that are meant for it."""

from pathlib import Path

import pytest
from broken_electors import BRIEF, BROKEN, SLACK, each_of, failed
from patience import in_time
from zoo import ZOO

from incumbent.testing.conformance import suite_tests
from incumbent.testing.sections import SECTIONS, anchor

each_broken = each_of(BROKEN, among=BROKEN)


@pytest.fixture(autouse=True)
def _no_fault_meets_the_next():
    """See that what an elector has left open has been closed with its store."""
    before = descriptors()
    yield
    assert in_time(lambda: descriptors() <= before), descriptors() - before


def descriptors():
    """Return the numbers of the open descriptors."""
    return {entry.name for entry in Path("/dev/fd").iterdir()}


@each_broken
def test_fault_is_caught_by_its_tests(broken):
    """Every test that an entry names fails for an elector with this fault."""
    found = failed(broken, of=broken.caught_by, slack=BRIEF)
    assert {outcome.test for outcome in found} == broken.caught_by, broken.fault


def test_no_fault_slips_through():
    """Each fault is caught by a test of the suite at least, and has a name and a sentence of its own."""
    assert [broken.name for broken in BROKEN if not broken.caught_by] == []
    assert len({broken.name for broken in BROKEN}) == len({broken.fault for broken in BROKEN}) == len(BROKEN) > 100


def test_every_test_of_the_suite_is_needed():
    """Each test of the suite catches a fault of these, or of the zoo: none of them is for show."""
    assert suite_tests().keys() - frozenset().union(*(broken.caught_by for broken in (*BROKEN, *ZOO))) == set()


#: Of some faults: the test that is looked at, what was seen of it, events in their order, and the section to read.
EXPLAINED = {
    "GuaranteesTooMuch": (
        "test_claim_is_kept_as_long_as_it_says",
        "kept for 10 s, guaranteed for 20 s",
        ["a acquire_leadership() → a claim: token", "b acquire_leadership() → None (20 times, until 9.500 s)"],
        "claim",
    ),
    "TellsOnce": (
        "test_every_hand_over_is_told",
        f"it is not so that follower.hears_news(); a waits {SLACK:g} s for news → False",
        ["b calls notify()", f"b waits {SLACK:g} s for news → True", "b relinquish_leadership() → True"],
        "notify",
    ),
    "IsNeverTold": (
        "test_leader_is_told_of_its_successor",
        "it is not so that a.check_leadership() is None; a check_leadership() → a claim: token",
        ["a acquire_leadership() → a claim", "harness expire()", "b acquire_leadership() → a claim"],
        "check",
    ),
    "CheckIsNoInsteadOfInvalid": (
        "test_check_without_a_claim_is_refused",
        "InvalidStateError was not raised",
        ["a check_leadership() → None"],
        "check",
    ),
    "ListsWhoHasLeft": (
        "test_candidate_that_left_is_not_listed",
        "it is not so that watcher.observe_leadership().candidates == (a.candidate,)",
        ["b acquire_leadership() → None", "b close() → None", "watcher observe_leadership() → leader: a, token"],
        "observe",
    ),
}


@pytest.mark.parametrize(
    "broken", [pytest.param(broken, id=broken.name) for broken in BROKEN if broken.name in EXPLAINED]
)
def test_failure_is_explained(broken):
    """What was expected, what was seen, what happened in which order, and what to read: in words, with no traceback."""
    name, seen, order, section = EXPLAINED[broken.name]
    (failure,) = failed(broken, of={name}, slack=SLACK)
    text = failure.explanation()

    assert failure.truth in text
    assert failure.detail.startswith(seen)
    events = [f"{event.who} {event.did} → {event.came}" for event in failure.journal]
    found = [next((n for n, event in enumerate(events) if event.startswith(line)), None) for line in order]
    assert None not in found, events
    assert found == sorted(found)
    assert text.endswith(f"read:     docs/contract.md#{anchor(SECTIONS[section])}")
    assert "Traceback" not in text
    assert "def test_" not in text
    assert name in failure.trace


def test_explained_faults_are_there():
    """Each fault whose explanation is looked at is one of the list."""
    assert EXPLAINED.keys() <= {broken.name for broken in BROKEN}


def test_entries_name_tests_of_the_suite():
    """What must catch a fault is there."""
    assert frozenset().union(*(broken.caught_by for broken in BROKEN)) <= suite_tests().keys()
