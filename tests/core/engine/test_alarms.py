"""When schedules fire while the wall clock is stepped: no hand-over is skipped, and none is doubled."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timezone
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incumbent.engine.alarms import CORRECTION, Alarms
from incumbent.schedule import parse_spec

HOUR, DAY = 3600.0, 86400.0
#: Longer than this the runner does not sleep.
SLEEP = 60.0
DAILY = parse_spec("TZ=UTC 0 3 * * *")
HOURLY = parse_spec("TZ=UTC @hourly")
MIDNIGHT = datetime(2026, 1, 10, tzinfo=timezone.utc).timestamp()


class World:
    """One candidate whose terms follow each other at once, on two clocks, one of which may be stepped."""

    def __init__(self, schedule, wall: float = MIDNIGHT) -> None:
        self.alarms = Alarms()
        self.schedule = schedule
        self.now, self.wall = 1000.0, wall
        #: On the boot-time clock and on the wall clock, when each term ended.
        self.ended: list[tuple[float, float]] = []
        self.alarms.arm("a", schedule, self.now, self.wall)

    def run(self, seconds: float) -> World:
        """Let time pass as the runner does: until something is due, and never more than its longest sleep."""
        end = self.now + seconds
        while True:
            for key in self.alarms.due(self.now, self.wall):
                self.ended.append((self.now, self.wall))
                self.alarms.arm(key, self.schedule, self.now, self.wall)
            left = end - self.now
            if left <= 0:
                return self
            wait = self.alarms.wait(self.now, self.wall)
            assert wait is not None
            pause = min(max(wait, 0.0), SLEEP, left)
            self.now += pause
            self.wall += pause

    def step(self, seconds: float) -> World:
        """Set the wall clock to another time."""
        self.wall += seconds
        return self

    @property
    def shown(self) -> list[str]:
        """The wall times, to the minute."""
        return [datetime.fromtimestamp(wall, timezone.utc).strftime("%d %H:%M") for _, wall in self.ended]


# ---------------------------------------------------------------- without steps


def test_cron_fires_at_its_times():
    """Each time of the schedule ends one term."""
    assert World(DAILY).run(3 * DAY).shown == ["10 03:00", "11 03:00", "12 03:00"]
    assert len(World(HOURLY).run(DAY).ended) == 24


def test_an_interval_counts_from_when_it_was_armed():
    """`@every` fires that long after the term's begin, and then after the next one's."""
    world = World(parse_spec("@every 90s")).run(300)
    assert [now for now, _ in world.ended] == [1090.0, 1180.0, 1270.0]


def test_a_machine_that_slept_fires_once():
    """Suspended over three times of the schedule, it hands over once when it wakes up, and then as always."""
    world = World(DAILY).run(DAY)
    world.now += 3 * DAY
    world.wall += 3 * DAY
    assert world.run(DAY).shown == ["10 03:00", "14 00:00", "14 03:00"]


def test_nothing_armed_is_nothing_due():
    """Without an alarm there is nothing to wait for; a disarmed or forgotten one does not fire."""
    alarms = Alarms()
    assert (alarms.due(0.0, 0.0), alarms.wait(0.0, 0.0)) == ([], None)
    alarms.arm("a", DAILY, 0.0, MIDNIGHT)
    alarms.arm("b", parse_spec("@every 5s"), 0.0, MIDNIGHT)
    alarms.disarm("a")
    alarms.forget("b")
    alarms.disarm("never armed")
    assert (alarms.due(DAY, MIDNIGHT + DAY), alarms.wait(DAY, MIDNIGHT + DAY)) == ([], None)


def test_each_key_has_its_own_alarm():
    """Alarms of both kinds fire in the order of their clocks, each once; the wait is for the first."""
    alarms = Alarms()
    for seconds in (30, 10, 20):
        alarms.arm(seconds, parse_spec(f"@every {seconds}s"), 0.0, MIDNIGHT)
    alarms.arm("cron", HOURLY, 0.0, MIDNIGHT + HOUR - 15)
    assert alarms.wait(0.0, MIDNIGHT + HOUR - 15) == 10.0
    assert alarms.due(20.0, MIDNIGHT + HOUR + 5) == [10, 20, "cron"]
    assert alarms.due(20.0, MIDNIGHT + HOUR + 5) == []
    assert alarms.wait(20.0, MIDNIGHT + HOUR + 5) == 10.0


def test_arming_again_replaces_what_was_armed():
    """A term arms its own schedule; what was armed for the last one does not end it."""
    alarms = Alarms()
    alarms.arm("a", parse_spec("@every 100s"), 0.0, 0.0)
    alarms.arm("a", parse_spec("@every 100s"), 90.0, 90.0)
    assert alarms.due(150.0, 150.0) == []
    assert alarms.due(190.0, 190.0) == ["a"]


@pytest.mark.parametrize("schedule", [parse_spec("@every 8760h"), parse_spec("TZ=UTC @yearly")])
def test_terms_that_end_early_leave_nothing_behind(schedule):
    """A flapping leader with a yearly schedule does not fill the memory with alarms that will never fire."""
    alarms = Alarms()
    alarms.arm("other", schedule, 0.0, MIDNIGHT)
    for second in range(10_000):
        alarms.arm("a", schedule, float(second), MIDNIGHT + second)
        alarms.disarm("a")
    assert sum(map(len, alarms._queues.values())) < 1000
    assert alarms.wait(0.0, MIDNIGHT) is not None
    assert alarms.due(DAY * 366, MIDNIGHT + DAY * 366) == ["other"]


# ---------------------------------------------------------------- steps of the wall clock

#: In the middle of a day, right before and right after the time of the daily schedule, and at that time.
MOMENTS = [3 * HOUR - 30, 3 * HOUR, 3 * HOUR + 30, 12 * HOUR]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", [1.0, -1.0, HOUR, -HOUR])
def test_a_small_step_neither_skips_nor_doubles(moment, step):
    """A step of a second or an hour, whenever it happens: every day's time fires once, at that time or right after."""
    world = World(DAILY).run(moment).step(step).run(3 * DAY - moment)
    days = [shown[:2] for shown in world.shown]
    assert days == ["10", "11", "12"]
    assert all(0 <= (wall - MIDNIGHT) % DAY - 3 * HOUR <= max(step, 0.0) for _, wall in world.ended)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("step", [1.0, -1.0, HOUR, -HOUR, DAY, -DAY])
def test_a_step_that_is_taken_back_neither_skips_nor_doubles(moment, step):
    """A wrong clock that is put right five minutes later costs no day its hand-over, and adds one at most."""
    world = World(DAILY).run(moment).step(step).run(300).step(-step).run(4 * DAY - moment - 300)
    true = [int((now - 1000) // DAY) for now, _ in world.ended]
    assert set(true) == {0, 1, 2, 3}
    assert len(true) <= (4 if abs(step) <= HOUR else 5)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (3 * HOUR - 30, ["11 02:59", "11 03:00", "12 03:00", "13 03:00"]),
        (3 * HOUR + 30, ["10 03:00", "11 03:00", "12 03:00", "13 03:00"]),
        (12 * HOUR, ["10 03:00", "11 12:00", "12 03:00", "13 03:00"]),
    ],
)
def test_a_day_forward_skips_nothing(moment, expected):
    """The time that was jumped over comes at once, and once."""
    assert World(DAILY).run(moment).step(DAY).run(3 * DAY - moment).shown == expected


def test_three_days_forward_fire_once():
    """Times that were jumped over are not made up for one by one."""
    world = World(DAILY).run(12 * HOUR).step(3 * DAY).run(DAY)
    assert world.shown == ["10 03:00", "13 12:00", "14 03:00"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (3 * HOUR - 30, ["09 03:00", "10 03:00", "11 03:00"]),
        (3 * HOUR + 30, ["10 03:00", "10 03:00", "11 03:00"]),
        (12 * HOUR, ["10 03:00", "10 03:00", "11 03:00"]),
    ],
)
def test_a_day_back_was_a_wrong_clock(moment, expected):
    """By more than three hours: the times are computed anew, so that none of the right clock's is skipped."""
    world = World(DAILY).run(moment).step(-DAY).run(3 * DAY - moment)
    assert world.shown == expected


def test_every_hour_is_handed_over_across_a_small_step_back():
    """With an hourly schedule and a step back of ten minutes, an hour lasts ten minutes longer, and that is all."""
    world = World(HOURLY).run(5 * HOUR + 60).step(-600).run(5 * HOUR)
    assert world.shown == [f"10 {hour:02}:00" for hour in range(1, 10)]


def test_a_step_between_terms_is_noticed_too():
    """A term that begins after a step back over the last hand-over does not end at the same time again."""
    alarms = Alarms()
    alarms.arm("a", DAILY, 0.0, MIDNIGHT)
    assert alarms.due(3 * HOUR, MIDNIGHT + 3 * HOUR) == ["a"]
    alarms.arm("a", DAILY, 3 * HOUR + 60, MIDNIGHT + 2 * HOUR)
    assert alarms.wait(3 * HOUR + 60, MIDNIGHT + 2 * HOUR) == DAY + HOUR


def test_forgetting_a_key_forgets_what_has_fired():
    """Another candidate under the same key begins without a past."""
    alarms = Alarms()
    alarms.arm("a", DAILY, 0.0, MIDNIGHT)
    assert alarms.due(3 * HOUR, MIDNIGHT + 3 * HOUR) == ["a"]
    alarms.forget("a")
    alarms.arm("a", DAILY, 3 * HOUR, MIDNIGHT + 2 * HOUR)
    assert alarms.wait(3 * HOUR, MIDNIGHT + 2 * HOUR) == HOUR


@pytest.mark.parametrize("step", [1.0, -1.0, HOUR, -HOUR, DAY, -DAY])
def test_an_interval_knows_no_wall_clock(step):
    """Whatever is done to the wall clock, `@every` fires when that much time has passed."""
    world = World(parse_spec("@every 1h")).run(HOUR / 2).step(step).run(3 * HOUR)
    assert [now for now, _ in world.ended] == [1000 + HOUR, 1000 + 2 * HOUR, 1000 + 3 * HOUR]


@given(
    st.lists(st.tuples(st.floats(0, 2 * HOUR), st.floats(-CORRECTION, CORRECTION)), max_size=8),
    st.sampled_from(["0 * * * *", "*/20 * * * *", "30 1,2,5 * * *"]),
)
def test_any_small_errors_of_the_clock_neither_skip_nor_double(errors, fields):
    """However a clock is set within three hours: what it shows for the first time while it runs fires, none twice."""
    schedule = parse_spec(f"TZ=UTC {fields}")
    world = World(schedule)
    error, latest, passed = 0.0, world.wall, set()
    for seconds, wrong in [*errors, (HOUR, 0.0)]:
        begin = max(latest, world.wall)
        world.run(seconds)
        while (instant := schedule.next_after(begin)) <= world.wall:
            passed.add(instant)
            begin = instant
        latest = max(latest, world.wall)
        world.step(wrong / 2 - error)
        error = wrong / 2
    served = [previous(schedule, wall) for _, wall in world.ended]
    assert len(set(served)) == len(served)
    assert passed <= set(served)


def previous(schedule, wall: float) -> float:
    """Return the last time of *schedule* up to *wall*, which is within a day of midnight."""
    times = all_times(schedule)
    return times[bisect_right(times, wall) - 1]


@cache
def all_times(schedule) -> list[float]:
    """Return the times of *schedule* on the days before and after midnight, and the first one beyond."""
    times = [schedule.next_after(MIDNIGHT - DAY)]
    while times[-1] <= MIDNIGHT + DAY:
        times.append(schedule.next_after(times[-1]))
    return times
