"""What one elector watches, and that its engine is told."""

from __future__ import annotations

from collections.abc import Callable

from ._layout import Election
from ._watch import Watch, Watcher

__all__ = ["News"]


class News:
    """
    The watch on the key that matters to an elector, and the one on its whole election if that is observed.

    Thread-safe, except that one thread at a time follows and observes.

    Args:
        watcher: Has the stream of watches.
        clock: `BackendSettings.clock`.
        tell: Called when the engine should ask.
        show: Called when something has changed for who observes.
    """

    def __init__(
        self, watcher: Watcher, clock: Callable[[], float], tell: Callable[[], None], show: Callable[[], None]
    ) -> None:
        self._watcher = watcher
        self._clock = clock
        self._tell = tell
        self._show = show
        self._following: Watch | None = None
        self._observing: Watch | None = None
        self._closed = False
        #: When something happened that no earlier renewal can know of.
        self.latest = 0.0
        #: Whether something may have happened that was not told; to the whole store, too: it may have been restored.
        self.is_broken = False

    def follow(self, key: bytes, revision: int, *, deletions: bool) -> None:
        """Tell of what happens to *key* from *revision* on, and of nothing else."""
        watch = self._following
        if watch is not None and watch.active and watch.create.key == key:
            return
        self.unfollow()
        self._following = self._watcher.watch(key, revision, lambda _: self.tell(), self._missed, deletions=deletions)
        if self._closed:  # meanwhile
            self.unfollow()

    def unfollow(self) -> None:
        """Tell of no key any more."""
        watch, self._following = self._following, None
        if watch is not None:
            self._watcher.cancel(watch)

    def observe(self, election: Election, revision: int) -> None:
        """Tell of every change of the election from *revision* on, until `unobserve`."""
        if self._observing is not None and self._observing.active:
            return
        self._observing = self._watcher.watch(
            election.prefix,
            revision,
            lambda key: self._show() if election.has(key) else None,
            self._show,
            range_end=election.end,
        )
        if self._closed:  # meanwhile
            self.close()

    def unobserve(self) -> None:
        """Tell of the election no more."""
        watch, self._observing = self._observing, None
        if watch is not None:
            self._watcher.cancel(watch)

    def tell(self) -> None:
        """Have the engine ask."""
        if self._closed:
            return
        self.latest = self._clock()
        self._tell()

    def _missed(self) -> None:
        self.is_broken = True
        self.tell()

    def close(self) -> None:
        """Tell nothing any more."""
        self._closed = True
        self.unfollow()
        self.unobserve()
