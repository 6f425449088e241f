"""Relinquish specs: what they mean, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from instants import epoch, times
from oneline import assert_one_line, refusal

from incumbent import ConfigurationError
from incumbent.schedule import NAMES, Every, parse_spec, upcoming

# ---------------------------------------------------------------- forms


def test_every_counts_from_the_begin_of_the_term():
    """`@every` is an interval; its times follow each other, and it says itself in words."""
    schedule = parse_spec("@every 1h30m")
    assert schedule == Every("@every 1h30m", 5400.0)
    assert upcoming(schedule, 1000.0, 3) == [6400.0, 11800.0, 17200.0]
    assert schedule.describe() == "every 1:30:00"
    assert parse_spec("  @every \t 2s ").seconds == 2.0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@yearly", ["01 00:00", "01 00:00"]),
        ("@annually", ["01 00:00", "01 00:00"]),
        ("@monthly", ["01 00:00", "01 00:00"]),
        ("@weekly", ["22 00:00", "29 00:00"]),
        ("@daily", ["18 00:00", "19 00:00"]),
        ("@midnight", ["18 00:00", "19 00:00"]),
        ("@hourly", ["17 13:00", "17 14:00"]),
    ],
)
def test_every_name_means_its_fields(name, expected):
    """The seven names of cron; weeks begin on Sunday."""
    assert [text[:8] for text in times(name, "2026-11-17T12:34", 2)] == expected


def test_every_name_is_known():
    """No name is left out above."""
    assert set(NAMES) == {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("30 4 * * *", ["18 04:30", "19 04:30"]),
        ("*/20 * * * *", ["17 12:40", "17 13:00"]),
        ("0 9-17/4 * * *", ["17 13:00", "17 17:00"]),
        ("0 0 1,15 * *", ["01 00:00", "15 00:00"]),
        ("0 0 * * 1-5", ["18 00:00", "19 00:00"]),
        ("0 0 * * mon", ["23 00:00", "30 00:00"]),
        ("0 0 * * 7", ["22 00:00", "29 00:00"]),
        ("0 0 * * 0", ["22 00:00", "29 00:00"]),
        ("0 0 1 jan *", ["01 00:00", "01 00:00"]),
        ("0 0 ? * SUN", ["22 00:00", "29 00:00"]),
        ("0 0 20 * mon", ["20 00:00", "23 00:00"]),  # either of them, as in every cron
        ("0 0 29 2 *", ["29 00:00", "29 00:00"]),
        ("0 0 L * *", ["30 00:00", "31 00:00"]),
        ("  0\t0  *  *  * ", ["18 00:00", "19 00:00"]),
    ],
)
def test_five_fields_are_cron(fields, expected):
    """Lists, ranges, steps, names in either case, and day of month or weekday."""
    assert [text[:8] for text in times(fields, "2026-11-17T12:34", 2)] == expected


@pytest.mark.parametrize("prefix", ["CRON_TZ=Asia/Tokyo ", "TZ=Asia/Tokyo ", " TZ=Asia/Tokyo  \t", "TZ=Asia/Tokyo\n"])
def test_a_leading_zone_is_the_zone(prefix):
    """`CRON_TZ=` and `TZ=` set the zone of the fields and of the names."""
    begin = epoch("2026-11-17T12:34")
    assert parse_spec(f"{prefix}0 9 * * *").next_after(begin) == epoch("2026-11-18T00:00")
    assert parse_spec(f"{prefix}@daily").next_after(begin) == epoch("2026-11-17T15:00")
    assert parse_spec(f"{prefix}@daily").describe() == "cron '0 0 * * *' in Asia/Tokyo"


def test_an_instant_is_never_its_own_next():
    """The next time after a time of the schedule is a later one."""
    schedule = parse_spec("TZ=UTC 0 * * * *")
    assert schedule.next_after(epoch("2026-11-17T12:00")) == epoch("2026-11-17T13:00")
    assert schedule.next_after(epoch("2026-11-17T12:00") - 0.001) == epoch("2026-11-17T12:00")
    assert schedule.next_after(epoch("2026-11-17T12:00") + 0.001) == epoch("2026-11-17T13:00")


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("", "needs five fields"),
        (" \t\n", "needs five fields"),
        ("* * * *", "needs five fields (minute hour day month weekday), has 4"),
        ("* * * * * *", "has 6"),
        ("60 * * * *", "out of range"),
        ("* 24 * * *", "out of range"),
        ("* * 0 * *", "out of range"),
        ("* * 32 * *", "out of range"),
        ("* * * 13 *", "out of range"),
        ("* * * 0 *", "out of range"),
        ("* * * * 8", "out of range"),
        ("-1 * * * *", "not acceptable"),
        ("*/0 * * * *", "not acceptable"),
        ("1,,2 * * * *", "not acceptable"),
        ("1/ * * * *", "not acceptable"),
        ("0-99999999999 * * * *", "out of bands"),
        ("* * * * 1#9", "not acceptable"),
        ("* * * FOO *", "is not cron"),
        ("x * * * *", "is not cron"),
        ("R * * * *", "is not cron"),
        ("H * * * *", "is not cron"),
        ("1.5 * * * *", "is not cron"),
        ("nan * * * *", "is not cron"),
        ("\u0665 * * * *", "is not cron"),
        ("* * * * \0", "is not cron"),
        ("* * * * \x1b[31m", "is not cron"),
        ("\ud800 * * * *", "is not cron"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("x" * 201, "longer than 200 characters"),
        ("* " * 10_000, "longer than 200 characters"),
        ("@hurly", "unknown name, did you mean '@hourly'?"),
        ("@reboot", "unknown name"),
        ("@", "unknown name"),
        ("@hourly 5", "unknown name"),
        ("@HOURLY", "unknown name"),
        ("@every", "not a duration"),
        ("@every ", "not a duration"),
        ("@every1h", "unknown name"),
        ("@everyday", "unknown name"),
        ("@every 1h 30m", "not a duration"),
        ("@every 0s", "more than 0"),
        ("@every -1h", "not a duration"),
        ("@every 1000000h", "less than a century"),
        ("CRON_TZ=UTC", "needs five fields"),
        ("CRON_TZ=UTC ", "needs five fields"),
        ("CRON_TZ= 0 0 * * *", "unknown time zone ''"),
        ("TZ=Mars/X 0 0 * * *", "unknown time zone 'Mars/X'"),
        ("TZ=../../etc/passwd 0 0 * * *", "unknown time zone"),
        ("TZ=/etc/localtime 0 0 * * *", "unknown time zone"),
        ("TZ=Europe 0 0 * * *", "unknown time zone"),
        ("TZ=\0 0 0 * * *", "unknown time zone"),
        ("TZ=\ud800 0 0 * * *", "unknown time zone"),
        ("TZ=" + "x" * 180 + " * * * * *", "unknown time zone"),
        ("TZ=UTC @every 1h", "takes no time zone"),
        ("TZ=UTC TZ=UTC 0 0 * * *", "needs five fields"),
        ("cron_tz=UTC 0 0 * * *", "needs five fields"),
        (5, "must be text"),
        (None, "must be text"),
        (True, "must be text"),
        (b"@hourly", "must be text"),
        (["*"] * 5, "must be text"),
    ],
    ids=lambda value: ascii(value)[:25],
)
def test_a_bad_spec_is_refused(spec, rule):
    """Malformed or never firing: one line that shows it and says why."""
    assert rule in refusal(parse_spec, spec)


@given(
    st.one_of(
        st.text(st.characters()),
        st.text("0123456789*/,-?#L@ TZ=UC", max_size=20),
        st.lists(st.text("0123456789*/,-?#L", min_size=1, max_size=5), min_size=5, max_size=5).map(" ".join),
        st.text("0123456789.hms", max_size=8).map("@every {}".format),
    )
)
def test_any_text_is_a_schedule_or_one_line(text):
    """Whatever the text: a schedule with a next time, or one printable line."""
    try:
        schedule = parse_spec(text)
    except ConfigurationError as error:
        assert_one_line(error)
        return
    now = epoch("2026-11-17T12:34")
    assert schedule.next_after(now) > now
