"""The report as Markdown, for an author to publish: short, and safe whatever others wrote in it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from types import MappingProxyType

from incumbent import Capabilities
from incumbent.address import printable

from .outcome import DEVIATES, FAILED, MOST_NAMED, NOT_RUN, NOT_SELECTED, PASSED, Outcome, alike, shortened

__all__ = ["TITLES", "page"]

#: What tests cite: the promises that an elector can break, and the rules of the contract. P3 and P6 are the engine's.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "P1": "one leader",
        "P2": "the deadline",
        "P4": "tokens grow",
        "P5": "no phantom",
        "P7": "nothing is final",
        "P8": "a clean end",
        "P9": "fork",
        "P10": "bounded waiting",
        "P11": "the testament",
        "Rule 1": "one bounded attempt",
        "Rule 2": "no is an answer, trouble is an exception",
        "Rule 3": "threads",
        "Rule 4": "nothing early, nothing left",
        "Contract": "what is declared",
    }
)
#: Characters of foreign text that are shown in one place.
LONGEST = 500


def page(
    elector: str,
    *,
    verdict: str,
    counts: str,
    facts: Iterable[tuple[str, str]],
    outcomes: tuple[Outcome, ...],
    capabilities: Capabilities | None,
) -> str:
    """Return the report on *elector* as a page: all that it says comes from outside, and is escaped."""

    def of(result: str) -> list[Outcome]:
        return [outcome for outcome in outcomes if outcome.result == result]

    lines = [
        f"# Conformance of {code(elector)}",
        "",
        f"The elector **{verdict}**: {counts}.",
        "",
        *_table(("what", "which"), ((plain(what), plain(which)) for what, which in facts)),
        *_failures(of(FAILED)),
        *_capabilities(capabilities),
        *_promises(outcomes),
        *_left_out("Not run", of(NOT_RUN)),
        *_left_out("Deviations", of(DEVIATES)),
    ]
    return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """Return foreign *text* so that Markdown shows it as it is, on one line."""
    # What means something anywhere; and at the beginning, what makes a heading, a list or a quotation.
    escaped = re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", _one_line(text))
    return re.sub(r"^(\d+(?=[.)](?:\s|$))|(?=[#+=-]))", r"\1\\", escaped)


def code(text: str, fence: str = "`") -> str:
    """Return foreign *text* as code on one line, also in a table."""
    shown = _one_line(text).replace("|", "\\|")
    while fence in shown:
        fence += "`"
    space = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _one_line(text: str) -> str:
    shown = printable(" ".join(text.split()))
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _capabilities(capabilities: Capabilities | None) -> list[str]:
    if capabilities is None:
        return []
    rows = []
    for name in (field.name for field in fields(capabilities)):
        declared = getattr(capabilities, name)
        if name == "ttl_range":
            rows.append((f"`{name}`", _range(*declared), ""))
        else:
            rows.append((f"`{name}`", "yes" if declared else "no", plain(declared.detail)))
    return ["", "## Capabilities", "", *_table(("capability", "declared", "in which way, or why not"), rows)]


def _range(shortest: float, longest: float) -> str:
    return "any" if (shortest, longest) == (0, math.inf) else f"{shortest:g} to {longest:g} s"


def _promises(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Tell each truth under the first that it cites, and count it there alone."""
    by_first: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_first.setdefault(outcome.cites.partition(", ")[0], []).append(outcome)
    known = [*TITLES, *sorted(by_first.keys() - TITLES.keys())]
    yield from ("", "## What was tried")
    for cited in known:
        if cited in by_first:
            yield from _promise(cited, by_first[cited])


def _promise(cited: str, outcomes: list[Outcome]) -> Iterator[str]:
    held = [outcome for outcome in outcomes if outcome.result == PASSED]
    yield from ("", f"### {plain(cited)}: {TITLES.get(cited, 'other')} ({len(held)} of {len(outcomes)} held)", "")
    marks = {PASSED: "", FAILED: "**failed**: ", NOT_RUN: "*not run*: ", DEVIATES: "*deviates*: "}
    for outcome in outcomes:
        yield f"- {marks.get(outcome.result, f'*{NOT_SELECTED}*: ')}{outcome.truth}"


def _failures(failed: list[Outcome]) -> Iterator[str]:
    if failed:
        yield from ("", "## Failures")
    for outcome, *others in alike(failed):
        yield from ("", f"### {code(outcome.test)}", "")
        yield f"- expected ({plain(outcome.cites)}): {outcome.truth}"
        yield f"- seen: {code(outcome.detail)}"
        if outcome.code:
            yield f"- code: {code(outcome.code)}"
        if outcome.statement:
            yield f"- at: {code(outcome.statement)}"
        if others:
            yield f"- as well: {', '.join(code(other.test) for other in others)}"
        yield f"- read: {code(outcome.section)} in {code(outcome.read)}"
        if outcome.journal:
            yield from ("- in order:", "", *_block(event.to_text() for event in shortened(outcome.journal)))


def _block(lines: Iterable[str]) -> list[str]:
    """Return foreign *lines* as a block of code; their columns are kept."""
    shown = [printable(line)[:LONGEST] for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *shown, fence]


def _left_out(title: str, outcomes: list[Outcome]) -> Iterator[str]:
    """Tell each reason once, and the tests that it is the reason of."""
    by_reason: dict[str, list[str]] = {}
    for outcome in outcomes:
        by_reason.setdefault(outcome.detail, []).append(outcome.test)
    if by_reason:
        yield from ("", f"## {title}", "")
    for reason, tests in by_reason.items():
        named = ", ".join(map(code, tests)) if len(tests) <= MOST_NAMED else f"{len(tests)} tests"
        yield f"- {plain(reason)}: {named}"


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heading, ("---",) * len(heading), *rows)]
