"""An elector of the contract, with what every one whose store is behind a socket has to do alike."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from incumbent.elector import Claim, LeaderElector, LeaderRecord
from incumbent.errors import ElectionError, InvalidStateError

from .base_backend import BackendBase
from .deadlines import within

__all__ = ["ElectorBase"]


class ElectorBase(LeaderElector):
    """
    An elector that says only how to campaign, renew, release and leave: one attempt each, which may raise.

    Who asks in a forked child, or without a claim, is refused here; all requests of a call share one request timeout
    (P10: see `deadline`); `close` may come over a call that is out, and what that call brings is given up then; and it
    is known since when the engine should have asked.

    A subclass may look at these, with `_lock` held if they belong together; the lock is never held during a request:

    - `_token`: that of the claim that is held, or None.
    - `_evidence`: when the claim is known to have been there: `Claim.sent`, or later if the subclass knows better.
    - `_calling`, `_closed`: whether a call is out, and whether `close` has come.
    """

    def __init__(self, lock_id: str, candidate: str, backend: BackendBase) -> None:
        super().__init__(lock_id, candidate, backend.capabilities)
        self._base = backend
        self._lock = threading.RLock()
        self._calling = self._closed = self._was_used = False
        self._token: int | None = None
        self._evidence = 0.0
        #: Since when the engine should ask, and has not.
        self._owed: float | None = None

    # ------------------------------------------------------------ the contract

    def acquire_leadership(self) -> Claim | None:
        """Renew the claim if there is one; campaign if not."""
        with self._call():
            if self._token is not None:
                claim = self._renew(self._token)
                if claim is not None:
                    return self._settled(claim)
                self._token = None
            return self._settled(self._campaign())

    def check_leadership(self) -> Claim | None:
        """Renew the claim."""
        with self._call():
            return self._settled(self._renew(self._claimed()))

    def relinquish_leadership(self) -> bool:
        """Release the claim."""
        with self._call():
            was_ours = self._release(self._claimed())
            self._settled(None)
            return was_ours

    def observe_leadership(self) -> LeaderRecord:
        """Read who leads."""
        self._base.start()
        with self._lock:
            self._refuse_closed()
            self._was_used = True
        with within(self._base.settings.request_timeout):
            return self._observe()

    def close(self) -> None:
        """Leave, within the request timeout; once, and not in a forked child."""
        if self._base.is_foreign:
            return
        with self._lock:
            was_closed, self._closed = self._closed, True
            is_late = self._calling
        if self._was_used and not was_closed:
            with within(self._base.settings.request_timeout), suppress(ElectionError):
                self._leave(is_late=is_late)

    # ------------------------------------------------------------ for the subclass

    @abstractmethod
    def _campaign(self) -> Claim | None:
        """Make the one attempt of `acquire_leadership`, without a claim."""

    @abstractmethod
    def _renew(self, token: int) -> Claim | None:
        """Renew the claim that has *token*; None if it is gone for good."""

    @abstractmethod
    def _release(self, token: int) -> bool:
        """Give the claim that has *token* up; tell whether it was there until now."""

    @abstractmethod
    def _leave(self, *, is_late: bool) -> None:
        """
        Give up whatever may be there: a claim, a place, what an attempt without an answer may have left.

        Args:
            is_late: Whether a call is out, which may still make something. If it returns, this is called once more.
        """

    def _observe(self) -> LeaderRecord:
        """Read who leads, if the backend declares *observe*."""
        return super().observe_leadership()

    def _refuse_closed(self) -> None:
        """Raise `InvalidStateError` once `close` has come: what is asked for from now on would be nobody's."""
        if self._closed:
            raise InvalidStateError("this elector has been closed")

    def _tell(self) -> None:
        """Have the engine ask, and remember since when it should."""
        if self._owed is None:
            self._owed = self._base.settings.clock()
        self.notify()  # set by the runner after we were made

    def _is_silent(self, ttl: float) -> bool:
        """
        Tell whether the engine has not asked for *ttl* seconds though it should have.

        What is kept alive on a thread, for all electors, must then be given up for this one: else a dead engine
        would lead, or stand before all others, for as long as its process runs.
        """
        since = self._owed if self._token is None else self._evidence
        return since is not None and self._base.settings.clock() - since > ttl

    # ------------------------------------------------------------ inside

    def _claimed(self) -> int:
        if self._token is None:
            raise InvalidStateError
        return self._token

    def _settled(self, claim: Claim | None) -> Claim | None:
        """Return what a call has brought; or give it up if `close` has come meanwhile."""
        with self._lock:
            self._calling = False  # a `close` that comes later knows of the claim
            if not self._closed:
                self._token = None if claim is None else claim.token
                if claim is not None:
                    self._evidence = max(self._evidence, claim.sent)
                return claim
        with within(self._base.settings.request_timeout), suppress(ElectionError):
            self._leave(is_late=False)
        return None

    @contextmanager
    def _call(self) -> Iterator[None]:
        self._base.start()
        with self._lock:
            self._refuse_closed()
            self._calling = self._was_used = True
            self._owed = None
        try:
            with within(self._base.settings.request_timeout):
                yield
        except ElectionError:
            self._owed = self._base.settings.clock()
            raise
        finally:
            self._calling = False
