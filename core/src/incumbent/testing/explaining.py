"""Why a test failed, in words: what was seen, where, and in which order things happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .journal import Journal

__all__ = ["JOURNAL", "explain", "seen"]

#: On the item of a test: what happened in it.
JOURNAL = pytest.StashKey[Journal]()
#: Characters of the line that says what was seen.
LONGEST = 300

_SUITE = Path(__file__).with_name("suite")
_BARE = re.compile(r"AssertionError$|assert ")
_DID_NOT_RAISE = re.compile(r"(?:Failed: )?DID NOT RAISE (?:any of )?(.*)")


def explain(item: pytest.Item, error: pytest.ExceptionInfo[BaseException], report: pytest.TestReport) -> dict[str, Any]:
    """Return, for a report that may be sent to another process, what explains the failure of *item*."""
    journal = item.stash.get(JOURNAL, None)
    events = () if journal is None else journal.events()
    lines = _lines(error)
    text = seen(report)
    if lines and _BARE.match(text):  # what pytest makes of it, if it does, says less than what happened last
        last = f"; {events[-1].who} {events[-1].did} → {events[-1].came}" if events else ""
        text = f"it is not so that {lines[-1].removeprefix('assert ')}{last}"
    return {
        "seen": text if journal is None else journal.tidy(text),
        "statement": lines[0] if lines else "",
        "journal": [vars(event) for event in events],
        "trace": report.longreprtext,
    }


def seen(report: pytest.TestReport) -> str:
    """Return in one line why a test failed or was skipped."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        text: str = crash.message
    elif isinstance(report.longrepr, tuple):
        text = report.longrepr[2]
    else:
        text = report.longreprtext
    line = text.partition("\n")[0].removeprefix("AssertionError: ")[:LONGEST]
    unraised = _DID_NOT_RAISE.match(line)
    if unraised:
        return f"{re.sub(r'<class .([^>]*).>', _last_name, unraised[1])} was not raised"
    return line


def _last_name(match: re.Match[str]) -> str:
    return match[1].rpartition(".")[2]


def _lines(error: pytest.ExceptionInfo[BaseException]) -> list[str]:
    """Return the lines of the suite at which the test ended: first its own, then those of what it called."""
    entries = [entry for entry in error.traceback if isinstance(entry.path, Path) and entry.path.parent == _SUITE]
    return [" ".join(str(entry.statement).split()) for entry in entries]
