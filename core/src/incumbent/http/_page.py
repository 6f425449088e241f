"""The page for people: who leads, since when, who else stands, the last terms. It renews itself, without a script."""

from __future__ import annotations

import math
import time
from html import escape

from incumbent.aio import AsyncLeaderElection
from incumbent.election import LeaderElection
from incumbent.timeline import draw, spans

from ._history import History

__all__ = ["page"]

#: Seconds after which a browser asks again.
REFRESH = 5

STYLE = """
:root { color-scheme: light dark } body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto;
padding: 0 1rem } h1 { font-size: 1.3rem; margin: 0 } .leader { font-size: 2rem; font-weight: 600; margin: .4rem 0;
overflow-wrap: anywhere } .nobody { color: #c00 } dl { display: grid; grid-template-columns: max-content 1fr;
gap: .2rem 1.5rem } dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere } svg { width: 100%; height: auto }
footer { opacity: .7; font-size: .85rem }
"""


def page(election: LeaderElection | AsyncLeaderElection, history: History, now: float) -> str:
    """Return the page as it is at *now*, seconds since the Unix epoch."""
    name = election.config.name
    seen = spans(history.moments(), now)
    drawing = draw(name, seen) if seen else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="{REFRESH}">
<meta name="viewport" content="width=device-width">
<title>{escape(name)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(name)}</h1>
{_leader(history)}
<dl>
{_facts(election, history, now)}
</dl>
{drawing}
<footer>{_clock(now)}, renewed every {REFRESH} s</footer>
</body>
</html>
"""


def _leader(history: History) -> str:
    record = history.record
    if record is None:
        return f'<p class="leader nobody">not known: {escape(history.problem or "nothing was seen yet")}</p>'
    if record.candidate is None:
        return '<p class="leader nobody">nobody leads</p>'
    return f'<p class="leader">{escape(record.candidate)} leads</p>'


def _facts(election: LeaderElection | AsyncLeaderElection, history: History, now: float) -> str:
    record, rows = history.record, []
    if record is not None and record.candidate is not None:
        rows.append(("token", str(record.token)))
        if record.info is not None:
            rows.append(("info", record.info))
        if record.since is not None and math.isfinite(record.since):
            rows.append(("since", f"{_clock(record.since)}, {max(0.0, now - record.since):.0f} s ago"))
    if record is not None and record.candidates:
        rows.append(("candidates", ", ".join(record.candidates)))
    rows += [("this candidate", election.candidate), ("it says", str(election.situation))]
    return "\n".join(f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>" for title, text in rows)


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))
