"""Relinquish specs: what they mean, also across changes of the clocks, and what is refused."""

from __future__ import annotations

import sys
import time
import zoneinfo
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from itertools import pairwise
from math import isfinite
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oneline import assert_one_line, refusal

from incumbent import ConfigurationError
from incumbent.schedule import NAMES, Cron, Every, parse_duration, parse_spec, upcoming

BERLIN = "Europe/Berlin"  # 02:00 -> 03:00 on 2026-03-29, 03:00 -> 02:00 on 2026-10-25
LORD_HOWE = "Australia/Lord_Howe"  # 02:00 -> 02:30 on 2026-10-04, 02:00 -> 01:30 on 2026-04-05
CENTURY = 100 * 366 * 86400.0


def epoch(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def times(spec: str, begin: str, count: int, zone: str = "UTC") -> list[str]:
    """Return the next times as their local day, time and offset."""
    schedule = parse_spec(spec if spec.startswith(("CRON_TZ", "TZ")) else f"CRON_TZ={zone} {spec}")
    assert isinstance(schedule, Cron)
    instants = upcoming(schedule, epoch(begin, zone), count)
    return [datetime.fromtimestamp(instant, ZoneInfo(zone)).strftime("%d %H:%M%z") for instant in instants]


# ---------------------------------------------------------------- durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5h", 1800.0),
        ("1.h", 3600.0),
        ("90m", 5400.0),
        ("300ms", 0.3),
        ("1us", 1e-6),
        ("1µs", 1e-6),
        ("1μs", 1e-6),
        ("1ns", 1e-9),
        ("2h45m30.5s", 9930.5),
        ("1m1h", 3660.0),
        ("0h1s", 1.0),
        ("1ms1s", 1.001),
        ("007s", 7.0),
        ("876000h", 876000 * 3600.0),
    ],
)
def test_a_go_duration_is_seconds(text, seconds):
    """Every unit of Go, fractions, and several parts in any order."""
    assert parse_duration(text) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "1h30",
        "h",
        "1 h",
        "1h 30m",
        "1H",
        "1d",
        "1w",
        "-1h",
        "+-1h",
        "1.2.3h",
        ".h",
        "1e3s",
        "nan",
        "inf",
        "infs",
        "0x1s",
        "1_0s",
        "1,5h",
        "\u0665s",
        "1s\n",
        "1s\0",
        "\x1b[31m1s",
        "1\ud800s",
        "1s" * 101,
        "9" * 10_000 + "s",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_what_is_no_go_duration_is_refused(text):
    """One line that shows it and says what one looks like."""
    assert "not a duration such as 1h30m" in refusal(parse_duration, text)


@pytest.mark.parametrize("text", ["0s", "0h0m0s", "0.0ns", "0." + "0" * 190 + "ns", "878400h", "9" * 190 + "h"])
def test_a_duration_without_sense_is_refused(text):
    """More than nothing, less than a century."""
    assert "must be more than 0 and less than a century" in refusal(parse_duration, text)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.sampled_from([("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_duration_is_the_sum_of_its_parts(parts):
    """Whatever the parts: their sum in seconds, or a refusal if that is nothing or a century."""
    text = "".join(f"{number}{unit}" for number, (unit, _) in parts)
    total = sum(number * seconds for number, (_, seconds) in parts)
    if 0 < total < CENTURY:
        assert parse_duration(text) == pytest.approx(total)
    else:
        refusal(parse_duration, text)


@given(st.one_of(st.text(st.characters()), st.text("0123456789.hmsnuµ-+e ", max_size=12)))
def test_any_text_is_a_duration_or_one_line(text):
    """Whatever the text: a finite number of seconds in the allowed range, or one printable line."""
    try:
        seconds = parse_duration(text)
    except ConfigurationError as error:
        assert_one_line(error)
        return
    assert isfinite(seconds)
    assert 0 < seconds < CENTURY


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


# ---------------------------------------------------------------- the machine's zone


@pytest.fixture
def tokyo(monkeypatch, tmp_path) -> str:
    """Put the machine in Tokyo, and return a file with the rules there."""
    file = tmp_path / "zone"
    file.write_bytes(rules("Asia/Tokyo"))
    monkeypatch.setattr("incumbent.zones.LOCAL_TIME", str(file))
    return str(file)


def rules(zone: str) -> bytes:
    for directory in map(Path, zoneinfo.TZPATH):
        if (directory / zone).is_file():
            return (directory / zone).read_bytes()
    return files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()


def local_zone_is(zone: str) -> bool:
    begin = epoch("2026-11-17T12:34")
    return parse_spec("0 9 * * *").next_after(begin) == parse_spec(f"TZ={zone} 0 9 * * *").next_after(begin)


@pytest.mark.usefixtures("tokyo")
@pytest.mark.parametrize(
    ("value", "zone"),
    [("America/New_York", "America/New_York"), (":America/New_York", "America/New_York"), ("", "UTC"), (":", "UTC")],
)
def test_without_a_zone_the_environment_decides(monkeypatch, value, zone):
    """TZ is read as the C library reads it; set to nothing it is UTC."""
    monkeypatch.setenv("TZ", value)
    assert local_zone_is(zone)


@pytest.mark.parametrize("prefix", ["", ":"])
def test_the_environment_may_name_a_file(monkeypatch, tokyo, prefix):
    """`TZ=:/etc/localtime` and its like are a file of the zone's rules; one that is none is refused."""
    monkeypatch.setenv("TZ", prefix + tokyo)
    monkeypatch.setattr("incumbent.zones.LOCAL_TIME", "/dev/null")
    assert local_zone_is("Asia/Tokyo")
    Path(tokyo).write_bytes(b"no rules")
    assert "not a file of a time zone's rules" in refusal(parse_spec, "0 9 * * *")
    Path(tokyo).unlink()
    assert "not a file of a time zone's rules" in refusal(parse_spec, "0 9 * * *")


def test_without_anything_the_machines_zone_decides(monkeypatch, tokyo):
    """With TZ unset it is /etc/localtime, and UTC where there is none."""
    monkeypatch.delenv("TZ", raising=False)
    assert local_zone_is("Asia/Tokyo")
    Path(tokyo).unlink()
    assert local_zone_is("UTC")


RULES = [
    "UTC0",
    "JST-9",
    "CET-1CEST,M3.5.0,M10.5.0/3",
    "EST5EDT",  # of which the zone's name has rules of its own, which are the same
    "<+0330>-3:30",
    "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
    "AEST-10AEDT,M10.1.0,M4.1.0/3",
    "IST-1GMT0,M10.5.0,M3.5.0/1",
    ":XST3:15:20",
]


@pytest.mark.parametrize("rule", RULES)
def test_the_environment_may_hold_a_rule(monkeypatch, rule):
    """POSIX has it, and appliances do: nine in the morning is what the C library, and so `date`, calls nine."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", rule)
        time.tzset()
        schedule = parse_spec("0 9 * * *")
        shown = [time.localtime(moment) for moment in upcoming(schedule, epoch("2026-01-01T00:00"), 366)]
    time.tzset()
    assert [(at.tm_hour, at.tm_min) for at in shown] == [(9, 0)] * 366
    assert len({(at.tm_mon, at.tm_mday) for at in shown}) == 365
    assert rule.removeprefix(":") in schedule.describe()


def test_summer_time_without_a_rule_has_the_usual_one(monkeypatch):
    """POSIX leaves it to the C library, which takes that of the United States."""
    monkeypatch.setenv("TZ", "CET-1CEST")
    begin = epoch("2026-03-01T00:00")
    bare = upcoming(parse_spec("0 9 * * *"), begin, 366)
    monkeypatch.setenv("TZ", "CET-1CEST,M3.2.0,M11.1.0")
    assert bare == upcoming(parse_spec("0 9 * * *"), begin, 366)


@pytest.mark.parametrize("value", ["A0", "UTC0,", "UTC99", "JST-9\n", "CET-1CEST,M3.5.0", "CET-1CEST,X,Y", "JST--9"])
def test_what_is_no_rule_is_refused(monkeypatch, value):
    """A schedule is not run in a zone that was not meant."""
    monkeypatch.setenv("TZ", value)
    assert "unknown time zone" in refusal(parse_spec, "0 9 * * *")


@pytest.mark.parametrize("value", ["UTC", "Etc/UTC", "JST-9"])
def test_what_needs_no_data_works_without_any(monkeypatch, value):
    """Small images have no files of zones, and are in UTC: TZ may say so."""
    monkeypatch.setenv("TZ", value)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    before = zoneinfo.TZPATH
    try:
        zoneinfo.reset_tzpath([])
        zoneinfo.ZoneInfo.clear_cache()
        assert value in parse_spec("0 9 * * *").describe().replace("in UTC", "in Etc/UTC or UTC")
    finally:
        zoneinfo.reset_tzpath(before)


def test_a_bad_zone_in_the_environment_is_refused(monkeypatch):
    """A schedule is not run in a zone that was not meant; the message says where the zone came from."""
    monkeypatch.setenv("TZ", "Mars/X")
    message = refusal(parse_spec, "0 9 * * *")
    assert "TZ=Mars/X" in message
    assert "unknown time zone 'Mars/X'" in message
    assert isinstance(parse_spec("@every 1h"), Every)


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


# ---------------------------------------------------------------- changes of the clocks


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
