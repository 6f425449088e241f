"""Sees to what goes on beside the machine: requests, asking for the office, who is fit for it, notices for others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from incumbent.clock import Clock
from incumbent.elector import LeaderElector, LeaderRecord
from incumbent.state import Reason

from . import events as ev
from .calls import ask
from .candidacy import Candidacy
from .phases import Phase
from .steering import LOOK
from .timers import Timers

__all__ = ["Attendant", "Desk"]

#: The timers that are none of the machine's.
BESIDE = tuple(ev.Due(timer) for timer in (ev.Timer.LOOK, ev.Timer.HEALTH, ev.Timer.ASK, ev.Timer.NOTICE))


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The runner, as far as it is needed here."""

    clock: Clock
    jitter: Callable[[], float]
    timers: Timers
    #: Has an event handled. Any thread may call this, and what follows.
    post: Callable[[Candidacy, ev.Event], None]
    #: Has a job done on a thread for calls into backends, or on one for callbacks.
    call: Callable[[Callable[[], None]], None]
    call_back: Callable[[Callable[[], None]], None]
    #: Closes something of a candidate, which is named; and an elector after a call that its candidate has not outlived.
    free: Callable[[Candidacy, str, Callable[[], object]], None]
    clear_up: Callable[[Candidacy, LeaderElector], None]


class Attendant:
    """What a runner does for candidates that heed requests, are preferred, or have a health. Where the machine runs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def takes(self, candidate: Candidacy, event: ev.Event) -> bool:
        """Handle *event* if it is none of the machine's; tell whether it was not."""
        if not isinstance(event, ev.RequestSeen | ev.HealthSaid | ev.FitnessChanged) and event not in BESIDE:
            return False
        if candidate.machine.phase is not Phase.CLOSED:  # else it would go on for ever
            self._attend(candidate, event)
        return True

    def _attend(self, candidate: Candidacy, event: ev.Event) -> None:
        if isinstance(event, ev.RequestSeen):
            self._asked(candidate, event)
        elif isinstance(event, ev.HealthSaid):
            self._hear_health(candidate, event)
        elif isinstance(event, ev.FitnessChanged):
            self.settle(candidate)
        elif event == ev.Due(ev.Timer.LOOK):
            if candidate.looks:  # an older answer must not come after a newer one
                candidate.looks_again = True
            else:
                candidate.looks, candidate.looks_again = True, False
                self._desk.call(partial(self._look, candidate))
        elif event == ev.Due(ev.Timer.ASK):
            self._plead(candidate)
        elif event == ev.Due(ev.Timer.NOTICE):
            self._keep_notice(candidate)
        else:
            self._ask_health(candidate)

    # ------------------------------------------------------------ requests of operators

    def led(self, candidate: Candidacy) -> None:
        """Take it that *candidate* leads."""
        if candidate.steering is not None:
            candidate.steering.led()
            self._steer(candidate)
        self._saw_term(candidate, None)

    def saw(self, candidate: Candidacy, record: LeaderRecord) -> None:
        """Take who leads."""
        if candidate.steering is not None:
            candidate.steering.saw(record, self._desk.clock.now())
            self._steer(candidate)
        is_other = record.candidate not in (None, candidate.elector.candidate)
        self._saw_term(candidate, record.token if is_other else None)

    def _steer(self, candidate: Candidacy) -> None:
        """Carry out what follows from the present request."""
        orders = candidate.orders
        self._desk.timers.drop(candidate, ev.Timer.HAND_OVER)
        if orders.hand_over_at is not None:
            self._desk.timers.set(candidate, ev.Timer.HAND_OVER, orders.hand_over_at)
        self._desk.post(candidate, ev.AsideAsked(candidate.aside_until, candidate.is_called))

    def _asked(self, candidate: Candidacy, seen: ev.RequestSeen) -> None:
        """Take who asks for what, and look again when that is told, or after a while."""
        assert candidate.steering is not None
        candidate.looks = False
        now = self._desk.clock.now()
        pause = candidate.machine.poll_interval()
        if seen.record is not None and candidate.is_succeeded(seen.record):
            pause = LOOK
        if candidate.looks_again:
            pause = 0.0
        self._desk.timers.set(candidate, ev.Timer.LOOK, now + pause)
        if seen.record is not None or seen.refusal is not None:
            candidate.not_steered(seen.refusal)
            candidate.steering.asked(seen.record or LeaderRecord(candidate.elector.lock_id, None, None), now)
            if seen.candidates is not None:
                candidate.steering.listed(seen.candidates)
            self._steer(candidate)
        if not candidate.has_looked:
            candidate.has_looked = True
            self._desk.post(candidate, ev.Started())

    def _look(self, candidate: Candidacy) -> None:
        """Read who asks for what. On a thread for calls."""
        assert candidate.control is not None
        event = ask(candidate.control, ev.Verb.OBSERVE, self._desk.clock, self._desk.jitter())
        record = event.record if isinstance(event, ev.Observed) else None
        refusal = event.error if isinstance(event, ev.Failed) and event.permanent else None
        named = record is not None and candidate.is_succeeded(record)
        self._desk.clear_up(candidate, candidate.control)
        self._desk.post(candidate, ev.RequestSeen(record, refusal, candidate.listed() if named else None))

    # ------------------------------------------------------------ asking for the office

    def _saw_term(self, candidate: Candidacy, term: int | None) -> None:
        """Take which term of another's there is."""
        asking = candidate.asking
        if asking is not None and asking.saw(term, self._desk.clock.now()):
            self._stop_pleading(candidate)
            self._await_asking(candidate, asking.at)

    def settle(self, candidate: Candidacy) -> None:
        """Have it follow for a while before it asks for the office."""
        asking = candidate.asking
        if asking is not None:
            self._stop_pleading(candidate)
            asking.settle(self._desk.clock.now())
            self._await_asking(candidate, asking.at)

    def _plead(self, candidate: Candidacy) -> None:
        """Ask for the office, or stop asking."""
        asking, now = candidate.asking, self._desk.clock.now()
        assert asking is not None
        if candidate.plea is not None:
            self._stop_pleading(candidate)
            asking.stopped()
        elif candidate.may_ask and asking.term is not None:
            candidate.plea = candidate.new_plea()
            self._desk.call(partial(self._ask, candidate, candidate.plea))
            asking.asks(now)
        else:
            asking.settle(now)
        self._await_asking(candidate, asking.at)

    def _await_asking(self, candidate: Candidacy, at: float) -> None:
        self._desk.timers.drop(candidate, ev.Timer.ASK)
        if at < inf:
            self._desk.timers.set(candidate, ev.Timer.ASK, at)

    def _stop_pleading(self, candidate: Candidacy) -> None:
        plea, candidate.plea = candidate.plea, None
        self._leave(candidate, plea)

    def _ask(self, candidate: Candidacy, plea: LeaderElector) -> None:
        """Have the request there, if none is; once only. On a thread for calls."""
        event = ask(plea, ev.Verb.ACQUIRE, self._desk.clock, self._desk.jitter())
        if isinstance(event, ev.Failed) and event.permanent:
            candidate.not_asking(event.error)
        if not isinstance(event, ev.Granted) or candidate.plea is not plea:
            self._desk.free(candidate, "elector", plea.close)
        self._desk.clear_up(candidate, plea)

    # ------------------------------------------------------------ what others are told

    def waits(self, candidate: Candidacy) -> None:
        """Tell others that *candidate*, whose term has ended, keeps its claim for a callback."""
        if candidate.notice is None:
            candidate.notice = candidate.new_notice()
            self._keep_notice(candidate)

    def gave_up(self, candidate: Candidacy) -> None:
        """Take that the claim is given up."""
        notice, candidate.notice = candidate.notice, None
        if notice is not None:
            self._desk.timers.drop(candidate, ev.Timer.NOTICE)
            self._leave(candidate, notice)

    def _keep_notice(self, candidate: Candidacy) -> None:
        notice = candidate.notice
        if candidate.machine.phase is not Phase.DEPOSED or not candidate.machine.held:
            self.gave_up(candidate)  # the claim was lost meanwhile
        elif notice is not None:
            at = self._desk.clock.now() + candidate.machine.timing.leader_check_interval
            self._desk.timers.set(candidate, ev.Timer.NOTICE, at)
            if not candidate.tells:  # an elector has one call at a time
                candidate.tells = True
                self._desk.call(partial(self._tell_others, candidate, notice))

    def _tell_others(self, candidate: Candidacy, notice: LeaderElector) -> None:
        """Have the notice there; nothing depends on it. On a thread for calls."""
        # Looks first: an attempt at what may not even be read could cost other elections of this backend their news.
        for verb in (ev.Verb.CHECK, ev.Verb.OBSERVE, ev.Verb.ACQUIRE):
            if isinstance(ask(notice, verb, self._desk.clock, self._desk.jitter()), ev.Granted | ev.Failed):
                break
        candidate.tells = False
        if candidate.notice is not notice:
            self._desk.free(candidate, "elector", notice.close)
        self._desk.clear_up(candidate, notice)

    def _leave(self, candidate: Candidacy, elector: LeaderElector | None) -> None:
        """Have what *candidate* used beside its own elector closed, if it did."""
        if elector is not None:
            self._desk.call(partial(self._desk.free, candidate, "elector", elector.close))

    # ------------------------------------------------------------ fitness

    def review(self, candidate: Candidacy) -> None:
        """Carry out whether it may lead. Any thread may ask for it; never blocks."""
        self._desk.post(candidate, ev.AsideAsked(candidate.aside_until))
        self._desk.post(candidate, ev.FitnessChanged())
        if not candidate.may_lead:
            if candidate.term is not None:
                candidate.term._end(Reason.NOT_ELIGIBLE)
            self._desk.post(candidate, ev.RelinquishAsked(Reason.NOT_ELIGIBLE))

    def _ask_health(self, candidate: Candidacy) -> None:
        health, config = candidate.health, candidate.config
        assert health is not None
        was_good, look = health.is_good, health.look()
        self._desk.timers.set(candidate, ev.Timer.HEALTH, self._desk.clock.now() + config.health_interval)
        self._desk.call_back(partial(self._listen, candidate, look))
        if health.is_good is not was_good:
            self.review(candidate)

    def _hear_health(self, candidate: Candidacy, said: ev.HealthSaid) -> None:
        health = candidate.health
        assert health is not None
        was_good = health.is_good
        health.said(said.look, is_good=said.is_good)
        if health.is_good is not was_good:
            self.review(candidate)

    def _listen(self, candidate: Candidacy, look: int) -> None:
        """Ask the application whether this candidate is fit to lead. On a thread for callbacks."""
        assert candidate.config.health is not None
        try:
            is_good = bool(candidate.config.health())
        except Exception:
            is_good = False
        self._desk.post(candidate, ev.HealthSaid(look, is_good))
