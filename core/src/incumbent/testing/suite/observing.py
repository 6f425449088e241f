"""Reading who leads."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from incumbent import ConfigurationError, LeaderRecord
from incumbent.testing.candidate import ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: Seconds by which the clock of a store may be wrong.
NEAR = 3600.0
#: What a leader may tell of itself, and some store changes.
INFOS = (
    *(
        "http://[::1]:8080/a%20b?c=d&e=%2F#f",
        "host-a  port 1",
        "\u00e4\u042f\ufb01\U0001f600",
        "a\\nb",
        "'\"`$%s{}[]<>&;|",
    ),
    *("null", "0123", "{}", "x" * 255, None),
)
#: After which whoever counts whole seconds has counted one.
A_SECOND = 1.1


class Observing:
    """The record shows the leader that the store has, and nobody else."""

    @requires("observe")
    def test_nobody_leads_at_first(self, scene: Scene) -> None:
        """P1: The record of an election that nobody has entered shows no leader and no token."""
        record = scene.candidate("watcher").observe_leadership()
        assert (record.lock_id, record.candidate, record.token) == (scene.lock_id, None, None)

    @requires("observe")
    def test_leader_is_shown(self, scene: Scene) -> None:
        """P1: The record shows the leader's id and its token."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        claim = a.lead()
        record = watcher.observe_leadership()
        assert (record.lock_id, record.candidate, record.token) == (scene.lock_id, a.candidate, claim.token)

    @requires("observe")
    def test_since_is_when_the_leader_was_elected(self, scene: Scene) -> None:
        """Contract: *since*, if known, is in seconds since the Unix epoch, of this term, and does not move."""
        lasting = scene.backend(scene.lasting)
        a, b = (scene.candidate(name, backend=lasting) for name in "ab")
        watcher = scene.candidate("watcher", backend=scene.backend(scene.lasting))
        with _another_time_zone():
            a.lead()
            a.check_leadership()  # with which some tell it first
            since = _since(watcher)
            if since is None:
                return
            assert abs(since - time.time()) < NEAR, f"{since} is not near {time.time():.0f}, which it is now"
            for _ in range(3):
                scene.advance(A_SECOND / 2)  # some count whole ones
                a.check_leadership()
                assert _since(watcher) == since, "renewing has moved it"
            a.relinquish_leadership()
            b.lead_soon()
            assert _since(watcher) != since, "the next leader has that of the one before"

    @requires("observe")
    def test_leader_sees_itself(self, scene: Scene) -> None:
        """P1: The leader's own record shows itself."""
        a = scene.candidate("a")
        claim = a.lead()
        record = a.observe_leadership()
        assert (record.candidate, record.token) == (a.candidate, claim.token)

    @requires("observe")
    def test_leader_that_relinquished_is_not_shown(self, scene: Scene) -> None:
        """P1: The record shows nobody when the leader has relinquished."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        watcher.observe_leadership()
        a.relinquish_leadership()
        assert watcher.observe_leadership().candidate is None

    @requires("observe", "expire")
    def test_leader_that_expired_is_not_shown(self, scene: Scene) -> None:
        """P1: The record does not show a leader whose claim has ended by itself."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        watcher.observe_leadership()
        scene.expire()
        assert watcher.observe_leadership().candidate is None

    @requires("observe")
    def test_successor_is_shown(self, scene: Scene) -> None:
        """P1: The record shows the second leader after the first."""
        a, b, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        a.lead()
        watcher.observe_leadership()
        a.relinquish_leadership()
        claim = b.lead_soon()
        record = watcher.observe_leadership()
        assert (record.candidate, record.token) == (b.candidate, claim.token)

    @requires("observe")
    def test_watcher_is_no_candidate(self, scene: Scene) -> None:
        """P1: Who only watches is not listed as a candidate, and does not stand in the way of one."""
        a, b, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        watcher.observe_leadership()
        a.lead()
        assert watcher.candidate not in (watcher.observe_leadership().candidates or ())
        a.relinquish_leadership()
        b.lead()

    @requires("observe", "candidates")
    def test_all_candidates_are_listed(self, scene: Scene) -> None:
        """Contract: The record lists each candidate once, whoever reads it, also those that share a backend or lead."""
        shared = scene.backend(scene.lasting)
        a, b, c = (scene.candidate(name, backend=shared) for name in "abc")
        d, e = (scene.candidate(name, backend=scene.backend(scene.lasting)) for name in "de")
        watcher = scene.candidate("watcher")
        a.lead()
        for candidate in (b, d, c, e):
            candidate.acquire_leadership()
        everybody = sorted(candidate.candidate for candidate in (a, b, c, d, e))
        for _ in range(2):
            for reader in (watcher, a, c, d):
                assert sorted(reader.observe_leadership().candidates or ()) == everybody
            for candidate in (b, c, d, e):
                candidate.acquire_leadership()
            a.check_leadership()
        a.close()
        leader = next(candidate for _ in range(2) for candidate in (b, d, c, e) if candidate.acquire_leadership())
        everybody.remove(a.candidate)
        record = watcher.observe_leadership()
        assert (record.candidate, sorted(record.candidates or ())) == (leader.candidate, everybody)

    @requires("observe")
    def test_neighbouring_election_is_not_shown(self, scene: Scene) -> None:
        """P1: The record shows nothing of elections whose names begin like its own, and they nothing of it."""
        ours, others, watching = (scene.backend(scene.lasting) for _ in range(3))
        name = scene.fitting(f"{scene.lock_id}/a")
        neighbours = [scene.fitting(f"{name}{ending}") for ending in ("/b", "b", ".b", "/.lock", "0", "-b", ":b")]
        inside = []
        for number, neighbour in enumerate(neighbours):
            with suppress(ConfigurationError):
                for backend in (ours, others):
                    inside.append(scene.named(f"n{number}", neighbour, backend))
                    inside[-1].acquire_leadership()
        watcher = scene.named("watcher", name, watching)
        record = watcher.observe_leadership()
        assert (record.candidate, record.token, record.candidates or ()) == (None, None, ())
        a = scene.named("a", name, ours)
        claim = a.lead()
        record = watcher.observe_leadership()
        assert (record.candidate, record.token, record.candidates or ("a",)) == ("a", claim.token, ("a",))
        for candidate in inside:
            shown = scene.named("watcher", candidate.elector.lock_id, watching).observe_leadership()
            assert "a" not in (shown.candidate, *(shown.candidates or ()))

    @requires("observe")
    def test_record_is_what_it_says_it_is(self, scene: Scene) -> None:
        """Contract: A record has an id, a whole number, seconds and a tuple of ids; what is not known is None."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        for lead in (lambda: None, a.lead):
            lead()
            record = watcher.observe_leadership()
            assert type(record) is LeaderRecord
            assert record.candidate is None or type(record.candidate) is str
            assert record.token is None or type(record.token) is int
            assert record.since is None or type(record.since) in {int, float}
            assert record.info is None or type(record.info) is str
            listed = record.candidates
            assert listed is None or (type(listed) is tuple and {str}.issuperset(map(type, listed)))

    @requires("observe", "info")
    def test_info_is_shown_as_it_was_given(self, scene: Scene) -> None:
        """Contract: What the leader tells of itself comes back unchanged, whatever is in it, and ids do as ever."""
        leading, waiting, watching = (scene.backend(scene.lasting) for _ in range(3))
        for number, info in enumerate(INFOS):
            election = f"{scene.lock_id}/{number}"
            a, b = (
                scene.candidate(name, lock_id=election, backend=of) for name, of in (("a", leading), ("b", waiting))
            )
            a.elector.info, b.elector.info = info, "b"
            a.lead()
            b.acquire_leadership()
            record = scene.candidate("watcher", lock_id=election, backend=watching).observe_leadership()
            assert record.info == info, f"{info!r} is shown as {record.info!r}"
            assert record.candidate == a.candidate
            assert set(record.candidates or ()) <= {a.candidate, b.candidate}

    @requires("observe", "info")
    def test_info_is_that_of_the_present_term(self, scene: Scene) -> None:
        """Contract: The info is what it was when the term began, as long as that lasts, and nobody else's."""
        backends = [scene.backend(scene.lasting) for _ in range(3)]
        a, b, watcher = (
            scene.candidate(name, backend=backend)
            for name, backend in zip(("a", "b", "watcher"), backends, strict=True)
        )
        a.elector.info, b.elector.info = "one", "not yet"
        a.lead()
        b.acquire_leadership()
        a.elector.info, b.elector.info = "too late", "two"
        a.check_leadership()
        assert watcher.observe_leadership().info == "one"
        a.relinquish_leadership()
        b.lead_soon()
        assert watcher.observe_leadership().info == "two", "it was set while the candidate waited"
        b.relinquish_leadership()
        assert watcher.observe_leadership().info is None
        a.elector.info = None
        a.lead_soon()
        assert watcher.observe_leadership().info is None, "this leader tells nothing"

    @requires("observe", "candidates", "outsider")
    def test_candidate_that_was_killed_is_not_listed(self, scene: Scene) -> None:
        """P8: A candidate that waited and was killed with SIGKILL is not listed for ever."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        with scene.outsider(leader=a) as outsider:
            assert "outsider" in (watcher.observe_leadership().candidates or ())
            outsider.kill()
        for _ in ticks(scene.harness, scene.harness.patience):
            a.check_leadership()
            if watcher.observe_leadership().candidates == (a.candidate,):
                return
        raise AssertionError(f"it is still listed {scene.harness.patience:g} s after its end")

    @requires("observe", "candidates")
    def test_candidate_that_left_is_not_listed(self, scene: Scene) -> None:
        """P8: A candidate that was refused and has left is not listed any more."""
        a, b, watcher = scene.candidate("a"), scene.candidate("b"), scene.candidate("watcher")
        a.lead()
        b.acquire_leadership()
        b.close()
        assert watcher.observe_leadership().candidates == (a.candidate,)


def _since(watcher: Candidate) -> float | None:
    since = watcher.observe_leadership().since
    assert since is None or type(since) in {int, float}
    return since


@contextmanager
def _another_time_zone() -> Iterator[None]:
    """Be elsewhere: who takes the time of day for the seconds of the epoch is wrong by hours."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "XXX+09:30"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
