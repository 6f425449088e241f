"""Schedules across changes of the clocks: no time is lost, and none comes twice."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instants import BERLIN, LORD_HOWE, epoch, times

from incumbent.schedule import parse_spec, upcoming


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # 02:30 does not exist on the 29th: right after the gap, once, and as always on the next day.
        ("30 2 * * *", ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"]),
        ("15,45 2 * * *", ["28 02:15+0100", "28 02:45+0100", "29 03:00+0200", "30 02:15+0200"]),
        # Does not come twice where both it and what the gap skips fall on 03:00.
        ("0 2,3 * * *", ["28 02:00+0100", "28 03:00+0100", "29 03:00+0200", "30 02:00+0200"]),
        ("30 1 * * *", ["28 01:30+0100", "29 01:30+0100", "30 01:30+0200"]),
        ("30 3 * * *", ["28 03:30+0100", "29 03:30+0200", "30 03:30+0200"]),
    ],
)
def test_a_time_in_the_spring_gap_comes_right_after_it(fields, expected):
    """A hand-over at a time that the change skips is neither lost nor doubled."""
    assert times(fields, "2026-03-28T01:15", len(expected), BERLIN) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("30 2 * * *", ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"]),
        ("0 3 * * *", ["24 03:00+0200", "25 03:00+0100", "26 03:00+0100"]),
        ("15,45 2 * * *", ["24 02:15+0200", "24 02:45+0200", "25 02:15+0200", "25 02:45+0200", "26 02:15+0100"]),
    ],
)
def test_a_time_in_the_autumn_overlap_comes_once(fields, expected):
    """A time that comes twice counts once, the first time, if the spec names hours."""
    assert times(fields, "2026-10-24T01:45", len(expected), BERLIN) == expected


def test_a_wildcard_hour_means_every_hour_that_passes():
    """In spring 23 of them, in autumn 25, an hour apart."""
    for begin, hours in (("2026-03-28T23:59", 23), ("2026-10-24T23:59", 25)):
        start = epoch(begin, BERLIN)
        instants = upcoming(parse_spec(f"TZ={BERLIN} 0 * * * *"), start, hours + 1)
        assert [later - earlier for earlier, later in pairwise(instants)] == [3600.0] * hours
        assert datetime.fromtimestamp(instants[-1], ZoneInfo(BERLIN)).hour == 0


@pytest.mark.parametrize(
    ("fields", "begin", "expected"),
    [
        # Spring: 02:00 -> 02:30.
        ("15 2 * * *", "2026-10-03T01:50", ["03 02:15+1030", "04 02:30+1100", "05 02:15+1100"]),
        ("0 2 * * *", "2026-10-03T01:50", ["03 02:00+1030", "04 02:30+1100", "05 02:00+1100"]),
        ("45 2 * * *", "2026-10-03T01:50", ["03 02:45+1030", "04 02:45+1100", "05 02:45+1100"]),
        ("*/30 * * * *", "2026-10-04T01:10", ["04 01:30+1030", "04 02:30+1100", "04 03:00+1100"]),
        # Autumn: 02:00 -> 01:30.
        ("45 1 * * *", "2026-04-04T01:40", ["04 01:45+1100", "05 01:45+1100", "06 01:45+1030"]),
        ("30 1 * * *", "2026-04-04T01:20", ["04 01:30+1100", "05 01:30+1100", "06 01:30+1030"]),
        ("0 2 * * *", "2026-04-04T01:40", ["04 02:00+1100", "05 02:00+1030", "06 02:00+1030"]),
        ("*/30 * * * *", "2026-04-05T01:10", ["05 01:30+1100", "05 01:30+1030", "05 02:00+1030"]),
    ],
)
def test_half_an_hour_is_a_change_as_well(fields, begin, expected):
    """Lord Howe Island moves its clocks by 30 minutes; the rules are the same."""
    assert times(fields, begin, len(expected), LORD_HOWE) == expected


MINUTE = timedelta(minutes=1)


def by_hand(minutes: set[int], hours: set[int] | None, zone: ZoneInfo, begin: datetime, days: int) -> list[float]:
    """Look at every minute in turn, by the rule in the module's docstring."""
    found = set()
    wall = begin.replace(tzinfo=None)
    if hours is None:
        instant = begin.astimezone(timezone.utc)
        for _ in range(days * 24 * 60):
            if instant.astimezone(zone).minute in minutes:
                found.add(instant.timestamp())
            instant += MINUTE
        return sorted(found)
    for _ in range(days * 24 * 60):
        if wall.minute in minutes and wall.hour in hours:
            first = wall.replace(tzinfo=zone)
            while first.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) != first.replace(tzinfo=None):
                first += MINUTE  # in the gap
            found.add(first.timestamp())
        wall += MINUTE
    return sorted(found)


@given(
    st.sets(st.integers(0, 59), min_size=1, max_size=3),
    st.none() | st.sets(st.integers(0, 4), min_size=1, max_size=3),
    st.sampled_from(
        [
            (BERLIN, "2026-03-28T23:00"),
            (BERLIN, "2026-10-24T23:00"),
            (LORD_HOWE, "2026-10-03T23:00"),
            (LORD_HOWE, "2026-04-04T23:00"),
            ("America/New_York", "2026-03-07T23:00"),
            ("America/New_York", "2026-10-31T23:00"),
        ]
    ),
)
def test_changes_of_the_clocks_agree_with_looking_at_every_minute(minutes, hours, change):
    """For any minutes and hours around a change: exactly the instants that the rule names, from any of them on."""
    name, begin = change
    zone = ZoneInfo(name)
    start = datetime.fromisoformat(begin).replace(tzinfo=zone)
    fields = f"{','.join(map(str, minutes))} {'*' if hours is None else ','.join(map(str, hours))} * * *"
    schedule = parse_spec(f"TZ={name} {fields}")
    expected = by_hand(minutes, hours, zone, start, 1)
    assert upcoming(schedule, start.timestamp() - 1, len(expected)) == expected


@given(
    st.sets(st.integers(0, 59), min_size=1, max_size=2),
    st.none() | st.sets(st.integers(0, 4), min_size=1, max_size=2),
    st.integers(0, 6 * 60),
    st.sampled_from([(BERLIN, "2026-03-28T23:00"), (BERLIN, "2026-10-24T23:00"), (LORD_HOWE, "2026-04-04T23:00")]),
)
def test_it_does_not_matter_where_one_looks_from(minutes, hours, offset, change):
    """From any moment around a change, within the gap's or the overlap's hour too, the next time is the same."""
    name, begin = change
    zone = ZoneInfo(name)
    start = datetime.fromisoformat(begin).replace(tzinfo=zone)
    fields = f"{','.join(map(str, minutes))} {'*' if hours is None else ','.join(map(str, hours))} * * *"
    moment = start.timestamp() + offset * 60
    expected = next(instant for instant in by_hand(minutes, hours, zone, start, 2) if instant > moment)
    assert parse_spec(f"TZ={name} {fields}").next_after(moment) == expected
