"""Instants for tests of schedules: named by their local time, and the next ones of a schedule."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from incumbent.schedule import Cron, parse_spec, upcoming

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
