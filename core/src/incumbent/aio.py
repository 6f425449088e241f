"""`AsyncLeaderElection`: the same engine, awaited. No second engine, and nothing that blocks the loop."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, TypeVar, overload

from .address import Address
from .config import LeaderElectionConfig
from .election import LeaderElection, check_config
from .elector import LeaderElector
from .engine.loop import Loop
from .engine.runner import Runner
from .engine.work import Work
from .errors import InvalidStateError, LeadershipLostError
from .situation import Situation
from .state import State
from .term import Term

__all__ = ["AsyncLeaderElection"]

_T = TypeVar("_T")

#: The pauses between two looks whether everything is given up, seconds: the first, and the longest.
FIRST_LOOK, LONGEST_LOOK = 0.001, 0.05


class AsyncLeaderElection:
    """
    One candidate of one election, for asyncio. Not thread-safe: one event loop.

    Callbacks may be coroutine functions: they run on the loop, still in order and one at a time. As
    `on_elected`, one is cancelled when its term ends. The claim of a hand-over is given up when they
    have returned and all work in `during` has ended.

    Args:
        config: What is campaigned for, the timing and the callbacks.
        elector: A URL, the bare name of an elector, or an elector of one's own.
        runner: The engine to run on; None for the one that all elections of the process share.

    Attributes:
        config: What is campaigned for, as it was given.
        candidate: The id of this candidate.
        address: Where the election is held; None if an elector was handed in.

    Raises:
        ConfigurationError: The URL or an option is wrong, or the elector is not installed or broken.
    """

    def __init__(
        self,
        config: LeaderElectionConfig,
        elector: str | Address | LeaderElector,
        *,
        runner: Runner | None = None,
    ) -> None:
        check_config(config)
        self._loop = Loop()
        self._works: set[asyncio.Task[Any]] = set()
        self._watched: Term | None = None
        self._election = LeaderElection(self._adapt(config), elector, runner=runner)
        self._election._watchers.append(self._loop.wake_threadsafe)
        self._election._settle = partial(self._call, self._works_ended)
        self.config = config
        self.candidate = self._election.candidate
        self.address = self._election.address

    def __repr__(self) -> str:
        return f"<Async{repr(self._election)[1:]}"

    async def __aenter__(self) -> AsyncLeaderElection:
        self._loop.enter()
        self._election.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
        if error is None:
            self._election._raise_error()

    async def run(self) -> None:
        """
        Campaign until the task is cancelled, `close` is called, or the election fails for good.

        Cancelling hands over first.

        Raises:
            CallbackError: A callback raised; leadership was given up first.
            BackendRejectedError: The backend refuses for good.
        """
        async with self:
            await self._loop.until(self._is_over)

    async def close(self) -> None:
        """
        Leave the election: see `LeaderElection.close`.

        A cancelled caller does not stop it: it goes on in the background. From inside a callback it returns at
        once, also from a coroutine, and from the tasks that one has started.
        """
        limit = self._election._leave()  # before anything is awaited, so that nothing can keep it from being done
        # Waits by the loop alone: an executor's threads are the application's, and may all be busy while it leads.
        end, pause = time.monotonic() + limit, FIRST_LOOK
        while limit and not self._election._has_left(0.0):
            if time.monotonic() >= end:
                self._election._complain(limit)
                break
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK)

    # ------------------------------------------------------------ asking

    @property
    def situation(self) -> Situation:
        """What is known of the election: see `LeaderElection.situation`."""
        return self._election.situation

    @property
    def eligible(self) -> bool:
        """Whether this candidate may lead; can be set: see `LeaderElection.eligible`."""
        return self._election.eligible

    @eligible.setter
    def eligible(self, eligible: bool) -> None:
        self._election.eligible = eligible

    @property
    def info(self) -> str | None:
        """What others are shown of this candidate while it leads; can be set: see `LeaderElection.info`."""
        return self._election.info

    @info.setter
    def info(self, info: str | None) -> None:
        self._election.info = info

    @property
    def state(self) -> State:
        """Bootstrap, follower or leader; never leader when the leadership must be doubted."""
        return self._election.state

    def is_bootstrap(self) -> bool:
        """Tell whether the first attempt has not been answered yet."""
        return self._election.is_bootstrap()

    def is_follower(self) -> bool:
        """Tell whether this candidate does not lead."""
        return self._election.is_follower()

    def is_leader(self) -> bool:
        """Tell whether this candidate leads, by the clock at this moment (P2)."""
        return self._election.is_leader()

    @property
    def term(self) -> Term | None:
        """The present term while this candidate leads, else None."""
        return self._election.term

    def relinquish(self) -> None:
        """Hand over, and stay a candidate: see `LeaderElection.relinquish`. Does not block."""
        self._election.relinquish()

    @overload
    async def wait_for_leadership(self, timeout: None = None) -> Term: ...

    @overload
    async def wait_for_leadership(self, timeout: float) -> Term | None: ...

    async def wait_for_leadership(self, timeout: float | None = None) -> Term | None:
        """
        Wait until this candidate leads.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Returns:
            The valid term, or None when *timeout* has passed: not being elected is a value. `situation` tells why.

        Raises:
            CallbackError, BackendRejectedError: What ended the election.
            InvalidStateError: It was not started or is closed.
        """
        # The term that was seen, not another look: that may find it over already.
        term = await self._loop.until(lambda: self.term or self._is_over(), timeout)
        if isinstance(term, Term):
            return term
        if not term:
            return None
        self._election._raise_error()
        raise InvalidStateError("the election is closed")

    async def during(self, term: Term, work: Coroutine[Any, Any, _T]) -> _T:
        """
        Run *work* while *term* lasts, and cancel it at the term's end. After that it goes on from no `await`.

        Whoever waits here and is cancelled, however often, cancels *work* as often, and is let go when it has ended.

        Returns:
            What *work* returned.

        Raises:
            LeadershipLostError: The term ended first; *work* was cancelled and has ended.
        """
        running = Work(work, term)
        self._works.add(running.task)
        running.task.add_done_callback(self._ended)  # by itself: the claim must not depend on who waits here (P6)
        if self._watched is not term:  # once for each, however often there is work during it
            self._watched = term
            term.call_at_end(self._loop.wake_threadsafe)
        try:
            while not await self._loop.until(running.is_over, term.remaining()):
                pass
        except BaseException:
            running.cancel()
            raise
        finally:
            await running.end()
        if not running.is_lost:
            return running.task.result()
        term.check()
        raise LeadershipLostError(f"term {term.token} of {term.lock_id!r} is over")

    # ------------------------------------------------------------ inside

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._works.discard(task)
        self._loop.wake()

    def _is_over(self) -> bool:
        candidacy = self._election._candidacy
        return self._election._closed or (candidacy is not None and candidacy.finished)

    async def _works_ended(self) -> None:
        """Wait for the work of the ended term, so that the claim outlives it (P6)."""
        await self._loop.until(lambda: not self._works)

    def _adapt(self, config: LeaderElectionConfig) -> LeaderElectionConfig:
        """Hand this object to the level callbacks, and run coroutine functions on the loop."""
        leader, follower = config.leader_callback, config.follower_callback
        changes: dict[str, Any] = {}
        if leader is not None:
            changes["leader_callback"] = lambda _: self._call(leader, self)
        if follower is not None:
            changes["follower_callback"] = lambda _: self._call(follower, self)
        if config.on_elected is not None:
            changes["on_elected"] = partial(self._call, partial(self._elected, config.on_elected))
        for name in ("on_deposed", "on_leader_changed"):
            callback = getattr(config, name)
            if callback is not None:
                changes[name] = partial(self._call, callback)
        return replace(config, **changes)

    def _elected(self, callback: Callable[[Term], object], term: Term) -> object:
        answer = callback(term)
        return self._lead(term, answer) if inspect.iscoroutine(answer) else answer

    async def _lead(self, term: Term, work: Coroutine[Any, Any, Any]) -> None:
        """Run *work* until the end of *term*, which is no error."""
        try:
            await self.during(term, work)
        except LeadershipLostError:
            if term.is_valid():  # it is another term that was lost
                raise

    def _call(self, callback: Callable[..., object], *values: object) -> None:
        """Call *callback* on the dispatcher's thread; what it returns to be awaited runs on the loop."""
        answer = callback(*values)
        if inspect.iscoroutine(answer):
            self._loop.run(answer)
