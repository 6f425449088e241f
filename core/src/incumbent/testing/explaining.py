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
_DID_NOT_RAISE = re.compile(r"(?:Failed: )?DID NOT RAISE (?:any of )?(.*)")


def explain(item: pytest.Item, error: pytest.ExceptionInfo[BaseException], report: pytest.TestReport) -> dict[str, Any]:
    """Return, for a report that may be sent to another process, what explains the failure of *item*."""
    journal = item.stash.get(JOURNAL, None)
    return {
        "seen": seen(report) if journal is None else journal.tidy(seen(report)),
        "statement": _statement(error),
        "journal": [] if journal is None else [vars(event) for event in journal.events()],
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
    if line.startswith("assert "):
        return f"it is not so that {line.removeprefix('assert ')}"
    unraised = _DID_NOT_RAISE.match(line)
    if unraised:
        return f"nothing was raised, and not {re.sub(r'<class .([^>]*).>', _last_name, unraised[1])}"
    return line


def _last_name(match: re.Match[str]) -> str:
    return match[1].rpartition(".")[2]


def _statement(error: pytest.ExceptionInfo[BaseException]) -> str:
    """Return the line of the suite at which the test ended."""
    for entry in reversed(error.traceback):
        if isinstance(entry.path, Path) and entry.path.parent == _SUITE:
            return " ".join(str(entry.statement).split())
    return ""
