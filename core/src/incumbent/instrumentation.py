"""What a candidate tells of itself while it runs: the observer that anybody can be, and the one that writes the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from .elector import LeaderRecord
from .state import VOLUNTARY, Reason
from .term import Term

__all__ = [
    "CallbackLate",
    "Called",
    "ClosingFailed",
    "Deposed",
    "Elected",
    "ElectionObserver",
    "HandedOver",
    "LoggingObserver",
    "NotAsking",
    "NotSteered",
    "OutageBegan",
    "OutageEnded",
    "Renewed",
    "Told",
    "Waiting",
]

_log = logging.getLogger("incumbent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that has happened to the candidate *candidate* of the election *election*, the lock id."""

    election: str
    candidate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting(Told):
    """
    It does not lead. Told again when another leads.

    Attributes:
        leader: Who does; its `candidate` is None if nobody leads. None: not known, for it costs a request, which only
            `on_leader_changed` asks for.
    """

    leader: LeaderRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elected(Told):
    """A term has begun."""

    term: Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed(Told):
    """
    A term was renewed.

    Attributes:
        term: The term.
        left: Seconds that were left of it; `inf` where terms do not end by time.
        late: Whether more than half of it had passed.
    """

    term: Term
    left: float
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposed(Told):
    """A term has ended, for *reason*."""

    term: Term
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Told):
    """The claim of a term that ended for *reason* was given up *seconds* later: another can lead from now on (P6)."""

    term: Term
    reason: Reason
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Called(Told):
    """A call into the backend, such as `check_leadership`, took *seconds*; *error* is what it raised."""

    verb: str
    seconds: float
    error: Exception | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageBegan(Told):
    """A call has failed with *error*, or does not return. The next ones in a row are not told."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageEnded(Told):
    """The backend answers again, after *seconds*."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackLate(Told):
    """A term's beginning or end has waited for *callback* for *seconds*; *effect* says what that costs."""

    callback: str
    seconds: float
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSteered(Told):
    """Requests may not be read, as *error* says, so none is heeded. Told again only if they could be read meanwhile."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAsking(Told):
    """A candidate that is preferred may not ask for the office, as *error* says. Told once."""

    error: Exception


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingFailed(Told):
    """What was closed at the end, "elector" or "backend", raised *error*."""

    what: str
    error: Exception


#: What the log says as INFO only.
WELL = frozenset((Waiting, Elected, HandedOver, OutageEnded))


class ElectionObserver:
    """
    Is told what happens to candidates.

    Override what you want to know, and give an instance to `LeaderElectionConfig(observer=…)`; one may serve any
    number of elections. The methods are called one at a time, in the order in which things have happened, on a thread
    of the engine's own that no election waits for: one that blocks learns of the rest later. What a method raises is
    logged, the first time, and changes nothing. To start and stop work there are the callbacks of the config, which are
    waited for.
    """

    def waiting(self, event: Waiting) -> None:
        """Learn that it does not lead, and who does."""

    def elected(self, event: Elected) -> None:
        """Learn that a term has begun."""

    def renewed(self, event: Renewed) -> None:
        """Learn that a term was renewed, and whether that was late."""

    def deposed(self, event: Deposed) -> None:
        """Learn that a term has ended, and why."""

    def handed_over(self, event: HandedOver) -> None:
        """Learn that the claim of a term was given up."""

    def called(self, event: Called) -> None:
        """Learn how long a call into the backend took, and whether it failed."""

    def outage_began(self, event: OutageBegan) -> None:
        """Learn that the backend does not answer."""

    def outage_ended(self, event: OutageEnded) -> None:
        """Learn that it answers again."""

    def callback_late(self, event: CallbackLate) -> None:
        """Learn that a callback does not return."""

    def not_steered(self, event: NotSteered) -> None:
        """Learn that it may not read what operators ask for."""

    def not_asking(self, event: NotAsking) -> None:
        """Learn that it may not ask for the office."""

    def closing_failed(self, event: ClosingFailed) -> None:
        """Learn that something could not be closed."""


class LoggingObserver(ElectionObserver):
    """
    Writes to the logger `incumbent`: INFO for what goes well, WARNING for what somebody should look at.

    Every candidate has one. The records have the attributes `election`, `candidate`, `token` and `reason`, the last two
    None where there is nothing to say.
    """

    def waiting(self, event: Waiting) -> None:
        """Log who leads, if that is known."""
        leader = event.leader
        if leader is None:
            self._say(logging.INFO, event, "waiting: another candidate leads")
        elif leader.candidate is None:
            self._say(logging.INFO, event, "waiting: nobody leads")
        else:
            text = "waiting: %s leads, token %s"
            self._say(logging.INFO, event, text, leader.candidate, leader.token, token=leader.token)

    def elected(self, event: Elected) -> None:
        """Log the token."""
        self._say(logging.INFO, event, "elected, token %d", event.term.token, token=event.term.token)

    def renewed(self, event: Renewed) -> None:
        """Log it if it came late."""
        if event.late:
            token = event.term.token
            self._say(
                logging.WARNING, event, "renewed late, token %d: %.1f s were left", token, event.left, token=token
            )

    def deposed(self, event: Deposed) -> None:
        """Log why; as a warning unless somebody has asked for it."""
        level = logging.INFO if event.reason in VOLUNTARY else logging.WARNING
        token, reason = event.term.token, event.reason.value
        self._say(level, event, "deposed, token %d: %s", token, reason, token=token, reason=reason)

    def handed_over(self, event: HandedOver) -> None:
        """Log for how long the claim was kept for callbacks."""
        token, reason = event.term.token, event.reason.value
        text = "handed over, token %d, after %.3f s: %s"
        self._say(logging.INFO, event, text, token, event.seconds, reason, token=token, reason=reason)

    def outage_began(self, event: OutageBegan) -> None:
        """Log the first failure in a row."""
        self._say(logging.WARNING, event, "the backend fails, retrying: %s", event.error)

    def outage_ended(self, event: OutageEnded) -> None:
        """Log for how long it has failed."""
        self._say(logging.INFO, event, "the backend answers again, after %.1f s", event.seconds)

    def callback_late(self, event: CallbackLate) -> None:
        """Log which callback does not return, and what that costs."""
        more = {"callback": event.callback, "waited": event.seconds}
        self._say(logging.WARNING, event, "%s has not returned: %s", event.callback, event.effect, **more)

    def not_steered(self, event: NotSteered) -> None:
        """Log why: it leads and waits all the same."""
        self._say(
            logging.WARNING, event, "requests of operators are not heeded, for they cannot be read: %s", event.error
        )

    def not_asking(self, event: NotAsking) -> None:
        """Log why: it waits until the leader goes."""
        self._say(logging.WARNING, event, "it is preferred, and may not ask for the office: %s", event.error)

    def closing_failed(self, event: ClosingFailed) -> None:
        """Log what could not be closed: the message of a foreign error may hold a secret, its type does not."""
        self._say(logging.WARNING, event, "closing its %s failed: %s", event.what, type(event.error).__name__)

    def _say(self, level: int, event: Told, text: str, *values: object, **more: object) -> None:
        facts = {"election": event.election, "candidate": event.candidate, "token": None, "reason": None, **more}
        _log.log(level, f"<%s of %s>: {text}", event.candidate, event.election, *values, extra=facts)
