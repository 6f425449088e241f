"""The settings of one candidate: validated, completed and frozen when they are built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from math import inf
from typing import TYPE_CHECKING, Any

from .address import shorten
from .errors import ConfigurationError
from .fields import Duration, Seconds, check_info, check_lock_id, check_number, check_text, seconds
from .schedule import Cron, Every, parse_spec

if TYPE_CHECKING:
    from .elector import LeaderRecord
    from .instrumentation import ElectionObserver
    from .state import Reason
    from .term import Term

__all__ = ["DEFAULT_RELINQUISH_INTERVAL", "Callback", "LeaderElectionConfig", "lifetime"]

#: How long a leader leads if nothing else is said, seconds.
DEFAULT_RELINQUISH_INTERVAL = 300.0

#: Gets the `LeaderElection` (or `AsyncLeaderElection`) that it is a callback of. An exception is the error.
Callback = Callable[[Any], object]

#: The rate at which clocks may run apart, and the margin that is left over, seconds and share (P1, P3).
CLOCK_RATE = 0.01
MARGIN, MARGIN_SHARE = 1.0, 0.05
#: Who has this preference starts at once when nobody leads.
MOST_PREFERRED = 100


def lifetime(guarantee: float) -> float:
    """Return how long a term may last without renewal if the backend keeps the claim for *guarantee* seconds (P3)."""
    if guarantee == inf:
        return inf
    return guarantee * (1.0 - CLOCK_RATE) - max(MARGIN, MARGIN_SHARE * guarantee)


@dataclass(frozen=True)
class LeaderElectionConfig:
    """
    What a candidate campaigns for, and how. Immutable.

    Durations are seconds (`float`) or `timedelta`, and are seconds afterwards. What is None and not
    said to be a switch is replaced by its default, so that the object shows what is in force.

    Attributes:
        lock_id: The election's name: 1 to 255 characters in segments between '/', or an unsigned 64-bit int.
        relinquish_interval: Hand over after this long. 0 means `DEFAULT_RELINQUISH_INTERVAL`; None turns it off. The
            callbacks must return then, for nobody leads until they have: see `handover_timeout`.
        relinquish_interval_spec: Hand over by this schedule instead: cron, `@hourly`, `@every 1h30m`,
            `CRON_TZ=Europe/Berlin 0 3 * * *`.
        leader_check_interval: Between two checks of a leader, each of which renews. Default: a fifth of the term's
            lifetime.
        follower_check_interval: Between two attempts of a follower. Default: `leader_check_interval`.
        leader_callback: Runs when this candidate becomes leader, and at every check while it is. To return when the
            term is over.
        follower_callback: Runs when this candidate becomes follower, and at every attempt while it is.
        on_elected: Runs once when a term begins. To return when the term is over.
        on_deposed: Runs once when that term has ended, with the reason.
        on_leader_changed: Runs when another candidate is seen leading than before. Needs an elector that can observe.
        candidate: This candidate's unique id. Default: `host:pid:random`.
        ttl: How long the backend keeps a silent leader's claim.
        renew_deadline: A leader that could not renew for this long is deposed. Default: three quarters of the term's
            lifetime.
        request_timeout: How long one request to the backend may take. Default: a fifth of the term's lifetime, at most
            2 s.
        cooldown: How long to stand aside after a hand-over, unless another leads earlier. Default: two attempts' time.
        close_timeout: How long `close` waits for callbacks and backend. Default: `ttl`.
        handover_timeout: How long the claim of a term that is over is kept for callbacks that do not return. Then
            another may lead while they still run, and this candidate does not campaign until they have returned.
            Default: for as long as they take.
        observer: Is told what happens to this candidate, for metrics and the like; it cannot hold anything up.
        steering: Whether requests of operators are heeded, as `incumbent relinquish` makes them. Needs an elector that
            can observe, and the right to read the election `NAME.control`.
        eligible: Whether this candidate may lead, to begin with: see `LeaderElection.eligible`.
        health: Says whether this candidate is fit to lead: called every `health_interval` on a thread of the library.
            What is false, raises, or has not returned after that time is a failure; after `health_failures` in a row a
            leader hands over and a follower leaves the queue, until it says yes again. Before the first yes it does not
            campaign.
        health_interval: From one look at the health to the next.
        health_failures: So many failures in a row are taken for ill health.
        preference: From 0 to 100: who should lead if it can; the larger is preferred, and 100 starts at once when
            nobody leads. Lower ones wait for up to a `follower_check_interval`. Who follows a leader of lower
            preference for `min_term` asks for the office. Implies `steering`. None: starts at once, asks for nothing,
            and counts as 0.
        min_term: For how long a leader leads at least before a preferred candidate may have the office.
        info: What others are shown of this candidate while it leads, such as its address: 1 to 255 characters, to begin
            with: see `LeaderElection.info`.
        relinquish_on_crash: Whether a small process beside this one, the executor, gives the claim up as soon as the
            kernel has shown that this process is dead, and each child that it has forked; so a crash does not cost the
            ttl. All elections of the process share it, and it ends with them. A program that is to keep the claim
            while it runs inherits `Term.descriptors`. Needs the URL of an elector.

    Raises:
        ConfigurationError: One line that names the field, its value and the rule.
    """

    lock_id: str | int
    relinquish_interval: Duration | None = 0.0
    relinquish_interval_spec: str | None = None
    leader_check_interval: Seconds = Seconds()
    follower_check_interval: Seconds = Seconds()
    leader_callback: Callback | None = None
    follower_callback: Callback | None = None
    on_elected: Callable[[Term], object] | None = None
    on_deposed: Callable[[Term, Reason], object] | None = None
    on_leader_changed: Callable[[LeaderRecord], object] | None = None
    candidate: str | None = None
    ttl: Seconds = Seconds(15.0)
    renew_deadline: Seconds = Seconds()
    request_timeout: Seconds = Seconds()
    cooldown: Seconds = Seconds(zero=True)
    close_timeout: Seconds = Seconds()
    handover_timeout: Seconds = Seconds(endless=True)
    observer: ElectionObserver | None = None
    steering: bool = False
    eligible: bool = True
    health: Callable[[], object] | None = None
    health_interval: Seconds = Seconds(10.0)
    health_failures: int = 3
    preference: int | None = None
    min_term: Seconds = Seconds(60.0)
    info: str | None = None
    relinquish_on_crash: bool = False

    def __post_init__(self) -> None:
        check_lock_id(self.lock_id)
        if self.candidate is not None:
            check_text("candidate", self.candidate)
        check_info(self.info)
        for name in ("leader_callback", "follower_callback", "on_elected", "on_deposed", "on_leader_changed"):
            value = getattr(self, name)
            if value is not None and not callable(value):
                raise ConfigurationError(f"{name} must be callable, not {shorten(value)}")
        for name in ("steering", "eligible", "relinquish_on_crash"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(f"{name} {shorten(getattr(self, name))} must be True or False")
        if self.health is not None and not callable(self.health):
            raise ConfigurationError(f"health must be callable, not {shorten(self.health)}")
        if iscoroutinefunction(self.health):
            raise ConfigurationError(
                "health is a coroutine function: it is called on a thread, also by asyncio's elections"
            )
        check_number("health_failures", self.health_failures, 1, 1000)
        if self.preference is not None:
            check_number("preference", self.preference, 0, MOST_PREFERRED)
            object.__setattr__(self, "steering", True)
        if self.observer is not None:
            _check_observer(self.observer)
        self._complete()
        self._check_relations()
        object.__setattr__(self, "_schedule", self._make_schedule())

    @property
    def name(self) -> str:
        """The election's name as text."""
        # Not `str(…)`, which of a member of an enum is the member's name, and not what was validated.
        return str.__str__(self.lock_id) if isinstance(self.lock_id, str) else int.__repr__(self.lock_id)

    @property
    def head_start(self) -> float:
        """For how long more preferred candidates are let go first when nobody leads, seconds."""
        lacking = 0 if self.preference is None else MOST_PREFERRED - self.preference
        return lacking / MOST_PREFERRED * self.follower_check_interval

    @property
    def schedule(self) -> Every | Cron | None:
        """When a term ends by itself."""
        schedule: Every | Cron | None = self.__dict__["_schedule"]
        return schedule

    def _complete(self) -> None:
        life = lifetime(self.ttl)
        if life <= 0.0:
            raise ConfigurationError(
                f"ttl {self.ttl:g} s is too short: {self.ttl:g} x {1 - CLOCK_RATE} - "
                f"{max(MARGIN, MARGIN_SHARE * self.ttl):g} s margin leaves {life:g} s to lead; make it at least 2"
            )
        fields = vars(LeaderElectionConfig)  # not `type(self)`: a subclass only inherits them
        fields["leader_check_interval"].complete(self, life / 5)
        fields["follower_check_interval"].complete(self, self.leader_check_interval)
        fields["renew_deadline"].complete(self, 0.75 * life)
        fields["request_timeout"].complete(self, min(2.0, life / 5))
        fields["cooldown"].complete(self, 2 * self.follower_check_interval)
        fields["close_timeout"].complete(self, self.ttl)
        fields["handover_timeout"].complete(self, inf)
        if self.relinquish_interval is not None:
            interval = seconds("relinquish_interval", self.relinquish_interval, zero=True)
            object.__setattr__(self, "relinquish_interval", interval or DEFAULT_RELINQUISH_INTERVAL)

    def _check_relations(self) -> None:
        check, request, renew = self.leader_check_interval, self.request_timeout, self.renew_deadline
        life = lifetime(self.ttl)
        if check + request >= renew:
            raise ConfigurationError(
                f"leader_check_interval ({check:g} s) + request_timeout ({request:g} s) must be less than "
                f"renew_deadline ({renew:g} s), or one slow answer ends the leadership"
            )
        if renew >= life:
            raise ConfigurationError(
                f"renew_deadline ({renew:g} s) must be less than the deadline, which ttl {self.ttl:g} s puts at "
                f"{life:g} s (ttl x {1 - CLOCK_RATE} - margin)"
            )

    def _make_schedule(self) -> Every | Cron | None:
        if self.relinquish_interval_spec is not None:
            try:
                return parse_spec(self.relinquish_interval_spec)
            except ConfigurationError as error:
                raise ConfigurationError(f"relinquish_interval_spec {error}") from None
        if self.relinquish_interval is None:
            return None
        interval = seconds("relinquish_interval", self.relinquish_interval)
        return Every(f"@every {interval:g}s", interval)


def _check_observer(observer: object) -> None:
    from .instrumentation import ElectionObserver  # noqa: PLC0415 - only who is observed pays for all kinds of events

    if not isinstance(observer, ElectionObserver):
        raise ConfigurationError(f"observer {shorten(observer)} must be an instance of an ElectionObserver")
