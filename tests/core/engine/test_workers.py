"""The pool: bounded for jobs that behave, and never stopped by those that do not."""

import threading
import time

from incumbent.engine.workers import Workers


def wait_until(holds, seconds=30.0):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_jobs_share_a_bounded_number_of_threads():
    """A thousand quick jobs run on no more threads than the pool's size."""
    pool = Workers("test-pool", size=3, patience=60)
    done = []
    for number in range(1000):
        pool.submit(lambda number=number: done.append((number, threading.current_thread())))
    pool.close(30)
    assert sorted(number for number, _ in done) == list(range(1000))
    assert len({thread for _, thread in done}) <= 3


def test_a_stuck_job_costs_only_its_own_thread():
    """Jobs older than the patience do not count: others run although every thread of the size is stuck."""
    pool = Workers("test-pool", size=2, patience=0.05)
    release, done = threading.Event(), threading.Event()
    for _ in range(2):
        pool.submit(release.wait)
    pool.submit(done.set)
    end = time.monotonic() + 30
    while not done.is_set():
        assert time.monotonic() < end
        pool.adjust()
        time.sleep(0.01)
    release.set()
    pool.close(30)
    wait_until(lambda: not pool._threads)


def test_adjust_says_when_it_is_worth_calling_again():
    """With jobs waiting, `adjust` asks to be called after the patience; without, not at all."""
    pool = Workers("test-pool", size=1, patience=5)
    assert pool.adjust() is None
    release = threading.Event()
    pool.submit(release.wait)
    pool.submit(release.wait)
    assert pool.adjust() == 5
    release.set()
    pool.close(30)


def test_close_ends_every_idle_thread():
    """After `close` no thread of the pool is left."""
    pool = Workers("test-pool", size=4, patience=60)
    for _ in range(50):
        pool.submit(lambda: None)
    pool.close(30)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("test-pool")] == []


def test_close_is_bounded_by_its_timeout():
    """A job that never ends holds `close` up for the timeout and not longer."""
    pool = Workers("test-pool", size=1, patience=60)
    release = threading.Event()
    pool.submit(release.wait)
    pool.close(0.05)
    release.set()
    wait_until(lambda: not pool._threads)


def test_no_thread_to_be_had_is_not_the_end(monkeypatch):
    """When the system has no thread to give, the job waits until it has."""
    pool = Workers("test-pool", size=1, patience=60)
    done = threading.Event()

    def refuse(_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        pool.submit(done.set)
    assert not done.is_set()
    pool.adjust()
    assert done.wait(30)
    pool.close(30)


def test_surplus_threads_leave():
    """Threads that were added behind stuck jobs leave when those have ended."""
    pool = Workers("test-pool", size=1, patience=0.01)
    release = threading.Event()
    for _ in range(4):
        pool.submit(release.wait)
        time.sleep(0.02)
        pool.adjust()
    wait_until(lambda: (pool.adjust(), len(pool._began))[1] == 4)
    release.set()
    wait_until(lambda: len(pool._threads) <= 1)
    pool.close(30)
