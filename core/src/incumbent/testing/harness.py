"""What the author of an elector brings for the suite: a store, and hands that reach it behind the elector's back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TypeVar

from incumbent import (
    Address,
    Backend,
    BackendSettings,
    ConfigurationError,
    ElectionError,
    LeaderRecord,
    boottime,
    one_line,
)
from incumbent.registry import load_backend_class, make_backend

from .outsider import Outsider
from .proxy import FaultProxy
from .relay import relayed

__all__ = ["IMPLEMENTED", "OPERATIONS", "SINCE", "Harness", "harness_for", "made_by"]

T = TypeVar("T")

#: What a harness can do behind the elector's back: the keys of `Harness.cannot`, and the methods that each stands for.
OPERATIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "expire": ("expire",),
        "delete": ("delete",),
        "leader": ("leader",),
        "claims": ("claims",),
        "freeze": ("freeze", "thaw"),
        "kill": ("kill", "restart"),
        "tool": ("tool_acquires", "tool_relinquishes"),
        "rejected_url": ("rejected_url",),
        "outsider": ("outsider",),
        "relay": ("relay",),
    }
)
#: Those that are there already, for every store that they suit.
IMPLEMENTED = frozenset({"outsider", "relay"})
#: The contract with which an operation has come, if not with the first: a harness written before cannot know it.
SINCE: Mapping[str, int] = MappingProxyType({"relay": 2})


class Harness:
    """
    One store to test an elector on.

    The suite makes one for each class of tests, calls `open` before the first test and `close` after the
    last. With a *url*, several processes may each have one for it at the same time. An operation of
    `OPERATIONS` is either implemented or named in `cannot`; the tests that need it are then reported as
    not run, with that reason. None is called from two threads at once.

    Args:
        url: The store that the user asked for; None to bring one's own.

    Attributes:
        scheme: The entry-point name of the elector.
        url: Where the store is. Known when `open` has returned.
        ttl: The shortest ttl that is worth testing with, seconds: some tests wait for several of them.
        request_timeout: Given to every backend, seconds: well below the ttl, for a claim must outlive a call that times
            out.
        slack: Seconds by which a call may outlast its timeout, because the machine is busy.
        cannot: Operations that this store cannot do, each with the reason.
        characters: All that names of elections and ids of candidates may have here, letters, digits and one more at
            least; None for any. The suite's own then have no others; names that are tried are refused, or kept apart.
    """

    #: No test for pytest, though a subclass may have a name such as `TestStoreHarness`.
    __test__ = False

    scheme: str
    url: str
    ttl: float = 2.0
    request_timeout: float = 0.5
    slack: float = 5.0
    cannot: Mapping[str, str] = MappingProxyType({})
    characters: str | None = None

    def __init__(self, url: str | None = None) -> None:
        if url is not None:
            self.url = url

    @property
    def patience(self) -> float:
        """Seconds after which a claim that ended by itself can be won, or an outage is over, at the latest."""
        return 3 * self.ttl + self.slack

    def open(self) -> None:
        """Start the store, or prepare it, and set `url`."""

    def close(self) -> None:
        """Stop what `open` started."""

    def backend_class(self) -> type[Backend]:
        """Return what is tested: what the installed packages bring for `scheme`. Called before `open`."""
        return load_backend_class(self.scheme)

    def backend(self, settings: BackendSettings, url: str | None = None) -> Backend:
        """Make a backend for `url`, or for another *url*, as another process would make its own."""
        return make_backend(self.backend_class(), Address.parse(url or self.url), settings)

    def clock(self) -> float:
        """Return seconds on the clock that the backends are given."""
        return boottime()

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass on `clock`."""
        time.sleep(seconds)

    # ------------------------------------------------------------ behind the elector's back

    def expire(self, lock_id: str) -> None:
        """
        End the leader's claim now, as the store does it to a leader that has been silent for too long.

        Where claims hang on a session, or a lease, ending that is right, too, with all that hangs on it.
        """
        raise NotImplementedError

    def delete(self, lock_id: str) -> None:
        """Delete all that the store shows of the election, as an administrator does with the store's own tool."""
        raise NotImplementedError

    def leader(self, lock_id: str) -> LeaderRecord:
        """Read who leads, without the elector."""
        raise NotImplementedError

    def claims(self, lock_id: str) -> int:
        """Count what the store keeps for candidates of the election: the leader's claim, and places in a queue."""
        raise NotImplementedError

    def freeze(self) -> None:
        """Make the store silent: connections stay, requests are taken, nothing is answered (SIGSTOP does this)."""
        raise NotImplementedError

    def thaw(self) -> None:
        """End what `freeze` began."""
        raise NotImplementedError

    def kill(self) -> None:
        """End the store without a farewell (SIGKILL does this)."""
        raise NotImplementedError

    def restart(self, *, empty: bool = False) -> None:
        """
        Start the killed store again at the same URL, with its data, or *empty*. Return when it serves.

        Connections of the harness that are from before are dead then, also those of another process of the same run:
        `expire`, `delete` and the like connect anew, or try again.
        """
        raise NotImplementedError

    def tool_acquires(self, lock_id: str) -> bool:
        """Let a tool of another project try once to lead the election. Return whether it leads."""
        raise NotImplementedError

    def tool_relinquishes(self, lock_id: str) -> None:
        """Let the tool that leads the election give it up."""
        raise NotImplementedError

    def rejected_url(self) -> str:
        """Return a URL of this store that it refuses for good, for wrong credentials for example."""
        raise NotImplementedError

    def outsider(self, lock_id: str, candidate: str) -> Outsider:
        """Start a candidate in another process. Implemented for every store that two processes can share."""
        return Outsider(self.url, self.ttl, self.request_timeout, lock_id, candidate)

    def relay(self) -> tuple[FaultProxy, str]:
        """
        Start a relay in front of the store; return it, and the URL of the store behind it. The suite closes it.

        Implemented for every store that is reached over TCP, at the one host and port that `url` names.

        Raises:
            NotImplementedError: It is not such a store; the message says why.
        """
        return relayed(self.url)


class BareHarness(Harness):
    """Stands in for the harness that a package does not ship: the elector is tested through itself alone."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.scheme = _scheme(url)
        reason = f"the package of {self.scheme!r} ships no harness (Backend.harness)"
        self.cannot = {operation: reason for operation in OPERATIONS if operation not in IMPLEMENTED}
        # Asked of the elector, which may not be given less than it grants.
        self.ttl = max(type(self).ttl, self.backend_class().capabilities.ttl_range[0])


def harness_for(url: str) -> Harness:
    """
    Make the harness that the elector's package ships for *url*, or a bare one.

    Given the bare name of an elector, the harness brings a store of its own.

    Raises:
        ConfigurationError: The URL is wrong, its elector is not installed, or the harness cannot be loaded.
    """
    shipped = load_backend_class(_scheme(url)).harness
    if shipped is None:
        return BareHarness(url)
    module, _, name = shipped.partition(":")
    try:
        make: Callable[[str | None], Harness] = getattr(import_module(module), name)
    except Exception as error:  # an import may raise anything
        raise ConfigurationError(
            f"the harness {shipped!r} of {_scheme(url)!r} cannot be loaded: {one_line(str(error))}"
        ) from error
    return made_by(make, url if "://" in url else None)


def made_by(make: Callable[..., T], *arguments: str | None) -> T:
    """
    Return what *make*, which makes a harness or belongs to one, returns.

    Raises:
        ElectionError: What it raises; anything else is a ConfigurationError.
    """
    try:
        return make(*arguments)
    except ElectionError:
        raise
    except Exception as error:
        # The message of a foreign exception may hold a secret of the URL; its type does not.
        shown = getattr(make, "__qualname__", type(make).__name__)
        raise ConfigurationError(f"the harness: {shown}() failed: {type(error).__name__}") from error


def _scheme(url: str) -> str:
    return Address.parse(url).scheme
