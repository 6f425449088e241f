"""What goes into the machine (events: facts, past tense) and what comes out (actions: commands)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from incumbent.elector import Claim, LeaderRecord
from incumbent.state import Reason


class Verb(Enum):
    """The elector's methods that the machine can ask for."""

    ACQUIRE = "acquire_leadership"
    CHECK = "check_leadership"
    RELINQUISH = "relinquish_leadership"
    OBSERVE = "observe_leadership"
    WITHDRAW = "withdraw"


class Timer(Enum):
    """The machine's timers. Setting one again replaces it."""

    NEXT = "next call"
    OVERDUE = "call overdue"
    RENEW_DEADLINE = "renew deadline"
    CLOSE_DEADLINE = "close deadline"
    HANDOVER_DEADLINE = "hand-over deadline"
    CALLBACKS_LATE = "callbacks late"
    #: The rest is the runner's: for requests, for the health, for the preference, and for what others are told.
    LOOK = "look at requests"
    HAND_OVER = "hand-over asked for"
    HEALTH = "look at the health"
    ASK = "ask for the office, or no more"
    NOTICE = "keep the notice that a callback is waited for"


@dataclass(frozen=True)
class Bare:
    """What says all by its kind. These kinds inherit from it, for the making of a dataclass takes its time."""

    __slots__ = ()


# ---------------------------------------------------------------- events


class Woken(Bare):
    """Nothing has happened, but there may be something to do earlier than the runner's thread knows."""

    __slots__ = ()


class Started(Bare):
    """The candidate was told to campaign."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Due:
    """A timer's time has come."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class Granted:
    """Acquire or check answered with a claim."""

    claim: Claim


class Refused(Bare):
    """Acquire answered that another candidate leads."""

    __slots__ = ()


class Gone(Bare):
    """Check answered that the claim is gone for good."""

    __slots__ = ()


class Relinquished(Bare):
    """Relinquish answered: nothing is held any more."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """Observe answered."""

    record: LeaderRecord


@dataclass(frozen=True, slots=True)
class Failed:
    """A call raised. *jitter* in [0, 1) comes from outside: the machine has no randomness."""

    error: Exception
    permanent: bool = False
    jitter: float = 0.5


class Notified(Bare):
    """The backend says that something changed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class RelinquishAsked:
    """The application or its schedule wants a hand-over."""

    reason: Reason = Reason.RELINQUISHED


@dataclass(frozen=True, slots=True)
class AsideAsked:
    """
    The candidate is not to be elected before *until*; `inf` for as long as nothing else is said.

    *called* tells that it is to lead next, after another's term: that it has handed over itself does not keep it.
    """

    until: float
    called: bool = False


@dataclass(frozen=True, slots=True)
class RequestSeen:
    """Who asks for what was read; None if it could not be, for now, or as *refusal* says because it may not be."""

    record: LeaderRecord | None
    refusal: Exception | None = None
    #: Who is a candidate, if that was looked for: a leader that is to hand over to one of them wants to know.
    candidates: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class HealthSaid:
    """The application was asked whether this candidate is fit to lead, and has answered that look."""

    look: int
    is_good: bool


class FitnessChanged(Bare):
    """The candidate may lead from now on, or may not."""

    __slots__ = ()


class Withdrawn(Bare):
    """It has left the queue, if there is one."""

    __slots__ = ()


class StopAsked(Bare):
    """The candidate is to leave the election."""

    __slots__ = ()


class CallbacksReturned(Bare):
    """Every callback that tells of the ended term has returned."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CallbackRaised:
    """A callback raised; *error* is the `CallbackError` to end with."""

    error: Exception


Event = (
    Woken
    | Started
    | Due
    | Granted
    | Refused
    | Gone
    | Relinquished
    | Observed
    | Failed
    | Notified
    | RelinquishAsked
    | AsideAsked
    | RequestSeen
    | HealthSaid
    | FitnessChanged
    | Withdrawn
    | StopAsked
    | CallbacksReturned
    | CallbackRaised
)


# ---------------------------------------------------------------- actions


@dataclass(frozen=True, slots=True)
class Call:
    """Call the elector. Never asked for while another call is out."""

    verb: Verb


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send `Due(timer)` at *at*, seconds on the clock of `handle`."""

    timer: Timer
    at: float


@dataclass(frozen=True, slots=True)
class BeginTerm:
    """A term begins: make it, arm its schedule, tell the application."""

    claim: Claim
    deadline: float


@dataclass(frozen=True, slots=True)
class ExtendTerm:
    """The present term was renewed."""

    deadline: float
    testament: str = ""


@dataclass(frozen=True, slots=True)
class EndTerm:
    """
    The present term is over: it turns invalid now, and the application is told that it follows.

    Answered with `CallbacksReturned` when every callback that tells so has returned.
    """

    reason: Reason


class TellFollower(Bare):
    """Run the follower callback: the state was entered, or checked once more."""

    __slots__ = ()


class TellLeader(Bare):
    """Run the leader callback: the claim was checked once more."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TellRecord:
    """Somebody's leadership was observed."""

    record: LeaderRecord


@dataclass(frozen=True, slots=True)
class CallbacksLate:
    """
    A term has begun, or has ended, so many seconds ago, and the application may not know yet.

    *kept* tells whether the claim of one that has ended is kept for it.
    """

    waited: float
    kept: bool


@dataclass(frozen=True, slots=True)
class OutageBegan:
    """The first call in a row has failed; the next ones are not reported."""

    error: Exception


class OutageEnded(Bare):
    """The backend answers again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The candidate has left: close its elector. *error* is what `run` raises."""

    error: Exception | None


Action = (
    Call
    | SetTimer
    | BeginTerm
    | ExtendTerm
    | EndTerm
    | TellFollower
    | TellLeader
    | TellRecord
    | CallbacksLate
    | OutageBegan
    | OutageEnded
    | Finish
)
