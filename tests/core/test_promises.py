"""P1 to P10 on a fake clock, with the real machine, runner and facade."""

import logging
import os
import threading
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from stage import CAPABILITIES, Puppet

from incumbent import (
    BackendRejectedError,
    BackendUnavailableError,
    CallbackError,
    Capabilities,
    Claim,
    ElectionError,
    InvalidStateError,
    LeaderElection,
    LeaderElectionConfig,
    LeaderRecord,
    LeadershipLostError,
    State,
    yes,
)
from incumbent.engine.runner import POOL_SIZE, Runner
from incumbent.testing import FakeClock


def unavailable():
    raise BackendUnavailableError("connection refused")


# ---------------------------------------------------------------- P1, P2, P3: one leader, in time


def test_two_candidates_never_lead_together(stage):
    """P1: while the leader's checks fail, its term is over before the backend may elect another."""
    first = stage.puppet(candidate="a")
    election = stage.election(first)
    first.answers.update(check=unavailable, relinquish=unavailable)
    expiry = stage.clock.now() + first.guarantee
    while stage.clock.now() < expiry:
        was_leader_at = stage.clock.now() if election.is_leader() else None
        stage.advance(0.05)
        if was_leader_at is not None and not election.is_leader():
            assert stage.clock.now() < expiry - 1.0
    assert not election.is_leader()


def test_the_deadline_needs_no_thread(stage):
    """P2: with every thread of the library stuck, a term turns invalid at its deadline and not later."""
    term = stage.election(stage.puppet()).term
    stage.clock.advance(13.84)
    assert term.is_valid()
    assert term.remaining() == pytest.approx(0.01)
    stage.clock.advance(0.011)
    assert not term.is_valid()
    with pytest.raises(LeadershipLostError, match="its deadline has passed"):
        term.check()


def test_the_deadline_counts_from_before_the_request(stage):
    """P2: a grant that took 4 s to arrive leaves 4 s less."""
    puppet = stage.puppet()

    def slow():
        claim = puppet._grant()
        stage.clock.advance(4)
        return claim

    puppet.answers["acquire"] = slow
    election = stage.election(puppet, start=False, leader_check_interval=5)
    election.start()
    stage.settle()
    assert election.term.remaining() == pytest.approx(13.85 - 4)


def test_who_cannot_renew_is_deposed_before_the_deadline(stage):
    """P3: at the renew deadline the leader is told; up to the deadline it can stop its work."""
    puppet = stage.puppet()
    told = []
    stage.election(
        puppet,
        renew_deadline=10,
        on_deposed=lambda term, reason: told.append((stage.clock.now(), term.deadline, reason.value)),
    )
    began = stage.clock.now()
    puppet.answers["check"] = unavailable
    stage.advance(12)
    assert told == [(pytest.approx(began + 10), pytest.approx(began + 13.85), "not renewed in time")]


def test_a_machine_that_slept_beyond_the_ttl_does_not_lead(stage):
    """P2: after a suspension longer than the ttl the term is invalid at once, and no renewal revives it."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    term = election.term
    stage.clock.advance(3600)
    assert not term.is_valid()
    assert not election.is_leader()
    stage.settle()
    assert stage.heard[:2] == [("elected", 1), ("deposed", 1, "not renewed in time")]
    assert not term.is_valid()
    assert election.term.token == 2


def test_a_claim_shorter_than_the_renew_deadline_is_refused(stage):
    """P3: a backend that guarantees too little is an error with the numbers, not a short leadership."""
    puppet = stage.puppet(guarantee=8.0)
    election = stage.election(puppet, renew_deadline=10)
    stage.settle()
    assert stage.heard == []
    with pytest.raises(BackendRejectedError, match=r"guarantees a claim for 8 s.*renew_deadline \(10 s\)"):
        election.wait_for_leadership(0)
    assert puppet.calls[-1] == "relinquish"


def test_a_term_that_was_seen_over_is_not_revived(stage, monkeypatch):
    """P2: a renewal that is noted after somebody saw the deadline pass extends nothing; the next term is another."""
    election = stage.election(stage.puppet(), cooldown=1)
    term = election.term
    noted = election._candidacy.extend_term
    seen = []

    def stuck(deadline, testament):
        stage.clock.advance(term.remaining() + 0.01)
        seen.append(term.is_valid())
        answer = noted(deadline, testament)
        seen.append((deadline > stage.clock.now(), term.is_valid(), term.remaining()))
        monkeypatch.undo()
        return answer

    monkeypatch.setattr(election._candidacy, "extend_term", stuck)
    stage.advance(3)
    assert seen == [False, (True, False, 0.0)]
    assert stage.heard[:2] == [("elected", 1), ("deposed", 1, "not renewed in time")]
    stage.advance(3)
    assert election.term.token == 2


# ---------------------------------------------------------------- P4, P5: tokens, no phantom


def test_the_claim_of_a_term_that_is_over_begins_no_other(stage):
    """P4: a claim that comes back with the last term's token is given up, and the next term has a larger one."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    assert election.term.token == 1
    puppet.answers.update(check=None, acquire=puppet.claim)  # "gone", and then held after all
    stage.advance(3)
    assert not election.is_leader()
    assert puppet.calls[-2:] == ["relinquish", "observe"]
    del puppet.answers["acquire"], puppet.answers["check"]
    stage.advance(3)
    assert election.term.token == 2
    assert [what[:2] for what in stage.heard] == [("elected", 1), ("deposed", 1), ("elected", 2)]


def test_a_check_that_shows_another_token_ends_the_term(stage):
    """P4: a claim with another token belongs to another term; the old term does not go on under it."""
    puppet = stage.puppet()
    stage.election(puppet)
    puppet.token = 7
    stage.advance(4)
    assert stage.heard[:2] == [("elected", 1), ("deposed", 1, "lost")]
    assert puppet.calls.count("relinquish") == 1


@pytest.mark.parametrize(
    "answer",
    [
        "yes",
        True,
        Claim("7", 15.0, 0.0),
        Claim(True, 15.0, 0.0),
        Claim(-1, 15.0, 0.0),
        Claim(1, float("nan"), 0.0),
        Claim(1, 0.0, 0.0),
        Claim(1, 15.0, float("inf")),
        Claim(1, 15.0, 1e12),
        Claim(1, 15.0, float("nan")),
    ],
)
def test_an_answer_that_breaks_the_contract_elects_nobody(stage, answer):
    """P5: nonsense from a plugin is one clear error, never a leadership."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = answer
    election = stage.election(puppet)
    assert stage.heard == []
    with pytest.raises(BackendRejectedError, match=r"Puppet.acquire_leadership\(\) answered .* breaks the contract"):
        election.wait_for_leadership(0)


def test_a_claim_that_arrives_after_the_stop_is_given_up(stage):
    """P5, P8: an attempt that was out when the candidate left, and won, leaves no claim behind."""
    puppet = stage.puppet()
    election = stage.election(puppet, start=False)
    election.start()
    stage.runner.step()
    closer = threading.Thread(target=election.close)
    closer.start()
    while stage.runner._inbox.empty():
        pass
    stage.runner.step()
    while closer.is_alive():
        stage.settle()
        closer.join(0.001)
    assert puppet.calls == ["acquire", "relinquish"]
    assert stage.heard == []


# ---------------------------------------------------------------- P6: order


def test_callbacks_come_in_order_and_alternate(stage):
    """P6: elected and deposed alternate, each once a term, over losses and hand-overs."""
    puppet = stage.puppet()
    election = stage.election(puppet, cooldown=0)
    for _ in range(5):
        puppet.answers["check"] = None
        stage.advance(4)
        del puppet.answers["check"]
        stage.advance(1)
        election.relinquish()
        stage.advance(1)
    kinds = [entry[0] for entry in stage.heard]
    assert kinds == ["elected", "deposed"] * (len(kinds) // 2) + ["elected"] * (len(kinds) % 2)
    tokens = [entry[1] for entry in stage.heard if entry[0] == "elected"]
    assert tokens == sorted(set(tokens))


def test_a_term_that_is_over_is_not_reported_as_begun(stage):
    """P6: a term that ended while its callback waited for a thread is never mentioned."""
    puppet = stage.puppet()
    election = stage.election(puppet, start=False)
    election.start()
    stage.settle(callbacks=False)
    assert election.is_leader()
    election.relinquish()
    stage.settle()
    assert ("elected", 1) not in stage.heard
    assert not [entry for entry in stage.heard if entry[:2] == ("deposed", 1)]


def test_the_claim_outlives_the_callbacks_of_a_hand_over(stage):
    """P6: while the follower callback of a hand-over runs, the claim is kept and renewed; then it is given up."""
    puppet = stage.puppet()
    election = stage.election(puppet, follower_callback=lambda _: None)
    election.relinquish()
    stage.advance(100, callbacks=False)
    assert not election.is_leader()
    assert "relinquish" not in puppet.calls
    assert puppet.calls.count("check") > 30
    stage.settle()
    assert puppet.calls.count("relinquish") == 1


def test_a_claim_lost_during_a_hand_over_is_not_given_up_again(stage):
    """P6: if the claim is lost while the callbacks still run, there is nothing left to give up."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    election.relinquish()
    puppet.answers["check"] = None
    stage.advance(10, callbacks=False)
    stage.settle()
    assert "relinquish" not in puppet.calls


def test_a_callback_that_raises_relinquishes_first(stage):
    """P6: what a callback raises ends the run, after the deposed callback and the relinquishing."""
    puppet = stage.puppet()

    def fail(term):
        raise RuntimeError("disk full")

    election = stage.election(puppet, on_elected=fail)
    assert stage.heard == [("deposed", 1, "callback failed")]
    assert puppet.calls[-1] == "relinquish"
    assert puppet.closed == 1
    with pytest.raises(CallbackError, match="on_elected raised RuntimeError: disk full"):
        election.wait_for_leadership(0)


@pytest.mark.parametrize("failure", [SystemExit(3), KeyboardInterrupt()])
def test_a_callback_that_exits_relinquishes_too(stage, failure):
    """P6: `sys.exit` in a callback ends the election with the claim given up, not just a thread."""
    puppet = stage.puppet()

    def leave(_):
        raise failure

    election = stage.election(puppet, leader_callback=leave)
    with pytest.raises(CallbackError) as caught:
        election.wait_for_leadership(0)
    assert caught.value.__cause__ is failure
    assert puppet.calls[-1] == "relinquish"


def test_a_follower_callback_that_raises_ends_the_run(stage):
    """P6: an error of the follower callback is not swallowed either."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None

    def fail(_):
        raise ValueError("x")

    election = stage.election(puppet, follower_callback=fail)
    with pytest.raises(CallbackError, match="follower_callback raised ValueError"):
        election.wait_for_leadership(0)
    assert puppet.closed == 1


def test_a_deposed_callback_that_raises_ends_the_run(stage):
    """P6: an error while stepping down is raised as well, and the claim is given up all the same."""
    puppet = stage.puppet()

    def fail(term, reason):
        raise ValueError("x")

    election = stage.election(puppet, on_deposed=fail)
    election.relinquish()
    stage.settle()
    assert puppet.calls[-1] == "relinquish"
    with pytest.raises(CallbackError, match="on_deposed raised ValueError"):
        election.wait_for_leadership(0)


def test_leader_changes_are_reported_once_each(stage):
    """`on_leader_changed` hears of each new leader once, also of this candidate itself."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    seen = []
    record = LeaderRecord("reports", "b", 4)
    puppet.answers["observe"] = lambda: record
    stage.election(puppet, on_leader_changed=lambda r: seen.append((r.candidate, r.token)), follower_check_interval=2)
    stage.advance(7)
    record = LeaderRecord("reports", "c", 5)
    stage.advance(3)
    del puppet.answers["acquire"]
    puppet.token = 5
    stage.advance(3)
    assert seen == [("b", 4), ("c", 5), ("a", 6)]


# ---------------------------------------------------------------- P7: nothing is final


def test_an_outage_is_logged_once_and_retried_with_jittered_backoff(stage, caplog):
    """P7: during an outage the retries get slower, and the log says it once at the start and once at the end."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = unavailable
    with caplog.at_level(logging.INFO, "incumbent"):
        election = stage.election(puppet, follower_check_interval=3)
        times = []
        for _ in range(80):
            before = len(puppet.calls)
            stage.advance(0.05)
            times += [stage.clock.now()] * (len(puppet.calls) - before)
        stage.advance(296)
        assert len(puppet.calls) < 120
        del puppet.answers["acquire"]
        stage.advance(10)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == sorted(pauses)
    assert len(times) >= 4
    messages = [record.getMessage() for record in caplog.records]
    assert sum("the backend fails, retrying: connection refused" in m for m in messages) == 1
    assert sum("the backend answers again" in m for m in messages) == 1
    assert election.is_leader()


def test_a_foreign_exception_is_retried_and_names_the_plugin(stage, caplog):
    """P7: an exception that a plugin should not let out is an outage, named by type; its text may be a secret."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = ValueError("password=hunter2")
    with caplog.at_level(logging.INFO, "incumbent"):
        stage.election(puppet)
        stage.advance(10)
    assert "Puppet.acquire_leadership() raised ValueError" in caplog.text
    assert "hunter2" not in caplog.text
    assert puppet.calls.count("acquire") > 3


def test_a_permanent_error_ends_the_run_with_its_cause(stage):
    """P7: bad credentials end the run with the cause; a leader is deposed first."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    puppet.answers["check"] = BackendRejectedError("permission denied")
    stage.advance(5)
    assert stage.heard == [("elected", 1), ("deposed", 1, "rejected by the backend")]
    with pytest.raises(BackendRejectedError, match="permission denied"):
        election.wait_for_leadership(0)
    assert puppet.closed == 1


def test_a_lost_leader_campaigns_again(stage):
    """P7: who lost is a candidate again at once, and leads with a larger token."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    puppet.answers["check"] = None
    stage.advance(4)
    assert election.term.token == 2


def test_a_term_that_could_not_be_renewed_is_given_up_before_the_next(stage):
    """P4, P7: a claim that may have survived an outage is given up first, so that the next term has a new token."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    puppet.answers["check"] = puppet.answers["relinquish"] = unavailable
    stage.advance(60)
    assert "acquire" not in puppet.calls[1:]
    puppet.answers.clear()
    stage.advance(10)
    assert election.term.token == 2
    last = len(puppet.calls) - 1 - puppet.calls[::-1].index("acquire")
    assert puppet.calls[last - 1] == "relinquish"


def test_a_notification_is_acted_on_at_once(stage):
    """With push, a waiting candidate wins when it is notified, not at its next poll."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    election = stage.election(puppet)
    stage.advance(1)
    del puppet.answers["acquire"]
    puppet.notify()
    stage.settle()
    assert election.is_leader()


def test_a_notification_during_a_call_is_not_lost(stage):
    """With push, a change that comes while an attempt is out leads to another attempt after it."""
    puppet = stage.puppet()

    def refuse_and_notify():
        del puppet.answers["acquire"]
        puppet.notify()
        stage.runner.step()

    puppet.answers["acquire"] = refuse_and_notify
    election = stage.election(puppet)
    assert election.is_leader()
    assert puppet.calls == ["acquire", "acquire"]


def test_a_storm_of_notifications_is_one(stage):
    """An elector that notifies too often harms nobody: what the engine has not looked at yet is not put twice."""
    puppet = stage.puppet()
    puppet.answers["acquire"] = None
    election = stage.election(puppet)
    for _ in range(1000):
        puppet.notify()
    assert stage.runner._inbox.qsize() == 1
    stage.settle()
    del puppet.answers["acquire"]
    puppet.notify()
    stage.settle()
    assert election.is_leader()


def test_a_notified_leader_checks_at_once(stage):
    """With push, a leader whose claim was taken away learns it at once."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    puppet.answers.update(check=None, acquire=None)
    puppet.notify()
    stage.settle()
    assert not election.is_leader()


def pushing() -> Capabilities:
    """Return what a backend declares that calls back, and is else as others are."""
    return replace(CAPABILITIES, push=yes())


def test_push_makes_polling_a_slow_safety_net(stage):
    """With push, a waiting candidate asks twenty times more rarely."""
    polled, pushed = stage.puppet(candidate="a"), stage.puppet(candidate="b", capabilities=pushing())
    for puppet in (polled, pushed):
        puppet.answers["acquire"] = None
        stage.election(puppet, follower_check_interval=2)
    stage.advance(400)
    assert len(polled.calls) == pytest.approx(200, abs=2)
    assert len(pushed.calls) == pytest.approx(10, abs=2)


def test_many_candidates_take_turns_at_the_safety_net(stage):
    """With push, a process polls about once a second, however many elections it waits for; each has its turn."""
    puppets = [stage.puppet(candidate=str(number), capabilities=pushing()) for number in range(50)]
    for puppet in puppets:
        puppet.answers["acquire"] = None
        stage.election(puppet, follower_check_interval=0.1)
    stage.advance(100)  # the first ones have not known how many would come
    before = [len(puppet.calls) for puppet in puppets]
    stage.advance(500)
    polls = [len(puppet.calls) - asked for puppet, asked in zip(puppets, before, strict=True)]
    assert sum(polls) == pytest.approx(500, abs=50)
    assert min(polls) >= 9


# ---------------------------------------------------------------- P8, P9: a clean end, forks


def test_close_is_idempotent_and_leaves_nothing(stage):
    """P8: closing twice is closing once: one relinquish, one close of the elector."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    stage.close(election)
    stage.close(election)
    assert puppet.calls == ["acquire", "relinquish"]
    assert puppet.closed == 1
    assert stage.runner._candidates == set()
    assert len(stage.runner._timers) == 0


def test_close_before_start(stage):
    """P8: an election that was closed before it started does not start."""
    puppet = stage.puppet()
    election = stage.election(puppet, start=False)
    election.close()
    with pytest.raises(InvalidStateError, match="campaigns once"):
        election.start()
    assert puppet.calls == []


def test_close_from_inside_a_callback(stage):
    """P8: a callback may close its own election: it returns at once, and the rest follows."""
    puppet = stage.puppet()
    election = stage.election(puppet, leader_callback=lambda election: election.close())
    assert puppet.calls == ["acquire", "relinquish"]
    assert puppet.closed == 1
    with pytest.raises(InvalidStateError, match="closed"):
        election.wait_for_leadership(0)


def test_close_while_the_backend_is_down(stage):
    """P8: closing gives up on a backend that does not answer after close_timeout; the claim expires by itself."""
    puppet = stage.puppet()
    election = stage.election(puppet, close_timeout=5)
    puppet.answers["relinquish"] = puppet.answers["check"] = unavailable
    closer = threading.Thread(target=election.close)
    closer.start()
    while election._candidacy.machine.phase.value != "relinquishing":
        stage.settle()
    stage.advance(5.1)
    closer.join(30)
    assert not closer.is_alive()
    assert puppet.closed == 1


def test_close_while_a_call_hangs(stage):
    """P8, P10: closing does not wait for a call that never returns."""
    puppet = stage.puppet()
    election = stage.election(puppet, close_timeout=5)
    stage.advance(3, calls=False)
    stage.calls.jobs.clear()
    closer = threading.Thread(target=election.close)
    closer.start()
    while stage.runner._inbox.empty():
        pass
    stage.advance(6)
    closer.join(30)
    assert not closer.is_alive()
    assert puppet.calls == ["acquire"]
    assert puppet.closed == 1


def test_a_call_that_outlives_its_elector_is_closed_again(stage):
    """P8: a claim that a call brings while its candidate is being dismissed is dropped: the elector is closed again."""
    puppet = stage.puppet()
    election = stage.election(puppet, start=False, close_timeout=5)
    election.start()
    stage.runner.step()
    attempt = stage.calls.jobs.popleft()
    closer = threading.Thread(target=election.close)
    closer.start()
    while stage.runner._inbox.empty():
        pass
    stage.advance(6, calls=False)
    puppet.close = lambda: (setattr(puppet, "closed", puppet.closed + 1), attempt() if puppet.closed == 1 else None)
    stage.settle()
    closer.join(30)
    assert not closer.is_alive()
    assert puppet.closed == 2


def test_close_from_a_signal_handler_in_the_middle_of_start(stage):
    """P8: a handler that closes the election while `start` is under way is not forgotten."""
    puppet = stage.puppet()
    election = stage.election(puppet, start=False)
    add = stage.runner.add

    def interrupted(candidacy):
        add(candidacy)
        election.close()

    stage.runner.add = interrupted
    election.start()
    stage.settle()
    assert stage.runner._candidates == set()
    assert puppet.closed == 1


def test_an_engine_that_gets_no_thread_starts_later(stage):
    """A system without a thread to give is told to the caller, and the next election starts the engine."""

    def refuse():
        raise RuntimeError("can't start new thread")

    given, stage.runner._start = stage.runner._start, refuse
    puppet = stage.puppet()
    election = stage.election(puppet, start=False)
    with pytest.raises(RuntimeError, match="new thread"):
        election.start()
    stage.runner._start = given
    election.start()
    stage.settle()
    assert election.is_leader()


def test_a_started_election_does_not_start_again(stage):
    """A LeaderElection campaigns once."""
    election = stage.election(stage.puppet())
    with pytest.raises(InvalidStateError, match="campaigns once"):
        election.start()


def test_a_forked_child_is_nobodys_leader(stage, monkeypatch):
    """P9: with another pid the term is invalid and says why, and every call that needs the engine says so too."""
    election = stage.election(stage.puppet())
    term = election.term
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert not term.is_valid()
    assert election.state is State.FOLLOWER
    with pytest.raises(LeadershipLostError, match="forked child"):
        term.check()
    for call in (election.relinquish, election.wait_for_leadership, election.start):
        with pytest.raises(InvalidStateError, match="forked"):
            call()
    election.close()


# ---------------------------------------------------------------- P10: bounded waiting


def test_a_call_that_never_returns_is_not_repeated(stage, caplog):
    """P10: a hung call costs the leadership in time, is never made a second time concurrently, and is logged once."""
    puppet = stage.puppet()
    election = stage.election(puppet)
    with caplog.at_level(logging.WARNING, "incumbent"):
        stage.advance(300, calls=False)
    assert not election.is_leader()
    assert len(stage.calls.jobs) == 1
    assert caplog.text.count("has not returned") == 1


def test_a_hung_election_does_not_stop_others():
    """P10: elections whose calls hang, more of them than the pool has threads, stop no other election."""
    runner, clock = Runner(), FakeClock()
    release = threading.Event()
    hung = []
    for number in range(POOL_SIZE + 2):
        puppet = Puppet(clock, candidate=f"hung-{number}")
        puppet.answers["acquire"] = release.wait
        config = LeaderElectionConfig(lock_id="reports", ttl=2.0, close_timeout=0.1)
        hung.append(LeaderElection(config, puppet, runner=runner))
        hung[-1].start()
    free = Puppet(runner.clock)
    with LeaderElection(LeaderElectionConfig(lock_id="reports"), free, runner=runner) as election:
        assert election.wait_for_leadership(60) is not None
    began = time.monotonic()
    for election in hung:
        election.close()
    assert time.monotonic() - began < 60
    release.set()


def test_a_fault_in_the_engine_ends_one_election_only(stage):
    """P7: what is raised where nothing should be ends that election, and no other."""
    puppet, other = stage.puppet(), stage.puppet(lock_id="invoices")
    broken, healthy = stage.election(puppet), stage.election(other, lock_id="invoices")

    def fail(*_):
        raise ZeroDivisionError("a fault")

    broken._candidacy.end_term = fail
    puppet.answers["check"] = other.answers["check"] = None
    stage.advance(5)
    with pytest.raises(ElectionError, match="fault of the engine: ZeroDivisionError: a fault"):
        broken.wait_for_leadership(0)
    assert puppet.closed == 1
    assert healthy.term.token == 2


def test_a_callback_blocked_for_ten_ttls_does_not_cost_the_leadership(stage):
    """P2, P6: renewals do not wait for callbacks."""
    puppet = stage.puppet()
    election = stage.election(puppet, leader_callback=print)
    stage.advance(150, callbacks=False)
    assert election.term.token == 1
