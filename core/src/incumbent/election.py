"""`LeaderElection`: one candidate of one election, for threads."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, overload

from .address import Address, shorten
from .config import LeaderElectionConfig
from .elector import Backend, BackendSettings, LeaderElector
from .engine import ending
from .engine.candidacy import Candidacy
from .engine.events import RelinquishAsked
from .engine.listeners import Listeners
from .engine.runner import Runner
from .engine.steering import check_id
from .errors import ConfigurationError, InvalidStateError
from .fields import check_info
from .greenlets import check_threads
from .situation import Situation
from .state import Reason, State
from .term import Term

if TYPE_CHECKING:
    from .executor.will import Will

__all__ = ["LeaderElection"]

_log = logging.getLogger("incumbent")

#: How often `run` looks at its stop event, seconds.
STOP_POLL = 0.1


class LeaderElection:
    """
    One candidate of one election. Thread-safe; campaigns once, from `start` to `close`.

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
        _refuse_coroutines(config)
        check_threads()
        self.config = config
        self._runner = runner or Runner.shared()
        self._backend: Backend | None = None
        self._lock = threading.RLock()  # a signal handler may close it in the middle of `start`
        self._candidacy: Candidacy | None = None
        self._watchers: list[Callable[[], None]] = []
        self._settle: Callable[[], None] | None = None
        self._will: Will | None = None
        self._eligible = config.eligible
        self._info = config.info
        self._closed = False
        self._pid = os.getpid()
        if isinstance(elector, LeaderElector):
            if elector.lock_id != config.name:
                raise ConfigurationError(
                    f"lock_id {config.name!r} is not the elector's, which is {elector.lock_id!r}: make them the same"
                )
            if config.steering:
                what = "steering" if config.preference is None else "preference"
                raise ConfigurationError(
                    f"{what} needs the URL of an elector: one that was handed in knows one election"
                )
            if config.relinquish_on_crash:
                raise ConfigurationError("relinquish_on_crash needs the URL of an elector: another process opens it")
            self.address: Address | None = None
            self._elector: LeaderElector | None = elector
            self.candidate = elector.candidate
        else:
            from .registry import open_backend  # noqa: PLC0415 - with metadata and pluggy, a third of all imports

            self._elector = None
            self.candidate = config.candidate or _new_id()
            if config.preference is not None:
                check_id(self.candidate)
            self.address = elector if isinstance(elector, Address) else Address.parse(elector)
            self._settings = BackendSettings(
                config.ttl, config.request_timeout, self._runner.clock.now, config.renew_deadline
            )
            self._backend = open_backend(self.address, self._settings)
            self._backend.elector(config.name, self.candidate)
            if config.relinquish_on_crash:
                from .executor.will import check_executor  # noqa: PLC0415 - imports what few need

                check_executor()

    def __repr__(self) -> str:
        return f"<LeaderElection {self.config.name!r}, {self.candidate!r}, {self.state.value}>"

    # ------------------------------------------------------------ campaigning

    def start(self) -> None:
        """
        Campaign in the background until `close`.

        Raises:
            InvalidStateError: It was started before, is closed, or belongs to the parent of this process.
        """
        with self._lock:
            self._refuse_fork()
            if self._closed or self._candidacy is not None:
                raise InvalidStateError("a LeaderElection campaigns once: make a new one")
            elector = self._enter()
            if self.config.relinquish_on_crash:
                self._make_will(elector)
            candidacy = Candidacy(
                self.config,
                elector,
                self._backend,
                self._listeners(),
                self._watchers,
                eligible=self._eligible,
            )
            candidacy.introduce(self._info)
            self._runner.add(candidacy)
            candidacy.tell_of_info()
            self._candidacy = candidacy
        if self._closed:
            self._runner.leave(candidacy)

    def run(self, stop: threading.Event | None = None) -> None:
        """
        Campaign, and block until *stop* is set, `close` is called, or the election fails for good.

        Ctrl-C hands over and is raised again.

        Raises:
            CallbackError: A callback raised; leadership was given up first.
            BackendRejectedError: The backend refuses for good.
            InvalidStateError: See `start`.
        """
        self.start()
        candidacy = self._candidacy
        assert candidacy is not None
        try:
            while not candidacy.wait_for(lambda: candidacy.finished, None if stop is None else STOP_POLL):
                if stop is not None and stop.is_set():
                    break
        finally:
            self.close()
        self._raise_error()

    def close(self) -> None:
        """
        Leave the election: end the term, let the callbacks return, give the claim up, free everything.

        Idempotent; signal handlers may call it. Blocks for `close_timeout` and a few requests at most;
        what is not done by then is logged: a callback that still runs keeps the claim until it returns,
        and a backend that does not answer lets the claim expire. From inside a callback it returns at
        once, and the rest happens when that callback has returned. A process that ends without it does it
        then, for a few seconds at most.
        """
        limit = self._leave()
        if limit and not self._has_left(limit):
            self._complain(limit)

    def __enter__(self) -> LeaderElection:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if error is None:
            self._raise_error()

    # ------------------------------------------------------------ asking

    @property
    def situation(self) -> Situation:
        """
        What is known of the election: who leads, why the backend fails, which callback does not return.

        Costs no request. To ask who leads without `on_leader_changed`, there is `read_leader`.
        """
        candidacy = self._candidacy
        if candidacy is None or os.getpid() != self._pid:
            return Situation(state=self.state, campaigns=False)
        return candidacy.situation(self._runner.clock.now(), self._runner.stalled())

    @property
    def state(self) -> State:
        """Bootstrap, follower or leader; never leader when the leadership must be doubted."""
        candidacy = self._candidacy
        if candidacy is None:
            return State.BOOTSTRAP
        return candidacy.state if os.getpid() == self._pid else State.FOLLOWER

    def is_bootstrap(self) -> bool:
        """Tell whether the first attempt has not been answered yet."""
        return self.state is State.BOOTSTRAP

    def is_follower(self) -> bool:
        """Tell whether this candidate does not lead."""
        return self.state is State.FOLLOWER

    def is_leader(self) -> bool:
        """Tell whether this candidate leads, by the clock at this moment (P2)."""
        return self.state is State.LEADER

    @property
    def term(self) -> Term | None:
        """The present term while this candidate leads, else None."""
        term = None if self._candidacy is None else self._candidacy.term
        return term if term is not None and term.is_valid() else None

    @overload
    def wait_for_leadership(self, timeout: None = None) -> Term: ...

    @overload
    def wait_for_leadership(self, timeout: float) -> Term | None: ...

    def wait_for_leadership(self, timeout: float | None = None) -> Term | None:
        """
        Block until this candidate leads.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Returns:
            The valid term, or None when *timeout* has passed: not being elected is a value. `situation` tells why.

        Raises:
            CallbackError, BackendRejectedError: What ended the election.
            InvalidStateError: It was not started, is closed, or belongs to the parent of this process.
        """
        self._refuse_fork()
        candidacy = self._candidacy
        if candidacy is None:
            raise InvalidStateError("the election is not started: use start(), or a with block")
        # The term that was seen, not another look: that may find it over already.
        term = candidacy.wait_for(lambda: self.term or self._closed or candidacy.finished, timeout)
        if isinstance(term, Term):
            return term
        if not term:
            return None
        if ending.has_begun() and threading.current_thread().daemon:
            threading.Event().wait()  # Python is about to stop this thread; until then there is nobody to tell
        self._raise_error()
        raise InvalidStateError("the election is closed")

    def relinquish(self) -> None:
        """
        Hand over, and stay a candidate. The term is over when this returns; the rest follows in the background.

        The claim is given up when all callbacks of the term have returned (P6), or after `handover_timeout`.
        This candidate then stands aside until another leads or `cooldown` has passed.

        Raises:
            InvalidStateError: This candidate does not lead; says what it is instead.
        """
        self._refuse_fork()
        term = self.term
        if term is None or self._candidacy is None:
            raise InvalidStateError(f"invalid election state: only a leader can hand over, and {self.situation}")
        term._end(Reason.RELINQUISHED)
        self._runner.post(self._candidacy, RelinquishAsked())

    @property
    def eligible(self) -> bool:
        """
        Whether this candidate may lead; can be set at any time, on any thread.

        Set to False, a leader hands over, and a follower leaves the queue. It goes on seeing who leads, and campaigns
        again when it is set to True. The term is over when the assignment returns; the rest follows in the background.
        """
        return self._eligible if self._candidacy is None else self._candidacy.eligible

    @eligible.setter
    def eligible(self, eligible: bool) -> None:
        self._refuse_fork()
        with self._lock:
            self._eligible = bool(eligible)
            candidacy = self._candidacy
        if candidacy is not None:
            self._runner.set_eligible(candidacy, eligible=bool(eligible))

    @property
    def info(self) -> str | None:
        """
        What others are shown of this candidate while it leads, such as its address; can be set at any time.

        It counts from the next term on: what it is when a term begins is shown as long as that lasts, in
        `LeaderRecord.info`. Where the backend keeps none, the log says so.

        Raises:
            ConfigurationError: It is set to something else than None, or a text of 1 to 255 characters.
        """
        return self._info

    @info.setter
    def info(self, info: str | None) -> None:
        self._refuse_fork()
        check_info(info)
        with self._lock:
            self._info = info
            if self._candidacy is not None:
                self._candidacy.introduce(info)
                self._candidacy.tell_of_info()

    # ------------------------------------------------------------ inside

    def _leave(self) -> float:
        """Begin to leave. Returns the seconds that it may take, or 0.0 where it cannot be waited for. Never blocks."""
        if os.getpid() != self._pid:
            return 0.0  # a forked child has nothing to leave (P9)
        with self._lock:
            self._closed = True
            candidacy = self._candidacy
        if candidacy is None:
            return 0.0
        self._runner.leave(candidacy)
        if candidacy.dispatcher.is_inside():
            return 0.0
        return self.config.close_timeout + 3 * self.config.request_timeout

    def _has_left(self, timeout: float) -> bool:
        """Wait *timeout* seconds at most, and tell whether everything is given up and free."""
        candidacy = self._candidacy
        assert candidacy is not None
        has_left = candidacy.has_finished(timeout) and self._runner.join(timeout)
        return has_left and (self._will is None or self._will.end(timeout))

    def _complain(self, limit: float) -> None:
        assert self._candidacy is not None
        doing = self._candidacy.dispatcher.current or "the backend"
        _log.error("%r is not closed after %g s: waiting for %s", self, limit, doing)

    def _enter(self) -> LeaderElector:
        if self._elector is not None:
            return self._elector
        assert self.address is not None
        assert self._backend is not None
        self._backend = self._runner.share(self.address, self._settings, self._backend)
        return self._backend.elector(self.config.name, self.candidate)

    def _make_will(self, elector: LeaderElector) -> None:
        can = elector.capabilities.testament
        if can:
            from .executor.will import Will  # noqa: PLC0415 - as above

            assert self.address is not None
            self._will = Will(self.address, self._settings, self.config.name)
        elif elector.capabilities.expiry:
            _log.warning("%r: relinquish_on_crash does nothing: %s", self, can.detail)

    def _listeners(self) -> Listeners:
        config = self.config
        leader, follower = config.leader_callback, config.follower_callback
        return Listeners(
            leader=None if leader is None else lambda: leader(self),
            follower=None if follower is None else lambda: follower(self),
            elected=config.on_elected,
            deposed=config.on_deposed,
            settle=self._settle,
            leader_changed=config.on_leader_changed,
            will=self._will,
        )

    def _raise_error(self) -> None:
        error = None if self._candidacy is None else self._candidacy.error
        if error is not None:
            raise error

    def _refuse_fork(self) -> None:
        if os.getpid() != self._pid:
            raise InvalidStateError(
                "this process was forked from the candidate's: make a LeaderElection of its own here"
            )


def _new_id() -> str:
    return f"{os.uname().nodename}:{os.getpid()}:{os.urandom(4).hex()}"


def check_config(config: object) -> None:
    """Refuse what is no config."""
    if not isinstance(config, LeaderElectionConfig):
        raise ConfigurationError(
            f"config must be a LeaderElectionConfig, not {shorten(config)}: write "
            "LeaderElectionConfig(lock_id=…) and give it in front of the elector"
        )


def _refuse_coroutines(config: LeaderElectionConfig) -> None:
    for name in ("leader_callback", "follower_callback", "on_elected", "on_deposed", "on_leader_changed"):
        if inspect.iscoroutinefunction(getattr(config, name)):
            raise ConfigurationError(f"{name} is a coroutine function: use AsyncLeaderElection, or a plain function")
