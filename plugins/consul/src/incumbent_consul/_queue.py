"""The keys of one election, and who is next. `consul lock` knows the first of them; the queue is only among ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from incumbent import BackendRejectedError, ConfigurationError, LeaderRecord

from ._answers import Pair

__all__ = ["FLAGS", "Keys"]

#: What marks a key as a lock of Consul's own library and of `consul lock`.
FLAGS = 0x2DDCCBC058A50C18
#: A key's longest name is longer than this; what is longer is a mistake.
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of the keys of one election."""

    lock: str
    #: What the names of the places in the queue begin with.
    queue: str

    @classmethod
    def of(cls, prefix: str, lock_id: str) -> Keys:
        """
        Name the keys.

        Raises:
            ConfigurationError: The lock id cannot be used.
        """
        segments = lock_id.split("/")
        if any(segment in ("", ".", "..", ".lock", ".queue") for segment in segments):
            raise ConfigurationError(
                f"lock_id {lock_id!r}: an empty segment, '.' or '..' cannot be part of a key, and '.lock' and "
                "'.queue' are taken"
            )
        if not lock_id.isprintable() or len(prefix + lock_id) > LONGEST:
            raise ConfigurationError(
                f"lock_id {lock_id[:60]!r}: must be printable, and at most {LONGEST} characters long"
            )
        root = f"{prefix}{lock_id}/"
        return cls(f"{root}.lock", f"{root}.queue/")

    @property
    def both(self) -> tuple[str, str]:
        """What the names of all keys of the election begin with."""
        return self.lock, self.queue

    def place(self, session: str) -> str:
        """Name the key that is the place of *session* in the queue."""
        return self.queue + session

    def waiting(self, found: Mapping[str, Pair]) -> list[Pair]:
        """Return the places in the queue, the first first. Those without a session are of the dead."""
        places = [pair for key, pair in found.items() if key.startswith(self.queue)]
        return sorted(places, key=lambda pair: pair.create_index)

    def check(self, lock: Pair | None) -> None:
        """
        Refuse a key that is not a lock.

        Raises:
            BackendRejectedError: Something else uses the key. It is left alone.
        """
        if lock is not None and lock.flags != FLAGS:
            raise BackendRejectedError(
                f"the key {self.lock!r} is not a lock (its flags are {lock.flags:#x}): something else uses it; "
                "choose another lock_id"
            )

    def record(self, lock_id: str, found: Mapping[str, Pair]) -> LeaderRecord:
        """Say who leads and who waits. The texts are from others."""
        lock = found.get(self.lock)
        waiting = tuple(_name(pair) for pair in self.waiting(found) if pair.session is not None)
        if lock is None or lock.session is None:
            return LeaderRecord(lock_id, None, None, candidates=waiting)
        return LeaderRecord(lock_id, _name(lock), lock.modify_index, candidates=(_name(lock), *waiting))


def _name(pair: Pair) -> str:
    """Return the candidate's id; `consul lock` writes none."""
    return pair.value or f"session {pair.session}"
