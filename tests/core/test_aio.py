"""The asyncio facade: the same engine, nothing that blocks the loop."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from incumbent import (
    AsyncLeaderElection,
    CallbackError,
    InvalidStateError,
    LeaderElection,
    LeaderElectionConfig,
    LeadershipLostError,
    Reason,
    read_leader,
)


@pytest.fixture
def url(request):
    return f"memory://{request.node.name.replace('_', '-').replace('[', '-').replace(']', '')}"


def config(**options):
    return LeaderElectionConfig(lock_id="reports", relinquish_interval=None, **options)


def test_async_with_leads_and_leaves(url):
    """`async with` campaigns; leaving the block gives the claim up."""

    async def main():
        async with AsyncLeaderElection(config(candidate="a"), url) as election:
            assert not election.is_follower()
            term = await election.wait_for_leadership(30)
            assert election.is_leader()
            assert read_leader(url, "reports").candidate == "a"
        assert not term.is_valid()
        assert not election.is_leader()
        assert read_leader(url, "reports").candidate is None

    asyncio.run(main())


def test_cancelling_the_task_relinquishes(url):
    """A cancelled task gives leadership up before the cancellation goes on."""

    async def main():
        election = AsyncLeaderElection(config(), url)
        task = asyncio.create_task(election.run())
        while not election.is_leader():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert read_leader(url, "reports").candidate is None

    asyncio.run(main())


def test_nothing_blocks_the_loop(url):
    """While a follower waits, leads, and closes against a slow callback, the loop goes on ticking."""

    async def main():
        ticks, slowest = 0, 0.0

        async def tick():
            nonlocal ticks, slowest
            while True:
                began = time.monotonic()
                await asyncio.sleep(0.01)
                ticks, slowest = ticks + 1, max(slowest, time.monotonic() - began)

        ticker = asyncio.create_task(tick())
        release = threading.Event()
        slow = config(follower_callback=lambda _: release.wait(30))
        async with AsyncLeaderElection(slow, url) as election:
            await election.wait_for_leadership(30)
            closing = asyncio.create_task(election.close())
            before = ticks
            while ticks < before + 20:
                await asyncio.sleep(0.01)
            assert not closing.done()
            release.set()
            await closing
        ticker.cancel()

    asyncio.run(main())


def test_coroutine_callbacks_run_on_the_loop_in_order(url):
    """P6: coroutine callbacks run on the event loop, elected before deposed, and are awaited."""
    seen = []

    async def main():
        loop = asyncio.get_running_loop()

        async def elected(term):
            await asyncio.sleep(0.01)
            seen.append(("elected", asyncio.get_running_loop() is loop))

        async def deposed(term, reason):
            await asyncio.sleep(0.01)
            seen.append(("deposed", reason.value))

        async def leader(election):
            seen.append(("leader", isinstance(election, AsyncLeaderElection)))

        options = config(on_elected=elected, on_deposed=deposed, leader_callback=leader)
        async with AsyncLeaderElection(options, url) as election:
            await election.wait_for_leadership(30)
            while len(seen) < 2:
                await asyncio.sleep(0.005)

    asyncio.run(main())
    assert seen == [("elected", True), ("leader", True), ("deposed", "stopped")]


def test_a_coroutine_as_on_elected_is_cancelled_at_the_end_of_its_term(url):
    """P6: work that is the elected callback ends with its term, and the claim is given up after that; no error."""
    order = []

    async def main():
        working = asyncio.Event()

        async def elected(term):
            try:
                working.set()
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                order.append(("cancelled", term.is_valid()))
                await asyncio.sleep(0.05)
                record = await asyncio.to_thread(read_leader, url, "reports")
                order.append(("claimed", record.candidate == term.candidate))

        def deposed(term, reason):
            order.append(("deposed", reason.value))

        options = config(on_elected=elected, on_deposed=deposed, cooldown=60)
        async with AsyncLeaderElection(options, url) as election:
            await working.wait()
            election.relinquish()
            while (await asyncio.to_thread(read_leader, url, "reports")).candidate is not None:
                await asyncio.sleep(0.005)
            assert election.is_follower()

    asyncio.run(main())
    assert order == [("cancelled", False), ("claimed", True), ("deposed", "relinquished")]


def test_another_term_that_was_lost_is_an_error(url):
    """A coroutine as the elected callback that loses another term, and not its own, has failed."""

    async def elected(term):
        raise LeadershipLostError("term 7 of 'invoices' is over")

    async def main():
        await AsyncLeaderElection(config(on_elected=elected), url).run()

    with pytest.raises(CallbackError, match="on_elected raised LeadershipLostError: term 7 of 'invoices'"):
        asyncio.run(main())


@pytest.mark.parametrize("timeout", [None, 30])
def test_waiting_returns_the_term_that_it_saw(url, monkeypatch, timeout):
    """A term that is over right after it was seen is returned all the same: None means that the time has passed."""

    async def main():
        async with AsyncLeaderElection(config(), url) as election:
            seen = await election.wait_for_leadership()
            looks = iter([seen])
            monkeypatch.setattr(LeaderElection, "term", property(lambda _: next(looks, None)))
            assert await election.wait_for_leadership(timeout) is seen
            monkeypatch.undo()

    asyncio.run(main())


def test_a_coroutine_callback_needs_the_async_facade():
    """The facade for threads refuses coroutine functions, and names the one that takes them."""

    async def elected(term):
        pass

    with pytest.raises(ValueError, match="on_elected is a coroutine function: use AsyncLeaderElection"):
        LeaderElection(config(on_elected=elected), "memory://")


def test_a_callback_error_is_raised_on_leaving(url):
    """What a callback raises comes out of the block, after leadership was given up."""

    async def elected(term):
        raise ValueError("no paper")

    async def main():
        async with AsyncLeaderElection(config(on_elected=elected), url) as election:
            while not election._is_over():
                await asyncio.sleep(0.005)

    with pytest.raises(CallbackError, match="on_elected raised ValueError: no paper"):
        asyncio.run(main())
    assert read_leader(url, "reports").candidate is None


def test_wait_for_leadership_returns_none_when_it_takes_too_long(url):
    """Not being elected is a value."""

    async def main():
        with LeaderElection(config(), url) as other:
            other.wait_for_leadership()
            async with AsyncLeaderElection(config(), url) as election:
                assert await election.wait_for_leadership(0.05) is None
                assert election.term is None

    asyncio.run(main())


def test_waiting_needs_a_started_election(url):
    """An election that was not entered says how to enter it; a closed one says that it is closed."""

    async def main():
        election = AsyncLeaderElection(config(), url)
        with pytest.raises(InvalidStateError, match="async with"):
            await election.wait_for_leadership()
        async with election:
            await election.close()
            with pytest.raises(InvalidStateError, match="closed"):
                await election.wait_for_leadership()

    asyncio.run(main())


async def led(url):
    """Return an election that leads, and is not left."""
    election = AsyncLeaderElection(config(), url)
    await election.__aenter__()
    await election.wait_for_leadership(30)
    return election


def test_a_loop_that_closes_meanwhile_disturbs_no_other_election(url, monkeypatch):
    """An event loop that closes between two looks at it costs the engine nothing: others on it go on."""
    loop = asyncio.new_event_loop()
    election = loop.run_until_complete(led(url))
    loop.close()
    monkeypatch.setattr(loop, "is_closed", lambda: False)  # as it was a moment ago
    election.relinquish()
    with LeaderElection(config(), f"{url}-other") as other:
        assert other.wait_for_leadership(30) is not None
    election._election.close()
    assert election._election._candidacy.finished


def test_a_loop_that_was_stopped_ends_the_election(url):
    """P7: callbacks that no loop runs any more end the election with an error, and give the claim up."""
    loop = asyncio.new_event_loop()
    election = loop.run_until_complete(led(url))
    election.relinquish()
    time.sleep(0.2)  # its callback has been handed to the loop by now, which does not run
    loop.close()
    with LeaderElection(config(), url) as other:
        assert other.wait_for_leadership(30) is not None
    with pytest.raises(CallbackError, match="the event loop"):
        election._election.wait_for_leadership(30)


def test_work_is_cancelled_at_the_end_of_the_term_and_the_claim_outlives_it(url):
    """P6: `during` cancels its work when the term ends, and the claim is given up when the work has ended."""
    order = []

    async def main():
        async with AsyncLeaderElection(config(cooldown=60), url) as election:
            term = await election.wait_for_leadership(30)

            async def work():
                try:
                    await asyncio.sleep(60)
                finally:
                    await asyncio.sleep(0.05)
                    record = await asyncio.to_thread(read_leader, url, "reports")
                    order.append(record.candidate == election.candidate)

            asyncio.get_running_loop().call_later(0.02, election.relinquish)
            with pytest.raises(LeadershipLostError, match="relinquished"):
                await election.during(term, work())
            while (await asyncio.to_thread(read_leader, url, "reports")).candidate is not None:
                await asyncio.sleep(0.005)

    asyncio.run(main())
    assert order == [True]


@pytest.mark.parametrize("waits", [False, True])
def test_work_is_cancelled_in_the_turn_of_the_loop_that_hears_of_the_end(url, waits):
    """Its error comes with the next turn, which is as soon as asyncio has it: no other task has its turn before."""
    turns = []

    async def main():
        loop = asyncio.get_running_loop()

        async def work():
            while True:
                await asyncio.sleep(60 if waits else 0)

        def count():
            if not task.done():
                turns.append("not ended yet")
                loop.call_soon(count)

        async with AsyncLeaderElection(config(), url) as election:
            term = await election.wait_for_leadership(30)
            task = asyncio.create_task(work())
            loop.call_later(0.02, lambda: (term._end(Reason.LOST), loop.call_soon(count)))
            with pytest.raises(LeadershipLostError):
                await election.during(term, task)

    asyncio.run(main())
    assert turns == ["not ended yet"]


def test_work_may_cancel_itself_and_go_on(url):
    """P2: a timeout within the work is its own affair; the end of the term is heeded after it as before."""
    seen = []

    async def main():
        async with AsyncLeaderElection(config(), url) as election:
            term = await election.wait_for_leadership(30)

            async def work():
                for _ in range(3):
                    try:
                        await asyncio.wait_for(asyncio.sleep(60), 0.001)
                    except asyncio.TimeoutError:
                        seen.append("goes on")
                term._end(Reason.LOST)
                await asyncio.sleep(0)
                seen.append("goes on after its term")

            with pytest.raises(LeadershipLostError):
                await election.during(term, work())

    asyncio.run(main())
    assert seen == ["goes on"] * 3


def test_what_is_no_coroutine_is_work_as_well(url):
    """Whatever can be awaited is cancelled with the term, such as several coroutines at once."""

    async def main():
        async with AsyncLeaderElection(config(), url) as election:
            term = await election.wait_for_leadership(30)
            assert await election.during(term, asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))) == [1, 2]
            parts = [asyncio.create_task(asyncio.sleep(60)) for _ in range(2)]
            asyncio.get_running_loop().call_later(0.02, election.relinquish)
            with pytest.raises(LeadershipLostError):
                await election.during(term, asyncio.gather(*parts))
            assert [part.cancelled() for part in parts] == [True, True]

    asyncio.run(main())


def test_work_after_work_in_one_term_leaves_nothing_with_the_term(url):
    """P8: a leader that does a thousand pieces of work in one term keeps no more than for one."""

    async def main():
        async with AsyncLeaderElection(config(), url) as election:
            term = await election.wait_for_leadership(30)
            for _ in range(1000):
                await election.during(term, asyncio.sleep(0))
            assert len(term._watchers) <= 1

    asyncio.run(main())


def test_work_that_ends_first_gives_its_answer(url):
    """`during` returns what the work returns, and raises what it raises."""

    async def main():
        async with AsyncLeaderElection(config(), url) as election:
            term = await election.wait_for_leadership(30)

            async def answer():
                return 42

            async def fail():
                raise KeyError("x")

            assert await election.during(term, answer()) == 42
            with pytest.raises(KeyError):
                await election.during(term, fail())
            assert "AsyncLeaderElection" in repr(election)

    asyncio.run(main())


@pytest.fixture
def one_thread():
    """A default executor with one thread, as a program has that does as many blocking pieces as it has threads."""
    pool = ThreadPoolExecutor(1)
    yield pool
    pool.shutdown()


@pytest.mark.parametrize("leave", ["close", "block", "cancel"])
def test_leaving_needs_no_thread_of_the_application(url, one_thread, leave):
    """P8: work that looks at its term, on every thread of the executor, does not keep the leader from leaving."""
    working, given_up = threading.Event(), threading.Event()

    def piece(term):
        working.set()
        while term.is_valid() and not given_up.wait(0.01):
            pass

    async def campaign(election):
        async with election:
            work = asyncio.get_running_loop().run_in_executor(None, piece, await election.wait_for_leadership(30))
            while not working.is_set():
                await asyncio.sleep(0.005)
            if leave == "close":
                await election.close()
            elif leave == "cancel":
                asyncio.current_task().cancel()
                await asyncio.sleep(60)
        await work

    async def main():
        asyncio.get_running_loop().set_default_executor(one_thread)
        task = asyncio.create_task(campaign(AsyncLeaderElection(config(), url)))
        done, _ = await asyncio.wait({task}, timeout=20)
        given_up.set()
        assert done
        assert task.cancelled() == (leave == "cancel")

    asyncio.run(main())
    assert read_leader(url, "reports").candidate is None


def test_a_coroutine_callback_may_close_its_election(url):
    """Closing from inside a callback returns at once, and the rest happens when the callback has returned."""
    seen = []

    async def lead(election):
        await election.close()
        seen.append((election._is_over(), read_leader(url, "reports").candidate))

    async def main():
        await asyncio.wait_for(AsyncLeaderElection(config(candidate="a", leader_callback=lead), url).run(), 20)

    asyncio.run(main())
    assert seen == [(True, "a")]
    assert read_leader(url, "reports").candidate is None


@pytest.mark.parametrize("first", ["term", "caller"])
@pytest.mark.parametrize("cancellations", [1, 2])
def test_work_whose_caller_is_cancelled_again_is_waited_for(url, first, cancellations):
    """P6: every cancellation of who waits in `during` reaches the work; the claim is given up when that has ended."""
    seen = []

    async def main():
        loop, begun, done = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        async def work():
            begun.set()
            while not done.is_set():
                try:
                    await done.wait()
                except asyncio.CancelledError:
                    seen.append("cancelled")
            seen.append("ended")

        async def until(holds):
            end = loop.time() + 20
            while not await asyncio.to_thread(holds):
                assert loop.time() < end
                await asyncio.sleep(0.005)

        async def check(election):
            waiting = asyncio.create_task(election.during(await election.wait_for_leadership(30), work()))
            await begun.wait()
            if first == "term":
                election.relinquish()
                await until(lambda: len(seen) == 1)
            for _ in range(cancellations):
                before = len(seen)
                waiting.cancel()
                await until(lambda n=before: len(seen) > n)
            assert not waiting.done()
            if election.is_leader():
                election.relinquish()
            assert read_leader(url, "reports").candidate == election.candidate
            done.set()
            await asyncio.wait({waiting}, timeout=20)
            assert waiting.cancelled()
            await until(lambda: read_leader(url, "reports").candidate is None)

        async with AsyncLeaderElection(config(cooldown=60, close_timeout=1), url) as election:
            try:
                await check(election)
            finally:
                done.set()

    asyncio.run(main())
    assert seen == ["cancelled"] * (cancellations + (first == "term")) + ["ended"]


def test_a_cancellation_at_the_moment_of_election_is_not_lost(url, monkeypatch):
    """Who is cancelled while `wait_for_leadership` is about to return is cancelled, and does not begin to lead."""

    async def main():
        async with AsyncLeaderElection(config(), url) as election:
            term = await election.wait_for_leadership(30)

            async def leads():
                await election.wait_for_leadership(30)
                await asyncio.sleep(60)

            leading = asyncio.create_task(leads())

            def look(_):
                asyncio.get_running_loop().call_soon(leading.cancel)
                return term

            monkeypatch.setattr(LeaderElection, "term", property(look))
            await asyncio.wait({leading}, timeout=20)
            cancelled = leading.cancelled()
            leading.cancel()
            monkeypatch.undo()
            assert cancelled

    asyncio.run(main())
