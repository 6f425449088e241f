"""Why a test failed, in words: what was seen, where, and in which order things happened."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .authors import Authors
from .candidate import NOBODY_LEADS
from .journal import Event, Journal

__all__ = ["JOURNAL", "explain", "seen"]

#: On the item of a test: what happened in it.
JOURNAL = pytest.StashKey[Journal]()
#: Characters of the line that says what was seen.
LONGEST = 300

#: How it ends, of an error that was to be raised.
NOT_RAISED = "was not raised"

_SUITE = Path(__file__).with_name("suite")
_BARE = re.compile(r"AssertionError$|assert ")
_OURS = re.compile(r"^(?:incumbent\.(?:\w+\.)*)?(?:(?:AssertionError|HangError): )?")
_CALL = re.compile(r"\.(\w+)\(")
_DID_NOT_RAISE = re.compile(r"(?:Failed: )?DID NOT RAISE (?:any of )?(.*)")


def explain(
    item: pytest.Item, error: pytest.ExceptionInfo[BaseException], report: pytest.TestReport, authors: Authors
) -> dict[str, Any]:
    """Return, for a report that may be sent to another process, what explains the failure of *item*."""
    journal = item.stash.get(JOURNAL, None)
    events = () if journal is None else journal.events()
    lines = _lines(error)
    text, code = _parts(error.value) or seen(report), authors.line_of(error.value)
    judged = _judged(lines[-1] if lines else "", events)
    if judged is not None and not code and journal is not None and _is_of_an_answer(text):
        code = authors.definition_of(journal.methods.get(judged.did))
    if lines and _BARE.match(text):  # what pytest makes of it, if it does, says less than the answer
        last = f"; {judged.who} {judged.did} → {judged.came}" if judged else ""
        text = f"it is not so that {lines[-1].removeprefix('assert ')}{last}"
    return {
        "seen": text if journal is None else journal.tidy(text),
        "code": code,
        "statement": lines[0] if lines else "",
        "journal": [vars(event) for event in events],
        "trace": report.longreprtext,
    }


def _judged(statement: str, events: tuple[Event, ...]) -> Event | None:
    """Return the answer that *statement* of the suite judged: the last one of a method that it names, or of any."""
    answered = [event for event in events if event.came]
    named = tuple(f"{name}(" for name in _CALL.findall(statement))
    of_it = [event for event in answered if event.did.startswith(named)] if named else []
    return next(reversed(of_it or answered), None)


def _is_of_an_answer(text: str) -> bool:
    """Tell whether a test failed for what a method has answered, and not for what followed from it."""
    return bool(_BARE.match(text)) or text.endswith((NOT_RAISED, NOBODY_LEADS))


def seen(report: pytest.TestReport) -> str:
    """Return in one line why a test failed or was skipped."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        text: str = crash.message
    elif isinstance(report.longrepr, tuple):
        text = report.longrepr[2].removeprefix("Skipped: ")
    else:
        text = report.longreprtext
    line = _OURS.sub("", text.partition("\n")[0])[:LONGEST]
    unraised = _DID_NOT_RAISE.match(line)
    if unraised:
        return f"{re.sub(r'<class .([^>]*).>', _last_name, unraised[1])} {NOT_RAISED}"
    return line


def _parts(error: BaseException) -> str:
    """Return what each error of a group says, if it is one: what pytest shows of the group is how many they are."""
    parts: tuple[BaseException, ...] = getattr(error, "exceptions", ())  # Python 3.10 has no group of its own
    return "; ".join(dict.fromkeys(_parts(part) or _said(part) for part in parts))


def _said(error: BaseException | None) -> str:
    """Return what an error says on one line, and what it was raised for."""
    if error is None:
        return ""
    line = f"{type(error).__name__}: {str(error).strip()}".partition("\n")[0][:LONGEST]
    return ", for ".join(filter(None, (line, _said(error.__cause__))))


def _last_name(match: re.Match[str]) -> str:
    return match[1].rpartition(".")[2]


def _lines(error: pytest.ExceptionInfo[BaseException]) -> list[str]:
    """Return the lines of the suite at which the test ended: first its own, then those of what it called."""
    entries = [entry for entry in error.traceback if isinstance(entry.path, Path) and entry.path.parent == _SUITE]
    return [" ".join(str(entry.statement).split()) for entry in entries]
