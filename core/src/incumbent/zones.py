"""The time zone of a schedule: by its name, or this machine's, as the C library would have it."""

from __future__ import annotations

import os
import re
import struct
from datetime import timezone, tzinfo
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from .address import printable, shorten
from .errors import ConfigurationError

__all__ = ["local_zone", "named_zone"]

LOCAL_TIME = "/etc/localtime"
#: What TZ may hold instead of a zone's name, by POSIX: a name and an offset, and those of summer time and its rule.
_RULE = re.compile(
    r"(?:<[A-Za-z0-9+-]{3,}>|[A-Za-z]{3,})[-+0-9:]+(?P<summer>[A-Za-z<][^,]*)?(?P<rule>,[ -~]+)?\Z", re.ASCII
)
#: When summer time begins and ends if TZ names it and does not say: what C libraries take then.
_USUAL = ",M3.2.0,M11.1.0"


def named_zone(text: str, name: str) -> tzinfo:
    """
    Return the zone of that name, such as Europe/Berlin.

    Raises:
        ConfigurationError: There is none; one line that begins with *text*.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not found; not a name; a directory or an unreadable file
        if name in ("UTC", "Etc/UTC"):  # which needs no data: small images have none
            return timezone.utc
        raise ConfigurationError(
            f"{shorten(text)}: unknown time zone {shorten(name)} (a zone such as Europe/Berlin; "
            "if it is one, install the package tzdata)"
        ) from None


def local_zone(text: str) -> tzinfo:
    """
    Return this machine's zone, by the rules of the C library: TZ, else /etc/localtime, else UTC.

    Raises:
        ConfigurationError: TZ holds neither a zone's name, nor a rule, nor a file; one line that begins with *text*.
    """
    name = os.environ.get("TZ")
    if name is not None:
        name = name.removeprefix(":") or "UTC"  # set to nothing is UTC
        if not name.startswith("/"):
            return _rule(name) or named_zone(f"{text} (no zone given, so TZ={name})", name)
    try:
        with Path(name or LOCAL_TIME).open("rb") as file:
            return ZoneInfo.from_file(file, key="local time")
    except (OSError, ValueError):
        if name is None:
            return timezone.utc
        raise ConfigurationError(
            f"{shorten(text)} (no zone given, so TZ={printable(name)}): not a file of a time zone's rules"
        ) from None


def _rule(text: str) -> tzinfo | None:
    """Return the zone of a rule such as `CET-1CEST,M3.5.0,M10.5.0/3`, or None if *text* is none."""
    match = _RULE.match(text)
    if match is None:
        return None
    footer = f"\n{text}{_USUAL if match['summer'] and not match['rule'] else ''}\n"
    # Python knows such rules at the end of a zone's file, where they tell what comes after all changes that the file
    # lists. So here is a file that lists none: a header with its six counts, and one type of local time, never used.
    block = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
    try:
        return ZoneInfo.from_file(BytesIO(block + block + footer.encode()), key=text)
    except ValueError:
        return None
