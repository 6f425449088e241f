"""The suite's tools: the candidate in another process, the fake clock, bounded calls, and what is left behind."""

import os
import threading
import time
from pathlib import Path
from unittest.mock import Mock

import pytest
from model_elector import ModelElector, ModelHarness
from selected import run_only

from incumbent import BackendUnavailableError
from incumbent.testing import FakeClock, LocalHarness, Outsider
from incumbent.testing.bounded import GUARD, bounded
from incumbent.testing.outsider import told
from incumbent.testing.scene import Scene


@pytest.fixture
def local():
    harness = LocalHarness()
    harness.open()
    yield harness
    harness.close()


@pytest.fixture
def scene(local):
    scene = Scene(local)
    yield scene
    scene.close()


# ------------------------------------------------------------ the candidate in another process


def test_outsider_leads_until_it_leaves(scene):
    """The other process holds the claim within the block, with a token, and has given it up afterwards."""
    a = scene.candidate("a")
    with scene.outsider() as outsider:
        assert outsider.claim.token == 1
        assert a.acquire_leadership() is None
    assert a.acquire_leadership().token == 2


def test_outsider_that_is_refused_has_no_claim(scene):
    """Where another leads, the claim is None."""
    scene.candidate("a").lead()
    with scene.outsider() as outsider:
        assert outsider.claim is None


def test_killed_outsider_is_dead(scene):
    """When `kill` returns, the process has ended without a farewell; ending the block does nothing more."""
    with scene.outsider() as outsider:
        outsider.kill()
        assert outsider._process.returncode == -9


def test_outsiders_end_if_another_of_them_cannot_start():
    """What was started beside a candidate that could not be is ended with the test."""
    begun = []

    class Harness(LocalHarness):
        def outsider(self, lock_id, candidate):
            if lock_id.endswith("/0"):
                raise RuntimeError("it cannot start")
            begun.append(super().outsider(lock_id, candidate))
            return begun[-1]

    report = run_only(Harness(), "test_wall_clocks_play_no_part")
    assert [outcome.detail for outcome in report.of("failed")] == ["RuntimeError: it cannot start"]
    assert [outsider._process.poll() is not None for outsider in begun] == [True, True]


def test_outsider_ends_if_the_leader_cannot_check(local):
    """So is one that was being started while a check of the leader failed."""
    begun, has_checked, start = [], threading.Event(), local.outsider

    def check():
        has_checked.set()
        raise BackendUnavailableError("the machine is busy")

    def start_late(*who):
        has_checked.wait(20.0)
        begun.append(start(*who))
        return begun[-1]

    local.outsider, scene = start_late, Scene(local)
    with pytest.raises(BackendUnavailableError, match="the machine is busy"):
        scene.outsider(leader=Mock(check_leadership=check))
    scene.close()
    assert begun[0]._process.poll() is not None


def test_outsider_asks_until_it_is_told(monkeypatch):
    """An outage is no answer: it asks again, as every candidate does, though not for ever."""
    answers = [BackendUnavailableError("busy"), BackendUnavailableError("busy"), None]
    slow = Mock(**{"acquire_leadership.side_effect": answers})
    assert told(slow) is None
    monkeypatch.setattr("incumbent.testing.outsider.OUTAGE", 0)
    slow.acquire_leadership.side_effect = BackendUnavailableError("gone")
    with pytest.raises(BackendUnavailableError, match="gone"):
        told(slow)


def test_outsider_that_fails_is_told(capfd):
    """A candidate that cannot even ask is an error here, and its own words are on stderr."""
    with pytest.raises(RuntimeError, match="the candidate in the other process failed"):
        Outsider("local:///dev/null/nowhere", 1.0, 0.5, "reports", "outsider")
    assert "Error: " in capfd.readouterr().err


def test_outsider_keeps_the_url_to_itself(local):
    """P8: The URL, which may hold a password, does not show in the list of processes."""
    with Outsider(local.url, 1.0, 0.5, "reports", "outsider") as outsider:
        arguments = Path(f"/proc/{outsider._process.pid}/cmdline").read_bytes()
    assert b"incumbent.testing.outsider" in arguments
    assert local.url.encode() not in arguments


# ------------------------------------------------------------ the fake clock


def test_fake_clock_stands_still_until_it_is_moved():
    """Time passes on both clocks by what the test says, and not otherwise."""
    clock = FakeClock(now=10.0, wall=1000.0)
    assert (clock.now(), clock.now(), clock.wall()) == (10.0, 10.0, 1000.0)
    clock.advance(2.5)
    assert (clock.now(), clock.wall()) == (12.5, 1002.5)


def test_fake_clock_steps_wall_time_alone():
    """An administrator who sets the clock moves wall time only, in both directions."""
    clock = FakeClock(now=10.0, wall=1000.0)
    clock.step_wall(-300.0)
    clock.step_wall(20.0)
    assert (clock.now(), clock.wall()) == (10.0, 720.0)


def test_fake_clock_does_not_go_back():
    """The clock that never steps cannot be moved back."""
    clock = FakeClock()
    with pytest.raises(ValueError, match=r"time does not go back: advance\(-1\)"):
        clock.advance(-1)


def test_fake_clock_is_thread_safe():
    """Seconds that several threads let pass all count."""
    clock = FakeClock(now=0.0)
    threads = [threading.Thread(target=lambda: [clock.advance(1.0) for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 2000.0


# ------------------------------------------------------------ bounded calls


def test_bounded_call_returns_and_raises():
    """What the call returns or raises comes through."""
    assert bounded(5.0, lambda: 7, "seven()") == 7
    with pytest.raises(ZeroDivisionError):
        bounded(5.0, lambda: 1 / 0, "division()")


def test_call_that_hangs_costs_its_limit_only():
    """P10: A call that does not return is an error that names it, and its thread is left behind."""
    release = threading.Event()
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"hang\(\) has not returned 0.05 s after it was called \(P10\)"):
        bounded(0.05, release.wait, "hang()")
    assert time.monotonic() - begin < 5.0
    release.set()
    for thread in threading.enumerate():
        if thread.name == GUARD:
            thread.join()


# ------------------------------------------------------------ the scene, and what is left behind


def test_scene_puts_the_store_right():
    """A test that ends while the store is frozen or dead does not spoil the next one."""
    harness = ModelHarness()
    harness.open()
    for harm in (Scene.freeze, Scene.kill):
        scene = Scene(harness)
        scene.candidate("a").lead()
        harm(scene)
        scene.close()
        assert harness.store.up
        assert not harness.store.frozen


def test_scene_closes_what_the_test_opened():
    """Every candidate leaves, also when the closing of another raises."""
    harness = ModelHarness()
    harness.open()
    scene = Scene(harness)
    a, b = scene.candidate("a"), scene.candidate("b")
    a.lead()
    b.acquire_leadership()
    a.elector.close = lambda: 1 / 0
    scene.close()
    assert harness.claims(scene.lock_id) == 1
    assert b.elector.closed


def test_leftovers_are_named():
    """P8: The report names the thread that an elector has left, and the number of its descriptor."""
    release = threading.Event()
    left = []

    class Untidy(ModelElector):
        def acquire_leadership(self):
            threading.Thread(target=release.wait, name="left-behind", daemon=True).start()
            left.append(os.open(os.devnull, os.O_RDONLY))
            return super().acquire_leadership()

    class UntidyHarness(ModelHarness):
        slack = 0.5
        model = type("UntidyBackend", (ModelHarness.model,), {"elector_class": Untidy})

    meant = {
        "test_closing_leaves_no_thread",
        "test_closing_leaves_no_descriptor",
        "test_closing_after_an_outage_leaves_nothing",
    }
    report = run_only(UntidyHarness(), *meant)
    release.set()
    for descriptor in left:
        os.close(descriptor)
    failed = {outcome.test: outcome.detail for outcome in report.of("failed")}
    assert failed.keys() == meant
    assert "left-behind" in failed["test_closing_leaves_no_thread"]
    assert any(str(descriptor) in failed["test_closing_leaves_no_descriptor"] for descriptor in left)


# ------------------------------------------------------------ calls on a busy machine


def failing(candidate, seconds, times):
    """Have *candidate*'s next attempts fail after *seconds*, that many times; return the calls that were made."""
    real, calls = candidate.elector.acquire_leadership, []

    def acquire():
        calls.append(1)
        if len(calls) <= times:
            time.sleep(seconds)
            raise BackendUnavailableError("no answer")
        return real()

    candidate.elector.acquire_leadership = acquire
    return calls


def test_call_that_times_out_on_a_sound_store_is_made_again(scene):
    """A machine that is too busy for a request says nothing of the elector; one that fails for good still does."""
    a, b = scene.candidate("a"), scene.candidate("b")
    calls = failing(a, scene.harness.request_timeout, 2)
    assert a.acquire_leadership() is not None
    assert len(calls) == 3
    calls = failing(b, scene.harness.request_timeout, 9)
    with pytest.raises(BackendUnavailableError):
        b.acquire_leadership()
    assert len(calls) == 3


def test_call_that_fails_at_once_is_not_made_again(scene):
    """That is no busy machine: an elector that calls an answer an outage is found out."""
    a = scene.candidate("a")
    calls = failing(a, 0, 1)
    with pytest.raises(BackendUnavailableError):
        a.acquire_leadership()
    assert len(calls) == 1


def test_call_that_times_out_on_a_store_that_is_held_back_is_not_made_again(scene):
    """In a freeze, or while the store is dead, an outage is what is to be seen."""
    a = scene.candidate("a")
    scene._put_right.append(lambda: None)
    calls = failing(a, scene.harness.request_timeout, 1)
    with pytest.raises(BackendUnavailableError):
        a.acquire_leadership()
    assert len(calls) == 1
