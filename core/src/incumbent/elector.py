"""The plugin contract: what a package must bring so that an election can run on its store.

Two levels, because one process may stand in thousands of elections:

- a `Backend` is one way to reach one store (one connection, one lease or session, one watch),
  shared by all elections of the process that use the same URL and settings;
- a `LeaderElector` is one candidate of one election on that backend.

Rules that hold for every method:

1. A single, bounded attempt. Never wait for another candidate, never retry, never sleep: waiting is
   the runner's work. Give every request `settings.request_timeout` as its timeout (P10).
2. "No" is a value (`None`), trouble is an exception: `BackendUnavailableError` when the outcome is
   unknown, `BackendRejectedError` when asking again cannot help. Nothing else may be raised but
   `InvalidStateError`; map the client library's exceptions and keep them as `__cause__`.
3. The runner calls the methods of one elector one at a time, from changing threads. Electors of
   one backend are called concurrently. `close` may overlap a call that hangs.
4. Start no thread and open no connection before the first call that needs it, and leave none after
   `Backend.close` (P8).

`incumbent.testing` holds the suite that checks every sentence of this page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from .clock import boottime
from .errors import InvalidStateError

if TYPE_CHECKING:
    from .address import Address

#: The id under which somebody who only looks speaks to a backend. It never becomes a candidate.
OBSERVER = "observer"

__all__ = [
    "CONTRACT_VERSION",
    "OLDEST_CONTRACT",
    "Backend",
    "BackendSettings",
    "Capabilities",
    "Claim",
    "Finding",
    "LeaderElector",
    "LeaderRecord",
    "Support",
    "no",
    "yes",
]

#: The contract of this page. Grows when the core needs something that plugins written before it do not have.
CONTRACT_VERSION = 1
#: The oldest contract that the core still serves: `docs/versioning.md` says for how long.
OLDEST_CONTRACT = 1


@dataclass(frozen=True, slots=True)
class Support:
    """
    Whether a backend can do something, and why not (or in which way).

    Attributes:
        supported: Whether it can.
        detail: Why not, or in which way; for people.
    """

    supported: bool
    detail: str = ""

    def __bool__(self) -> bool:
        return self.supported


def yes(detail: str = "") -> Support:
    """Declare a capability."""
    return Support(True, detail)


def no(reason: str) -> Support:
    """Declare that a capability is missing. *reason* is shown to users, so it says why."""
    return Support(False, reason)


#: What a package declares that was written before there was such a thing.
OLDER = no("its package is older than that")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """
    What a backend can do: read by the engine, the documentation and the conformance suite.

    Attributes:
        push: Calls `LeaderElector.notify` by itself when the answer of a method may have changed.
        observe: `LeaderElector.observe_leadership` works.
        candidates: The records it returns list the candidates, the leader among them.
        fencing_across_restarts: Tokens keep growing when the backend itself is restarted.
        expiry: A silent candidate's claim ends after the ttl, though its process lives. `no` where it ends with the
            process.
        interoperates: Tools of other projects that take part in the same election.
        info: The record that `LeaderElector.observe_leadership` returns shows the leader's `LeaderElector.info`.
        listing: `Backend.elections` works.
        testament: Each claim has a `Claim.testament`, and `Backend.execute` works.
        ttl_range: Shortest and longest ttl that the backend grants, seconds.
    """

    push: Support
    observe: Support
    candidates: Support
    fencing_across_restarts: Support
    expiry: Support
    interoperates: Support
    info: Support = OLDER
    listing: Support = OLDER
    testament: Support = OLDER
    ttl_range: tuple[float, float] = (0.0, float("inf"))


@dataclass(frozen=True, slots=True)
class Claim:
    """
    Proof of leadership, as the backend gave it.

    Attributes:
        token: The fencing token: grows from term to term of one election, for ever (P4).
        guarantee: Seconds after *sent* during which the backend is bound to keep the claim; `inf`: until this process
            ends. The term lasts accordingly, whatever the ttl is; if that is not longer than the renew deadline, the
            election ends for good.
        sent: `BackendSettings.clock` read *before* the granting or renewing request was sent (P2).
        descriptors: File descriptors whose being open *is* the claim: a process that inherits them keeps it. Empty for
            the claim of a server.
        testament: What `Backend.execute` ends this very term with, in any process, should its own have died: printable
            ASCII without a blank, 1,000 characters at most, and no secret in it. That of the last claim of a term
            counts. Empty if the backend does not declare *testament*.
    """

    token: int
    guarantee: float
    sent: float
    descriptors: tuple[int, ...] = ()
    testament: str = ""


@dataclass(frozen=True, slots=True)
class LeaderRecord:
    """
    What the backend shows of an election: data from others, to be printed with care.

    Attributes:
        lock_id: Name of the election.
        candidate: The leader's id, or None while nobody leads.
        token: The leader's token, or None while nobody leads.
        since: When the leader was elected, seconds since the Unix epoch by the leader's clock, if known: some tell it
            with their first check. The same for the whole term.
        candidates: Ids of all candidates, the leader included, in any order; None where the backend does not list them.
        info: What the leader tells of itself, such as its address; None if it tells nothing, or the backend keeps none.
    """

    lock_id: str
    candidate: str | None
    token: int | None
    since: float | None = None
    candidates: tuple[str, ...] | None = None
    info: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was found out about a backend, for `incumbent doctor`.

    Attributes:
        level: "ok", "warning", or "error" for what keeps elections from working.
        text: What was found, in one line, without secrets.
        remedy: What to do about it, in one line; empty if all is well.
    """

    level: Literal["ok", "warning", "error"]
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """
    What the core tells a backend besides its URL.

    Attributes:
        ttl: Seconds for which a silent candidate's claim is to be kept: one that is not asked to renew it.
        request_timeout: Seconds after which a single request must have ended.
        clock: The clock for `Claim.sent`, seconds.
        renew_deadline: Seconds after `Claim.sent` until which a term lasts that is not renewed. What is acquired may
            have been renewed before that was asked for, if half of this is left. 0: nobody leads with it, or does not
            say; so only a new renewal will do.
    """

    ttl: float
    request_timeout: float
    clock: Callable[[], float] = field(default=boottime, compare=False)
    renew_deadline: float = 0.0


def _ignore() -> None:
    """Stand in for `notify` until the runner sets its own."""


class LeaderElector(ABC):
    """
    One candidate of one election. Holds at most one claim.

    Attributes:
        lock_id: Name of the election.
        candidate: Id of this candidate.
        capabilities: What the backend can do.
        notify: Takes and returns nothing; does nothing until the runner sets its own, after the constructor. Call it,
            from any thread, after anything that may change the answer of a method: the claim was lost, or may now be
            won, or (once `observe_leadership` has been called) another leads. Cheap, never raises. Too often is
            harmless; never is not, if push is declared.
        info: What this candidate tells of itself, 255 characters at most, or None. The runner sets it, at any time, if
            the backend declares *info*: what it is when a term begins is shown as long as the term lasts.
    """

    info: str | None = None

    def __init__(self, lock_id: str, candidate: str, capabilities: Capabilities) -> None:
        self.lock_id = lock_id
        self.candidate = candidate
        self.capabilities = capabilities
        self.notify: Callable[[], None] = _ignore

    @abstractmethod
    def acquire_leadership(self) -> Claim | None:
        """
        Claim the election if nobody holds it. One atomic attempt; never waits.

        While the claim is held, by what the backend says and not by memory, this is a no-op that
        returns it. A backend that queues its candidates may keep this one's place until `close`;
        whoever waited re-reads its own claim first (P5).

        Returns:
            The claim, or None while another candidate holds the election.

        Raises:
            BackendUnavailableError: The claim may exist. The next attempt must recognise it as its own.
            BackendRejectedError: Asking again cannot help.
        """

    @abstractmethod
    def check_leadership(self) -> Claim | None:
        """
        Renew the claim, and verify at the backend that it is still this candidate's.

        Returns:
            The claim with a new *sent* and the same token, or None when it is gone for good.

        Raises:
            InvalidStateError: No claim is held.
            BackendUnavailableError: It may or may not have been renewed; it is still regarded as held.
            BackendRejectedError: Asking again cannot help.
        """

    @abstractmethod
    def relinquish_leadership(self) -> bool:
        """
        Give the claim up, so that another candidate can have it at once. Atomic, and never another's claim.

        Returns:
            True if the claim was this candidate's until now, False if it was gone already.

        Raises:
            InvalidStateError: No claim is held.
            BackendUnavailableError: It may or may not be given up; it is still regarded as held.
            BackendRejectedError: Asking again cannot help.
        """

    @abstractmethod
    def close(self) -> None:
        """
        Leave the election: drop a place in the queue, and whatever a failed attempt may have left.

        Idempotent, bounded by the request timeout, never raises. A claim still held is given up if the
        backend answers, and left to expire if not. No other method is called afterwards.
        """

    def observe_leadership(self) -> LeaderRecord:
        """
        Read who leads, without becoming a candidate. Needed if the backend declares *observe*.

        Raises:
            BackendUnavailableError: Nothing is known.
            BackendRejectedError: Asking again cannot help.
            InvalidStateError: The backend does not declare *observe*.
        """
        raise InvalidStateError(f"this elector cannot observe: {self.capabilities.observe.detail}")


class Backend(ABC):
    """
    One way to reach one store. Its constructor validates, and does no I/O.

    Attributes:
        contract_version: The `CONTRACT_VERSION` that the plugin was written for. Every plugin says it by itself.
        capabilities: What it can do. The class declares for all URLs; a constructor may set what differs for its own,
            which its electors are given.
        options: The options of its URL, each with one line of help. Others are refused before it is constructed.
        harness: "module:Class" of the `incumbent.testing.Harness` for the conformance suite, if one is shipped.
        address: The URL in full, if what was left out of it has been found elsewhere: people see where elections are
            held.
    """

    contract_version: ClassVar[int]
    capabilities: ClassVar[Capabilities]
    options: ClassVar[Mapping[str, str]] = {}
    harness: ClassVar[str | None] = None
    address: Address | None = None

    @abstractmethod
    def __init__(self, address: Address, settings: BackendSettings) -> None:
        """
        Validate the URL and the settings. No I/O, no client library's import that can be put off.

        Raises:
            ConfigurationError: One line that names the part, its value and the rule.
        """

    @abstractmethod
    def elector(self, lock_id: str, candidate: str) -> LeaderElector:
        """
        Make an elector for *candidate* in election *lock_id*. No I/O. Thread-safe.

        Raises:
            ConfigurationError: The name cannot be used on this backend.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what all electors shared. Idempotent, bounded by the request timeout, never raises. Thread-safe."""

    def diagnose(self) -> Iterable[Finding]:
        """
        Look for what could keep an election from working: each endpoint, versions, limits, security.

        `incumbent doctor` shows the findings as they come, after it has checked what it can check on any
        backend: the timing, and campaigning on a scratch name. Each request is bounded by the request timeout.
        A generator; never raises. Nothing to say by default.
        """
        return ()

    def elections(self, limit: int) -> Collection[str]:  # noqa: ARG002 - for those that can
        """
        Return the names of the elections that somebody leads. Needed if the backend declares *listing*. Thread-safe.

        Others may be among them, as those of which nothing but the last token is left. What the store shows under
        such names and is no election of this library's may be among them, too.

        Args:
            limit: How many names to return at most. Which, if there are more, is the store's choice.

        Raises:
            BackendUnavailableError: There is no answer, or it is not complete within the request timeout.
            BackendRejectedError: Asking again cannot help.
            InvalidStateError: The backend does not declare *listing*.
        """
        raise InvalidStateError(f"this elector cannot list elections: {self.capabilities.listing.detail}")

    def execute(self, lock_id: str, testament: str) -> bool:  # noqa: ARG002 - for those that can
        """
        End the term that has left *testament*, and nothing else. Thread-safe.

        Needed if the backend declares *testament*. Asked for in another process than the term's, when that and all that
        could act for it is dead; perhaps late, and perhaps again. One atomic step in the store, which compares what no
        other term has: it ends this term or nothing, never that of a successor, nor a later one of the same candidate
        (P11). Others are told of it, and so is a leader that lives after all, as of any end.

        Returns:
            True if the term was there until now; False if it was not, or no elector of this backend writes such a text.

        Raises:
            BackendUnavailableError: It may have ended, or may yet.
            BackendRejectedError: Asking again cannot help.
            InvalidStateError: The backend does not declare *testament*.
        """
        raise InvalidStateError(f"this elector leaves no testament: {self.capabilities.testament.detail}")

    def erase(self, lock_id: str) -> None:  # noqa: B027 - optional
        """
        Remove what the store keeps of an election for ever, its last token too. Does nothing by default.

        `incumbent doctor` asks for it, for its scratch election: its electors are closed, its name is nobody's.

        Raises:
            BackendUnavailableError: It may still be there.
            BackendRejectedError: Asking again cannot help.
        """
