"""The records of leaders, as the beat protocol asks for them: each operation is one script."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from incumbent import BackendSettings, boottime
from incumbent.toolkit import BeatStore, Held, Record

from ._guard import Guard, milliseconds, number
from ._layout import ACQUIRE, LOOK, RELEASE, RENEW, SHOW
from ._store import Store

__all__ = ["Records"]

#: Of the ttl: a claim that is older may have been taken over, if the server can have forgotten that; clocks may run
#: 1 % apart.
LAPSED = 0.98
#: Elections that one request looks at.
BATCH = 500


class Records(BeatStore):
    """
    Those of all elections below one prefix. Thread-safe.

    Args:
        store: Runs the scripts.
        guard: What is known of the server.
        guard_key: The key of the guard, and how those of the records begin.
        settings: Of the backend.
    """

    share: ClassVar[float] = 1 / 10

    def __init__(self, store: Store, guard: Guard, guard_key: str, settings: BackendSettings) -> None:
        self._store = store
        self._guard = guard
        self._guard_key = guard_key
        self._ttl = settings.ttl
        self._clock = settings.clock

    def key(self, lock_id: str) -> str:
        """Return the key of an election's record, which is also the channel of its news."""
        return f"{self._guard_key}:{lock_id}"

    def read(self, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        """Read the records as they are shown to people: a record that makes no sense is told of."""
        shown = {lock_id: self._store.run(SHOW, [], [self.key(lock_id)], read=self._shown) for lock_id in lock_ids}
        return {lock_id: record for lock_id, record in shown.items() if record is not None}

    def elections(self, limit: int) -> list[str]:
        """Look for the keys of records; only the whole of it is an answer, however many other keys there are."""
        found: set[bytes] = set()
        cursor: Any = b"0"
        pattern = re.sub(r"([\\*?\[\]^-])", r"\\\1", self.key("")) + "*"
        with self._store.lent() as wire:
            while len(found) < limit:
                cursor, keys = wire.ask("SCAN", cursor, "MATCH", pattern, "COUNT", BATCH, "TYPE", "hash")
                found.update(keys)
                if int(cursor) == 0:
                    break
        return sorted(_text(key.removeprefix(self.key("").encode())) for key in found)[:limit]

    def look(self, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        """Read the records as candidates see them, many with each request."""
        found: dict[str, Record] = {}
        for begin in range(0, len(lock_ids), BATCH):
            found |= self._look(lock_ids[begin : begin + BATCH])
        return found

    def claim(self, lock_id: str, owner: str, candidate: str, silent: Record | None) -> Record | None:
        """Write the record, if there is none, or its holder has been silent for its ttl."""
        known = self._guard.arguments()
        ours = [owner, candidate, milliseconds(self._ttl), f"{time.time():.3f}"]

        def read(answer: Any) -> Record | None:
            if answer[0] == 1:
                self._guard.saw(answer[1], answer[2])
                return Record(owner, "", self._ttl, _positive(answer[3]), candidate)
            record = self._record(answer[1], self._guard.saw(answer[1], answer[2]), *answer[3:], b"1")
            if record is None or record.owner not in ("", owner):
                return record
            if not record.owner:
                self._guard.tell(boottime() + record.ttl)
            return replace(record, owner="")  # ours, too: another may have led since, and have been forgotten

        return self._store.run(
            ACQUIRE,
            [self._guard_key, self.key(lock_id)],
            [*known, *ours, *_silent(silent, known[1])],
            read=read,
            counts=lambda record: record is not None and record.owner == owner,
        )

    def renew(self, held: Sequence[Held]) -> Collection[Held]:
        """Give them another beat; those that may have lapsed, only where nothing can have been forgotten."""
        now = self._clock() + self._store.timeout  # when the answer comes
        arguments: list[str] = self._guard.arguments()
        for one in held:
            arguments += [one.owner, "lapsed" if now - one.sent >= LAPSED * self._ttl else "fresh"]

        def read(answer: Any) -> list[Held]:
            self._guard.saw(answer[0], answer[1])
            return [one for one, verdict in zip(held, answer[2:], strict=True) if verdict == 1]

        keys = [self._guard_key, *(self.key(one.lock_id) for one in held)]
        return self._store.run(RENEW, keys, arguments, read=read, counts=bool)

    def release(self, lock_id: str, owner: str) -> bool:
        """Delete the record of this owner."""
        return self._store.run(RELEASE, [self.key(lock_id)], [owner], read=lambda answer: int(answer) == 1)

    # ------------------------------------------------------------ answers

    def _look(self, lock_ids: Sequence[str]) -> Mapping[str, Record]:
        def read(answer: Any) -> dict[str, Record]:
            mark, proven, *fields = answer
            if len(fields) != 4 * len(lock_ids) or not all(isinstance(field, bytes) for field in fields):
                raise ValueError
            young_until = self._guard.saw(mark, proven)
            parts = zip(lock_ids, fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=True)
            records = ((lock_id, self._record(mark, young_until, *part)) for lock_id, *part in parts)
            return {lock_id: record for lock_id, record in records if record is not None}

        arguments = [*self._guard.arguments(), *map(self.key, lock_ids)]
        return self._store.run(LOOK, [self._guard_key], arguments, read=read)

    def _record(self, mark: bytes, young_until: float | None, *fields: bytes) -> Record | None:
        """Return what is there; where claims may be forgotten, nobody's record in place of none."""
        claim, beat, ttl, is_fresh = fields
        if claim:
            # A server that lacks renewals can show a beat that its predecessor has shown: not with the same mark.
            seen = b" ".join([mark, claim, beat])
            return Record(_text(claim), _text(seen), number(ttl) / 1000, is_fresh=is_fresh == b"1")
        if young_until is None:
            return None
        return Record("", secrets.token_hex(8), max(0.0, young_until - boottime()))

    def _shown(self, answer: Any) -> Record | None:
        claim, *record = answer
        if not record:
            return Record(_text(claim), "", 0.0, is_fresh=False) if claim else None
        candidate, token, since = record
        try:
            elected = float(since)
        except ValueError:
            elected = None
        return Record(_text(claim), "", 0.0, number(token), candidate.decode(errors="replace"), elected)


def _silent(record: Record | None, mark: str) -> list[bytes]:
    """Return claim and beat of a silent record that this server has shown, or nothing."""
    if record is not None and record.owner and record.beat.startswith(f"{mark} "):
        claim, _, beat = record.beat.partition(" ")[2].rpartition(" ")
        return [_bytes(claim), _bytes(beat)]
    return [b"", b""]


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _positive(text: bytes) -> int:
    token = int(text)
    if token <= 0:
        raise ValueError
    return token
