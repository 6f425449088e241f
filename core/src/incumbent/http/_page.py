"""The page for people: who leads, since when, who else stands, the last terms. It renews itself, without a script."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from html import escape

from incumbent.aio import AsyncLeaderElection
from incumbent.election import LeaderElection
from incumbent.timeline import Span, draw, duration, spans, summary

from ._history import History

__all__ = ["page"]

#: Seconds after which a browser asks again.
REFRESH = 5

#: Pixels. Telephones have a drawing of their own, as wide as they are, in which the text is as large.
WIDE, NARROW = 1000.0, 390.0

STYLE = """
:root { color-scheme: light dark; background: Canvas }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1, p, dd { overflow-wrap: anywhere }
h1 { font-size: 1.1rem; font-weight: 400; margin: 0 }
.leader { font-size: clamp(1.3rem, 3.5vw, 2rem); font-weight: 600; line-height: 1.25; margin: .4rem 0 1rem }
.nobody { color: light-dark(#c00, #f77) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem }
dt { opacity: .75 }
dd { grid-column: 2; margin: 0 }
.summary, footer { opacity: .75; font-size: .9rem }
.summary { margin: 2rem 0 0 }
svg { display: block; height: auto; width: calc(100% + 2rem); margin: .5rem -1rem 1rem }
svg .paper { fill: none }
svg .name { stroke: Canvas }
.narrow { display: none }
@media (max-width: 40rem) {
  body { margin: 1rem auto }
  dl { display: block }
  dd { margin-bottom: .5rem }
  .wide { display: none }
  .narrow { display: block }
}
"""


def page(election: LeaderElection | AsyncLeaderElection, history: History, now: float) -> str:
    """Return the page as it is at *now*, seconds since the Unix epoch."""
    name = election.config.name
    seen = spans(history.moments(), now)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="{REFRESH}">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>{escape(name)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(name)}</h1>
{_leader(history)}
<dl>
{_facts(election, history, now)}
</dl>
{_terms(name, seen) if seen else ""}
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
            rows.append(("since", f"{_clock(record.since)}, {duration(max(0.0, now - record.since))} ago"))
    if record is not None:
        names = ("not listed by this elector",) if record.candidates is None else record.candidates or ("none",)
        rows += [("" if number else "candidates", each) for number, each in enumerate(names)]
    rows += [("this candidate", election.candidate), ("it says", str(election.situation))]
    return "\n".join((f"<dt>{title}</dt>" if title else "") + f"<dd>{escape(text)}</dd>" for title, text in rows)


def _terms(name: str, seen: Sequence[Span]) -> str:
    widths = (("wide", WIDE), ("narrow", NARROW))
    drawings = [f'<div class="{kind}">{draw(name, seen, width=width, titled=False)}</div>' for kind, width in widths]
    return "\n".join([f'<p class="summary">{escape(summary(seen))}</p>', *drawings])


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))
