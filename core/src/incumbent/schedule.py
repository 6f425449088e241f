"""When a leader hands over by itself: intervals and cron, in the dialect of the reference's users.

croniter does the five fields. The rest is done here: `@hourly`-style names, `@every` with Go durations,
a leading `CRON_TZ=Zone` or `TZ=Zone`, and the rule for clocks that are put forward or back:

- a time that a change of the clocks skips comes right after the gap;
- a time that comes twice counts once, the first time, if the hour field names hours; a wildcard or a
  step there (`*`, `*/2`) means every hour that passes, so both count. This is Vixie cron's rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import floor

from .address import nearest, shorten
from .errors import ConfigurationError

__all__ = ["Cron", "Every", "parse_duration", "parse_spec", "upcoming"]

LONGEST = 200
DAY = 86400.0
MINUTE = timedelta(minutes=1)
NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_ZONE = re.compile(r"(?:CRON_TZ|TZ)=(\S*)\s+(.*)\Z", re.DOTALL)
#: What the five fields may be made of. Not croniter's R and H: a schedule is the same in every copy of a service.
_FIELD = re.compile(r"(?:[0-9*,/?#L-]|SUN|MON|TUE|WED|THU|FRI|SAT|JAN|FEB|MAR|APR|MAY|JU[NL]|AUG|SEP|OCT|NOV|DEC)+\Z")


@dataclass(frozen=True, slots=True)
class Every:
    """Every so many seconds from the term's begin, by the clock that never steps."""

    text: str
    seconds: float

    def next_after(self, epoch: float) -> float:
        """Return the end of an interval that begins at *epoch*."""
        return epoch + self.seconds

    def describe(self) -> str:
        """Say it in words."""
        return f"every {timedelta(seconds=self.seconds)}"


@dataclass(frozen=True, slots=True)
class Cron:
    """Instants of wall time that five cron fields describe in a time zone."""

    text: str
    fields: str
    zone: tzinfo

    def next_after(self, epoch: float) -> float:
        """
        Return the next instant after *epoch*, both seconds since the Unix epoch.

        Raises:
            ConfigurationError: There is none within fifty years.
        """
        # Imported here: croniter and what it brings would double the start-up time of every command.
        from croniter import CroniterBadDateError, croniter  # noqa: PLC0415

        # croniter only matches the fields with wall times; asked to follow a zone, it loses times where clocks move
        # by half an hour. Whole seconds, because the conversion would round up to the time that is looked for.
        begin = floor(epoch)
        wall = datetime.fromtimestamp(begin, self.zone).replace(tzinfo=None, fold=0)
        try:
            first = self._first(croniter(self.fields, wall, ret_type=datetime), epoch)
            back = self._offset(begin) - self._offset(min(first, begin + DAY))
            if self._hours().startswith("*") and back > timedelta(0):
                # The clocks go back meanwhile: times up to *wall* may come a second time.
                again = self._first(croniter(self.fields, wall - back - MINUTE, ret_type=datetime), epoch)
                first = min(first, again)
        except CroniterBadDateError:
            raise ConfigurationError(f"{shorten(self.text)}: never comes") from None
        return first

    def describe(self) -> str:
        """Say it in words."""
        return f"cron {self.fields!r} in {self.zone}"

    def _hours(self) -> str:
        return self.fields.split()[1]

    def _first(self, matches: Iterator[datetime], epoch: float) -> float:
        """Return the first instant after *epoch* that one of *matches*, wall times, stands for."""
        return next(instant for wall in matches for instant in self._instants(wall) if instant > epoch)

    def _instants(self, wall: datetime) -> list[float]:
        """Return the instants that *wall* stands for, by the rule at the top."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).timestamp() for fold in (0, 1))
        if first == second:
            return [first]
        if first < second:  # it comes twice
            return [first, second] if self._hours().startswith("*") else [first]
        if self._hours() == "*":  # it is skipped, and with it an hour that does not pass
            return []
        # The end of the gap: at *second* the clocks have not changed yet, at *first* they have.
        offset = self._offset(second)
        while first - second > 1.0:
            middle = floor((first + second) / 2)
            if self._offset(middle) == offset:
                second = middle
            else:
                first = middle
        return [first]

    def _offset(self, epoch: float) -> timedelta:
        return datetime.fromtimestamp(epoch, self.zone).utcoffset() or timedelta(0)


def parse_duration(text: str) -> float:
    """
    Return the seconds of a Go duration such as `1h30m`, `1.5h` or `300ms`.

    Raises:
        ConfigurationError: It is none, or not more than zero.
    """
    seconds, position = 0.0, 0
    while len(text) <= LONGEST and (match := _PART.match(text, position)):
        seconds += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if position != len(text) or not text:
        raise ConfigurationError(f"{shorten(text)}: not a duration such as 1h30m or 300ms (units: h, m, s, ms, us, ns)")
    if not 0.0 < seconds < 100 * 366 * 86400.0:
        raise ConfigurationError(f"{shorten(text)}: must be more than 0 and less than a century")
    return seconds


def parse_spec(text: str) -> Every | Cron:
    """
    Parse a relinquish spec: five cron fields, `@hourly`-style names, `@every DURATION`, a leading time zone.

    Raises:
        ConfigurationError: It is malformed, or never comes. One line that shows it and says why.
    """
    if not isinstance(text, str):
        raise ConfigurationError(f"{shorten(text)}: must be text")
    if len(text) > LONGEST:
        raise ConfigurationError(f"{shorten(text)}: longer than {LONGEST} characters")
    from .zones import local_zone, named_zone  # noqa: PLC0415 - most have no spec, and need no zones

    zone, fields = None, text.strip()
    if match := _ZONE.match(fields):
        zone, fields = named_zone(text, match[1]), match[2].strip()
    if fields.split(None, 1)[:1] == ["@every"]:
        if zone is not None:
            raise ConfigurationError(f"{shorten(text)}: @every counts from the term's begin and takes no time zone")
        try:
            return Every(text, parse_duration(fields[len("@every") :].strip()))
        except ConfigurationError as error:
            raise ConfigurationError(f"{shorten(text)}: {error}") from None
    if fields.startswith("@"):
        if fields not in NAMES:
            raise ConfigurationError(
                f"{shorten(text)}: unknown name{nearest(fields, NAMES)} (known: {', '.join(NAMES)}, @every DURATION)"
            )
        fields = NAMES[fields]
    return _cron(text, fields, zone or local_zone(text))


def upcoming(schedule: Every | Cron, epoch: float, count: int) -> list[float]:
    """Return the next *count* instants after *epoch*, as if each term began at the last one."""
    instants = []
    for _ in range(count):
        epoch = schedule.next_after(epoch)
        instants.append(epoch)
    return instants


def _cron(text: str, fields: str, zone: tzinfo) -> Cron:
    from croniter import CroniterError, croniter  # noqa: PLC0415

    parts = fields.upper().split()
    if len(parts) != 5:
        raise ConfigurationError(
            f"{shorten(text)}: needs five fields (minute hour day month weekday), has {len(parts)}; "
            "or write @hourly, @every 1h30m"
        )
    for part in parts:
        if not _FIELD.match(part):
            raise ConfigurationError(f"{shorten(text)}: field {shorten(part)} is not cron")
    fields = " ".join(parts)
    try:
        croniter.expand(fields)
    except (CroniterError, ValueError, KeyError, IndexError, OverflowError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(f"{shorten(text)}: {ascii(reason)[1:-1][:200]}") from None
    cron = Cron(text, fields, zone)
    cron.next_after(0.0)
    return cron
