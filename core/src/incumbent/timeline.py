"""Who led an election when: what was seen of it, as terms and gaps, and drawn as one SVG that needs nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import isfinite
from typing import Any

from .errors import ConfigurationError

__all__ = ["Moment", "Span", "draw", "duration", "parse_moment", "spans", "summary"]

#: What is drawn, in the units of SVG. A row has a candidate's name and, below that, its bars.
WIDTH, ROW, BAR, HEAD, FOOT, MARGIN = 1000.0, 44.0, 22.0, 76.0, 34.0, 16.0
#: Of the head, what is left to the labels of gaps where the drawing has no title.
LABELS = 24.0
#: A character is so wide, or less; and a mark of the axis with the way to the next one, or more.
CHARACTER, MARK = 8.0, 95.0
#: Of the whole width, a gap that is narrower than this has no label, but for the longest.
LABELLED = 0.03
#: Shown as long at least, so that a gap of a millisecond can be seen.
NARROWEST = 1.5
#: Seconds between two marks of the axis.
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
#: Dark enough for white numbers, and different in lightness too, for people who see colours differently.
COLOURS = ("#0072b2", "#b35900", "#007a5a", "#a0468c", "#4b5bd0", "#806600", "#6b6b6b")

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 }
.title { font-size: 18px; font-weight: 600 } .quiet { fill: #666 } .token { fill: #fff; font-size: 12px }
.gap { fill: #d00; fill-opacity: .22 } .gaplabel { fill: #b00; font-size: 12px }
.name { stroke: #fff; stroke-width: 4px; paint-order: stroke }
.unseen { fill: #888; fill-opacity: .25 } .line { stroke: #ccc } .paper { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } .quiet { fill: #aaa } .gaplabel { fill: #f88 } .line { stroke: #444 } .paper { fill: #181818 }
  .gap { fill: #f66; fill-opacity: .4 } .name { stroke: #181818 }
}
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """
    What was seen at *at*, seconds since the Unix epoch: who leads from then on.

    Attributes:
        at: When.
        leader: Who leads; None if nobody does.
        token: The token of the term; None if nobody leads.
        is_known: False if the backend did not answer: then nothing is known from here on.
    """

    at: float
    leader: str | None = None
    token: int | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """
    A time in which nothing has changed: a term, a gap in which nobody led, or one in which nothing was seen.

    Attributes:
        begin, end: Seconds since the Unix epoch.
        leader: Who led; None in a gap.
        token: The token of the term.
        is_known: False if nothing was seen.
    """

    begin: float
    end: float
    leader: str | None
    token: int | None
    is_known: bool

    @property
    def is_gap(self) -> bool:
        """Whether nobody led."""
        return self.is_known and self.leader is None

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.begin


def parse_moment(line: str) -> tuple[str, Moment]:
    """
    Return the election and the moment that a line of `incumbent watch --record` tells of.

    Raises:
        ConfigurationError: It is no such line; says why.
    """
    try:
        told: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise ConfigurationError("it is not JSON") from None
    if not isinstance(told, dict):
        raise ConfigurationError("it is not a JSON object")
    at, election, leader, token = (told.get(key) for key in ("at", "election", "leader", "token"))
    if not isinstance(at, int | float) or isinstance(at, bool) or not isfinite(at):
        raise ConfigurationError("'at' must be seconds since the Unix epoch")
    if not isinstance(election, str):
        raise ConfigurationError("'election' must be text")
    if not isinstance(leader, str | None) or not isinstance(token, int | None):
        raise ConfigurationError("'leader' must be text or null, 'token' a number or null")
    return election, Moment(float(at), leader, token, is_known=told.get("error") is None)


def spans(moments: Iterable[Moment], until: float) -> list[Span]:
    """Return what lies between *moments*, in order of time, and between the last one and *until*."""
    ordered = sorted(moments, key=lambda moment: moment.at)
    changes = ordered[:1] + [now for before, now in pairwise(ordered) if _what(before) != _what(now)]
    ends = [*(moment.at for moment in changes[1:]), max(until, *(moment.at for moment in changes))] if changes else []
    return [Span(each.at, end, each.leader, each.token, each.is_known) for each, end in zip(changes, ends, strict=True)]


def _what(moment: Moment) -> tuple[object, ...]:
    return moment.leader, moment.token, moment.is_known


def summary(seen: Sequence[Span]) -> str:
    """Say in one line how many terms and gaps there are, and how long nobody led."""
    terms = [span for span in seen if span.leader is not None and span.is_known]
    gaps = [span for span in seen if span.is_gap]
    whole = seen[-1].end - seen[0].begin
    candidates = len({span.leader for span in terms})
    text = f"{_count(len(terms), 'term')} of {_count(candidates, 'candidate')} in {duration(whole)}"
    if gaps:
        total = sum(span.seconds for span in gaps)
        longest = max(span.seconds for span in gaps)
        share = 100 * total / whole if whole > 0 else 0.0
        text += f"; nobody led for {duration(total)} ({share:.2g} %), at most {duration(longest)} at a time"
    return text


def draw(election: str, seen: Sequence[Span], *, width: float = WIDTH, titled: bool = True) -> str:
    """
    Return *seen*, which is not empty, as an SVG document: a row for each candidate, time from left to right.

    Args:
        election: Its name.
        seen: What is drawn.
        width: In the units of SVG, which are pixels if it is shown as wide as that.
        titled: Whether name and summary are part of the drawing.
    """
    names = list(dict.fromkeys(span.leader for span in seen if span.leader is not None))
    begin, end = seen[0].begin, max(seen[-1].end, seen[0].begin + 0.001)
    head = HEAD if titled else LABELS
    bottom = head + ROW * max(len(names), 1)
    height = bottom + FOOT

    def x(at: float) -> float:
        return MARGIN + (width - 2 * MARGIN) * (at - begin) / (end - begin)

    def label(kind: str, at: float, y: float, text: str) -> str:
        half = CHARACTER * len(text) / 2
        middle = min(max(at, half), width - half)
        return f'<text class="{kind}" text-anchor="middle" x="{middle:.1f}" y="{y:g}">{text}</text>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(election)}</title><style>{STYLE}</style>",
        f'<rect class="paper" width="{width:g}" height="{height:g}"/>',
    ]
    if titled:
        parts.append(f'<text class="title" x="{MARGIN:g}" y="28">{escape(election)}</text>')
        parts.append(f'<text class="quiet" x="{MARGIN:g}" y="50">{escape(summary(seen))}</text>')
    for at, text in _marks(begin, end, int(width / MARK)):
        parts.append(f'<line class="line" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{head:g}" y2="{bottom:g}"/>')
        parts.append(label("quiet", x(at), bottom + 20, text))
    longest = max((span.seconds for span in seen if span.is_gap), default=0.0)
    for span in seen:
        left, wide = x(span.begin), max(x(span.end) - x(span.begin), NARROWEST)
        if span.leader is not None and span.is_known:
            parts += _bar(span, names.index(span.leader), left, wide, head)
            continue
        parts.append(_gap(span, left, wide, head - 6, bottom))
        if span.is_gap and (span.seconds == longest or wide > LABELLED * WIDTH):
            parts.append(label("gaplabel", left + wide / 2, head - 10, duration(span.seconds)))
    for row, name in enumerate(names):
        shown = _short(name, int((width - 2 * MARGIN) / CHARACTER))
        title = f"<title>{escape(name)}</title>" if shown != name else ""
        parts.append(f'<text class="name" x="{MARGIN:g}" y="{head + ROW * row + 16:g}">{title}{escape(shown)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _bar(span: Span, row: int, left: float, width: float, head: float) -> list[str]:
    y = head + ROW * row + ROW - BAR
    told = f"{span.leader}, token {span.token}: {_moment(span.begin)} to {_moment(span.end)}, {duration(span.seconds)}"
    look = f'rx="3" fill="{COLOURS[row % len(COLOURS)]}"'
    shape = f'<rect class="bar" x="{left:.1f}" y="{y:g}" width="{width:.1f}" height="{BAR:g}" {look}>'
    parts = [f"{shape}<title>{escape(told)}</title></rect>"]
    if width > CHARACTER * len(str(span.token)) + 6:
        parts.append(f'<text class="token" x="{left + 5:.1f}" y="{y + 15:g}">{span.token}</text>')
    return parts


def _gap(span: Span, left: float, width: float, top: float, bottom: float) -> str:
    kind, what = ("gap", "nobody led") if span.is_known else ("unseen", "the backend did not answer")
    told = f"{what}: {_moment(span.begin)} to {_moment(span.end)}, {duration(span.seconds)}"
    shape = f'<rect class="{kind}" x="{left:.1f}" y="{top:g}" width="{width:.1f}" height="{bottom - top:g}">'
    return f"{shape}<title>{escape(told)}</title></rect>"


def _marks(begin: float, end: float, most: int) -> list[tuple[float, str]]:
    """Return *most* round times between *begin* and *end*, or fewer, in this machine's zone, with their labels."""
    step = next((step for step in STEPS if (end - begin) / step <= most), STEPS[-1] * 52)
    shift = time.localtime(begin).tm_gmtoff
    first = -((-(begin + shift)) // step) * step - shift
    pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%Y-%m-%d"
    times = [first + step * number for number in range(int((end - first) // step) + 1)]
    return [(at, time.strftime(pattern, time.localtime(at))) for at in times]


def _moment(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(at))


def duration(seconds: float) -> str:
    """Say how long *seconds* are, to two digits or three."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172800 else f"{seconds / 86400:.1f} d"


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
