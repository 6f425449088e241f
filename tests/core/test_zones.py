"""The zone of a schedule that names none: as the environment, or else the machine, has it."""

from __future__ import annotations

import sys
import time
import zoneinfo
from importlib.resources import files
from pathlib import Path

import pytest
from instants import epoch
from oneline import refusal

from incumbent.schedule import Every, parse_spec, upcoming


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
