"""The elector `local` passes the conformance suite, and outlives what people do to its files."""

import pytest

from incumbent.testing import ElectorConformance, LocalHarness
from incumbent.testing.scene import Scene


class TestLocal(ElectorConformance):
    """Every test of the suite that what `local` declares calls for, on real files and processes."""

    harness = LocalHarness


@pytest.fixture
def harness():
    harness = LocalHarness()
    harness.open()
    yield harness
    harness.close()


@pytest.fixture
def scene(harness):
    scene = Scene(harness)
    yield scene
    scene.close()


@pytest.fixture
def files(harness, scene):
    """The files of the scene's election."""
    return harness._files(scene.lock_id)


def test_who_waited_hears_of_hand_overs_after_a_deletion(scene):
    """P7: A candidate that waited on a FIFO that was removed waits on its successor from the next attempt on."""
    a, b, c = scene.candidate("a"), scene.candidate("b"), scene.candidate("c")
    a.lead()
    b.acquire_leadership()
    scene.delete()
    c.lead()
    assert b.acquire_leadership() is None
    b.forget_news()
    c.relinquish_leadership()
    assert b.hears_news()


def test_leader_without_its_fifo_gives_up(scene, files):
    """P1: A leader whose FIFO was removed, so that it would be shown as gone, is told so, and is no leader any more."""
    a, watcher = scene.candidate("a"), scene.candidate("watcher")
    a.lead()
    files.wake.unlink()
    assert a.hears_news()
    assert watcher.observe_leadership().candidate is None
    assert a.check_leadership() is None
    assert scene.claims() == 0


def test_leader_is_told_when_its_file_is_replaced(scene, files):
    """P1: The leader is told when another file takes the place of the one that it has locked."""
    a = scene.candidate("a")
    a.lead()
    a.forget_news()
    files.lock.with_name("another").touch()
    files.lock.with_name("another").replace(files.lock)
    assert a.hears_news()
    assert a.check_leadership() is None


def test_leading_is_no_news_to_the_leader(scene):
    """Rule 1: What a leader does to its own files is not told to it: it would check for ever."""
    a = scene.candidate("a")
    a.lead()
    a.forget_news()
    assert a.check_leadership() is not None
    assert not a.hears_news(0.2)


def test_token_outlives_the_loss_of_one_file(scene, files):
    """P4: The token grows on when the lock file is lost, and when the record is."""
    a = scene.candidate("a")
    tokens = []
    for lost in (files.lock, files.record, files.wake, None):
        tokens.append(a.lead().token)
        a.relinquish_leadership()
        if lost is not None:
            lost.unlink()
    assert tokens == [1, 2, 3, 4]


def test_deletion_is_seen_at_the_next_check_without_inotify(scene, monkeypatch):
    """P1: Where no inotify instance is left, a leader still learns of a deletion when it checks."""
    monkeypatch.setattr("incumbent.electors.local.deletions._libc", lambda: None)
    a = scene.candidate("a")
    a.lead()
    scene.delete()
    assert a.check_leadership() is None


def test_looking_is_no_news(scene):
    """Rule 1: Looking at an election that nobody leads is not told as a change: who looks when told would spin."""
    a, watcher = scene.candidate("a"), scene.candidate("watcher")
    a.lead()
    a.relinquish_leadership()
    watcher.observe_leadership()
    watcher.hears_news(0.2)  # the beginning may be told, once
    watcher.forget_news()
    watcher.observe_leadership()
    assert not watcher.hears_news(0.2)


def test_suite_leaves_no_file_in_a_directory_that_was_given(tmp_path):
    """P8: The files of the suite's elections are removed from the user's directory, and no others."""
    (tmp_path / "reports.lock").touch()
    (tmp_path / "conformance%2Fmine.lock").touch()
    before = set(tmp_path.iterdir())
    harness = LocalHarness(f"local://{tmp_path}")
    harness.open()
    scene = Scene(harness)
    scene.candidate("a").lead()
    assert set(tmp_path.iterdir()) > before
    scene.close()
    harness.close()
    assert set(tmp_path.iterdir()) == before
