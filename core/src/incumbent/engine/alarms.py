"""When the terms' relinquish schedules fire: intervals on the boot-time clock, cron on the wall clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from dataclasses import dataclass, field

from incumbent.schedule import Cron, Every

__all__ = ["CORRECTION", "Alarms"]

#: A wall clock that steps back by more than this was wrong before: its alarms are set anew. By less, an
#: instant that has passed once does not come again. The limit is Vixie cron's.
CORRECTION = 3 * 3600.0
#: As many disarmed alarms do not matter.
SPARE = 100


@dataclass(order=True)
class _Alarm:
    due: float
    number: int
    key: Hashable = field(compare=False)
    schedule: Every | Cron = field(compare=False)


class Alarms:
    """The armed schedules, one a key. Not thread-safe; *now* and *wall* are handed in."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._armed: dict[Hashable, _Alarm] = {}
        self._fired: dict[Hashable, float] = {}
        self._queues: dict[type, list[_Alarm]] = {Every: [], Cron: []}
        self._offset: float | None = None

    def arm(self, key: Hashable, schedule: Every | Cron, now: float, wall: float) -> None:
        """Arm *schedule* for *key* from this moment on, in place of what was armed."""
        if isinstance(schedule, Every):
            due = now + schedule.seconds
        else:
            fired = self._fired.get(key, wall)
            due = schedule.next_after(fired if wall <= fired <= wall + CORRECTION else wall)
        alarm = _Alarm(due, next(self._numbers), key, schedule)
        self._armed[key] = alarm
        queue = self._queues[type(schedule)]
        heapq.heappush(queue, alarm)
        if len(queue) > 2 * len(self._armed) + SPARE:
            # Most were disarmed, and would lie here until they are due, which may take years.
            queue[:] = [alarm for alarm in queue if self._armed.get(alarm.key) is alarm]
            heapq.heapify(queue)

    def disarm(self, key: Hashable) -> None:
        """Forget what is armed for *key*, but not what has fired: a wall clock may step back over it."""
        self._armed.pop(key, None)

    def forget(self, key: Hashable) -> None:
        """Forget everything of *key*."""
        self.disarm(key)
        self._fired.pop(key, None)

    def due(self, now: float, wall: float) -> list[Hashable]:
        """Return the keys whose schedules have fired, each once, and disarm them."""
        self._correct(now, wall)
        keys = []
        for kind, time in ((Every, now), (Cron, wall)):
            while (alarm := self._first(kind)) is not None and alarm.due <= time:
                self._fired[alarm.key] = alarm.due
                self.disarm(alarm.key)
                keys.append(alarm.key)
        return keys

    def wait(self, now: float, wall: float) -> float | None:
        """Return the seconds until the first of them fires, if the wall clock does not step meanwhile."""
        waits = [
            alarm.due - time for kind, time in ((Every, now), (Cron, wall)) if (alarm := self._first(kind)) is not None
        ]
        return min(waits, default=None)

    def _first(self, kind: type) -> _Alarm | None:
        queue = self._queues[kind]
        while queue and self._armed.get(queue[0].key) is not queue[0]:
            heapq.heappop(queue)
        return queue[0] if queue else None

    def _correct(self, now: float, wall: float) -> None:
        offset = wall - now
        if self._offset is not None and offset < self._offset - CORRECTION:
            for alarm in list(self._armed.values()):
                if isinstance(alarm.schedule, Cron):
                    self.arm(alarm.key, alarm.schedule, now, wall)
        self._offset = offset
