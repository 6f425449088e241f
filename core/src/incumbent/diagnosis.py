"""Finds out whether elections will work on a backend, by holding one: what `incumbent doctor` shows."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TypeVar

from .address import Address
from .config import LeaderElectionConfig, lifetime
from .elector import Backend, BackendSettings, Finding, LeaderElector
from .errors import BackendRejectedError, BackendUnavailableError, ElectionError
from .registry import open_backend

__all__ = ["diagnose"]

T = TypeVar("T")

#: Of the request timeout, what the slowest request may take before that is worth a warning.
SLOW = 0.5
#: Request timeouts that the news of a hand-over may take.
NEWS = 3


def diagnose(elector: str | Address, *, ttl: float = 15.0, name: str = "incumbent-doctor") -> Iterator[Finding]:
    """
    Yield what there is to know about the backend at a URL, good or bad, as it is found out.

    Holds a short election of two candidates on a scratch name below *name*. Never raises but for a URL
    or an argument that is wrong; what keeps elections from working is a finding with level "error".

    Args:
        elector: A URL, or the bare name of an elector.
        ttl: The ttl that elections are to have, seconds.
        name: The scratch election's lock id begins with this; rights may be limited to it.

    Raises:
        ConfigurationError: The URL, the ttl or the name is wrong, or the elector is not installed or broken.
    """
    address = elector if isinstance(elector, Address) else Address.parse(elector)
    config = LeaderElectionConfig(f"{name}/{secrets.token_hex(4)}", ttl=ttl)
    with closing(open_backend(address, BackendSettings(config.ttl, config.request_timeout))) as backend:
        if backend.address is not None and backend.address != address:
            yield _ok(f"elections are held at {backend.address}")
        yield _timing(config)
        yield from backend.diagnose()
        yield from _Trial(config, backend).findings()


def _timing(config: LeaderElectionConfig) -> Finding:
    return _ok(
        f"with ttl {config.ttl:g} s a leader renews every {config.leader_check_interval:.2f} s, is deposed when it "
        f"could not for {config.renew_deadline:.2f} s, and its term ends {lifetime(config.ttl):.2f} s after a renewal"
    )


def _ok(text: str) -> Finding:
    return Finding("ok", text)


def _error(text: str, remedy: str) -> Finding:
    return Finding("error", text, remedy)


class _Trial:
    """A short election of two candidates."""

    def __init__(self, config: LeaderElectionConfig, backend: Backend) -> None:
        self._config = config
        self._backend = backend
        self._slowest = 0.0

    def findings(self) -> Iterator[Finding]:
        """Hold the election; the first thing that fails ends it."""
        leader = self._elector("first")
        try:
            yield from self._lead(leader)
        except BackendUnavailableError as error:
            yield _error(f"no answer: {error}", "see that the backend runs and can be reached from here")
        except BackendRejectedError as error:
            yield _error(f"refused: {error}", "give this user or token the rights that the elector's page lists")
        except ElectionError as error:
            yield _error(f"the election failed: {error}", "report this to who maintains the elector")
        except Exception as error:  # its message may hold a secret; its type does not
            yield _error(f"the elector raised {type(error).__name__}", "report this to who maintains the elector")
        finally:
            leader.close()
            with suppress(Exception):  # what is left then bears a name that nobody uses again
                self._backend.erase(self._config.name)

    def _lead(self, leader: LeaderElector) -> Iterator[Finding]:
        claim = self._timed(leader.acquire_leadership)
        if claim is None:
            yield _error(f"somebody else holds the new election {leader.lock_id}", "delete it, and try again")
            return
        yield _ok(f"can lead: elected with token {claim.token}")
        if lifetime(claim.guarantee) <= self._config.renew_deadline:
            yield _error(
                f"the backend guarantees a claim for {claim.guarantee:g} s only, which is too short for a renew "
                f"deadline of {self._config.renew_deadline:.2f} s",
                "raise what the backend grants, or lower renew_deadline",
            )
        if self._timed(leader.check_leadership) is None:
            yield _error("a claim was gone at its first renewal", "see who or what ends claims on the backend")
            return
        yield _ok("can renew")
        if self._backend.capabilities.observe:
            yield self._observe(leader)
        yield from self._hand_over(leader)
        yield self._speed()

    def _observe(self, leader: LeaderElector) -> Finding:
        if self._timed(leader.observe_leadership).candidate == leader.candidate:
            return _ok("can observe")
        return _error("an observer does not see the leader", "see whether reads on the backend are stale")

    def _hand_over(self, leader: LeaderElector) -> Iterator[Finding]:
        second = self._elector("second")
        told = threading.Event()
        second.notify = told.set
        try:
            self._timed(second.acquire_leadership)
            told.clear()
            began = time.monotonic()
            self._timed(leader.relinquish_leadership)
            if self._backend.capabilities.push and not told.wait(NEWS * self._config.request_timeout):
                yield Finding(
                    "warning",
                    "the news of a hand-over did not arrive: successors will be found by polling only",
                    "look for a proxy or firewall that ends long requests",
                )
            if self._timed(second.acquire_leadership) is None:
                yield _error("the second candidate was not elected after a hand-over", "see what holds the election")
            else:
                yield _ok(f"can hand over: the next leader led after {(time.monotonic() - began) * 1000:.0f} ms")
        finally:
            second.close()

    def _speed(self) -> Finding:
        limit = self._config.request_timeout
        text = f"the slowest call took {self._slowest * 1000:.0f} ms; a request may take {limit:.2f} s"
        if self._slowest > SLOW * limit:
            return Finding("warning", text, "choose a longer ttl, or a backend that is nearer")
        return _ok(text)

    def _elector(self, candidate: str) -> LeaderElector:
        return self._backend.elector(self._config.name, f"doctor:{candidate}:{secrets.token_hex(4)}")

    def _timed(self, call: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return call()
        finally:
            self._slowest = max(self._slowest, time.monotonic() - began)
