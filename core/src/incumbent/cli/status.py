"""`incumbent status`: who leads an election, read once and without becoming a candidate."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from incumbent.address import Address
from incumbent.observer import read_place

from ._output import duration, local_time, show_json, show_table
from ._parser import add_elector, add_json, add_name

if TYPE_CHECKING:
    import argparse

    from incumbent.elector import LeaderRecord

    from ._parser import Commands


def add_parser(commands: Commands) -> None:
    """Add the command to *commands*."""
    parser = commands.add_parser("status", description="Show who leads an election, since when, and its candidates.")
    add_elector(parser)
    add_name(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print who leads; 0 whether anybody does or not."""
    given = Address.parse(args.elector)
    known, record = read_place(given, args.name)
    address = known or given
    if args.json:
        show_json(_for_programs(address, record))
    else:
        show_table(_for_people(address, record, time.time()))
    return 0


def _for_programs(address: Address, record: LeaderRecord) -> dict[str, Any]:
    """Return the record as JSON has it; the time as seconds since the epoch, as it was given."""
    known = record.since is not None and math.isfinite(record.since)
    return {
        "elector": str(address),
        "name": record.lock_id,
        "leader": record.candidate,
        "token": record.token,
        "since": record.since if known else None,
        "candidates": None if record.candidates is None else list(record.candidates),
    }


def _for_people(address: Address, record: LeaderRecord, now: float) -> list[tuple[str, str]]:
    """Return the record as lines of a table; a time that the backend does not say is left out."""
    rows = [("election", record.lock_id), ("elector", str(address))]
    if record.candidate is None:
        rows.append(("leader", "nobody"))
    else:
        rows += [("leader", record.candidate), ("token", str(record.token))]
    if record.since is not None:
        # By the leader's clock, which may be ahead of ours.
        ago = f" ({duration(now - record.since)} ago)" if 0 <= now - record.since < math.inf else ""
        rows.append(("since", local_time(record.since) + ago))
    listed = ("not listed by this elector",) if record.candidates is None else record.candidates or ("none",)
    rows += [("candidates" if n == 0 else "", line) for n, line in enumerate(listed)]
    if len(set(listed)) < len(listed):
        rows.append(
            ("hint", "an id is there twice: unless its candidate has just come back, two share it; give each its own")
        )
    return rows
