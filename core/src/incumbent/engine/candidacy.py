"""One candidate on the runner: its terms begin and end here, and its callbacks and observers are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from incumbent.clock import Clock
from incumbent.config import LeaderElectionConfig, lifetime
from incumbent.elector import Backend, Claim, LeaderElector, LeaderRecord
from incumbent.instrumentation import (
    CallbackLate,
    Called,
    ClosingFailed,
    Deposed,
    Elected,
    HandedOver,
    NotAsking,
    NotSteered,
    OutageBegan,
    OutageEnded,
    Renewed,
    Waiting,
)
from incumbent.state import Reason
from incumbent.term import Term

from .dispatch import Dispatcher
from .listeners import Listeners
from .namesake import Namesake
from .phases import Phase
from .standing import Standing
from .telling import Teller
from .workers import Executor

if TYPE_CHECKING:
    from incumbent.errors import CallbackError

__all__ = ["Candidacy"]


class Candidacy(Standing):
    """What the runner has done with one candidate."""

    def __init__(
        self,
        config: LeaderElectionConfig,
        elector: LeaderElector,
        backend: Backend | None,
        listeners: Listeners,
        watchers: list[Callable[[], None]],
        *,
        eligible: bool = True,
    ) -> None:
        super().__init__(config, elector, backend, listeners, watchers, eligible=eligible)
        self._teller = Teller(elector.lock_id, elector.candidate, config.observer)
        #: Whether it may read requests, as far as anybody knows.
        self._is_steered = True
        self._is_asking = True
        #: Whether the observers know that it waits.
        self._waits = False
        #: The term that ended last, why, and when.
        self._ended: tuple[Term, Reason, float] | None = None
        self._reported: tuple[str | None, int | None] | None = None
        self._namesake = Namesake(elector.candidate, config.ttl)

    def attach(self, executor: Executor, failed: Callable[[CallbackError], None], telling: Executor) -> None:
        """Say where the callbacks run, who is told when one raises, and where the observers are called, in order."""
        self.dispatcher = Dispatcher(executor, failed)
        self._teller.attach(telling)

    def tell_of_info(self) -> None:
        """Say it in the log if the info that is to be shown is not kept."""
        keeps = self.elector.capabilities.info
        if self._info is not None and not keeps:
            self._teller.warn("its info is not shown to others: %s", keeps.detail)

    # ------------------------------------------------------------ terms, on the runner's thread

    def begin_term(self, claim: Claim, deadline: float, clock: Clock) -> None:
        """Make the term and tell the application."""
        elector, will = self.elector, self.listeners.will
        if will is not None:
            will.leave(claim.testament)
        term = Term(
            lock_id=elector.lock_id,
            candidate=elector.candidate,
            token=claim.token,
            deadline=deadline,
            clock=clock,
            descriptors=claim.descriptors if will is None else (*claim.descriptors, *will.descriptors),
            testament=claim.testament,
        )
        self._term_info = elector.info if elector.capabilities.info else None
        self._change(term=term)
        self._waits = False
        announce = self.dispatcher.then if self.listeners.elected is None else self.dispatcher.put
        announce("on_elected", lambda: self._announce(term), wanted=term.is_valid)  # who is to work is told first
        self._teller.tell(Elected, term=term)
        self.tell_leader()
        self.tell_record(self._own_record(term))

    def _announce(self, term: Term) -> object:
        """Say that *term* began. One that is over before its turn comes is never mentioned (P6)."""
        self._announced = term
        return None if self.listeners.elected is None else self.listeners.elected(term)

    def extend_term(self, deadline: float, testament: str) -> bool:
        """Note that the term was renewed; False if somebody has seen its deadline pass before."""
        term = self.term
        assert term is not None
        left = term.remaining()
        term.testament = testament
        if self.listeners.will is not None:
            self.listeners.will.leave(testament)
        if not term._extend(deadline):  # or somebody ends it in this moment, whose event comes next
            return term.reason is not None
        is_late = left < lifetime(self.config.ttl) / 2
        if is_late or self._teller.is_observed:
            self._teller.tell(Renewed, term=term, left=left, late=is_late)
        return True

    def end_term(self, reason: Reason, now: float, done: Callable[[], object]) -> None:
        """End the term at *now*, tell the application that was told of it, and call *done* when it knows."""
        term = self.term
        assert term is not None
        term._end(reason)
        self._change(term=None)
        self._record = None
        self._ended = term, reason, now
        deposed = self.listeners.deposed
        if deposed is not None:
            self.dispatcher.put("on_deposed", lambda: deposed(term, reason), wanted=lambda: self._announced is term)
        self._teller.tell(Deposed, term=term, reason=reason)
        if self.listeners.settle is not None:
            self.dispatcher.put("the work in during()", self.listeners.settle)
        self.tell_follower()
        self.dispatcher.then("the end of the term", done)

    def abandon(self) -> None:
        """End the term without a word to the application: the engine cannot go on."""
        self.machine.phase = Phase.CLOSED
        if self.term is not None:
            self.term._end(Reason.LOST)
            self.term = None

    # ------------------------------------------------------------ telling

    def tell_leader(self) -> None:
        """Run the leader callback, unless the term is over by then."""
        term, callback = self.term, self.listeners.leader
        if callback is not None and term is not None:
            self.dispatcher.put(
                "leader_callback",
                callback,
                wanted=lambda: self._announced is term and term.is_valid(),
                repeats=True,
            )

    def tell_follower(self) -> None:
        """Run the follower callback."""
        callback = self.listeners.follower
        if callback is not None:
            self.dispatcher.put("follower_callback", callback, repeats=True)
        if self.machine.phase is Phase.FOLLOWER and not self._waits and not self.machine.timing.wants_records:
            self._waits = True
            self._teller.tell(Waiting, leader=None)

    def tell_record(self, record: LeaderRecord) -> None:
        """Report *record* if the leader is another than the one reported before."""
        callback = self.listeners.leader_changed
        shown = record.candidate, record.token
        led = self._namesake.saw(record.candidate if self.machine.phase is Phase.FOLLOWER else None, self.machine.now)
        if led is not None:
            self._teller.warn("another candidate has the same id, and has led for %.0f s: give each its own", led)
        if callback is not None:
            self._record = record  # without that callback it would be asked for once, and grow old
        if shown == self._reported:
            return
        self._reported = shown
        if callback is not None:
            self.dispatcher.put("on_leader_changed", lambda: callback(record))
        if self.machine.phase is Phase.FOLLOWER:
            self._waits = True
            self._teller.tell(Waiting, leader=record)

    # ------------------------------------------------------------ for observers

    def called(self, verb: str, seconds: float, error: Exception | None) -> None:
        """Tell how long a call took."""
        if self._teller.is_observed:
            self._teller.tell(Called, verb=verb, seconds=seconds, error=error)

    def given_up(self, now: float) -> None:
        """Tell that the claim of the last term was given up at *now*."""
        if self._ended is not None:
            term, reason, ended = self._ended
            self._ended = None
            self._teller.tell(HandedOver, term=term, reason=reason, seconds=max(0.0, now - ended))

    def callbacks_late(self, waited: float, *, kept: bool) -> None:
        """Tell which callback does not return, and what that costs."""
        if self.knows:
            return
        name = self.dispatcher.current or "a callback that the system gives no thread"
        if self.term is not None:
            effect = f"the term that began {waited:.0f} s ago is not announced before it does"
        elif kept:
            effect = (
                f"the claim of the term that ended {waited:.0f} s ago is kept for it, and nobody leads; "
                "a callback has to return when its term is not valid any more"
            )
        else:
            effect = f"this candidate, whose term ended {waited:.0f} s ago, does not campaign before it does"
        self._teller.tell(CallbackLate, callback=name, seconds=waited, effect=effect)

    def outage_began(self, error: Exception) -> None:
        """Tell of the first failure in a row."""
        self._teller.tell(OutageBegan, error=error)

    def outage_ended(self, now: float) -> None:
        """Tell that it is over at *now*."""
        self._teller.tell(OutageEnded, seconds=max(0.0, now - self.machine.failing_since))

    def not_steered(self, error: Exception | None) -> None:
        """Tell why it heeds no requests, the first time; None: it does."""
        is_new, self._is_steered = error is not None and self._is_steered, error is None
        if is_new:
            self._teller.tell(NotSteered, error=error)

    def not_asking(self, error: Exception) -> None:
        """Tell why it may not ask for the office, the first time."""
        if self._is_asking:
            self._is_asking = False
            self._teller.tell(NotAsking, error=error)

    def closing_failed(self, what: str, failure: Exception) -> None:
        """Tell what could not be closed."""
        self._teller.tell(ClosingFailed, what=what, error=failure)
