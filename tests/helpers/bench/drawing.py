"""Draws how long hand-overs take, by store: a dot for the median, a line from the quickest to all but the slowest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from .figures import Table, brief
from .peers import OURS

__all__ = ["svg"]

#: Pixels: of the picture, of what is left of the axis, and of a line of text.
WIDTH, LEFT, LINE = 800, 260, 22
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-weight: 600 } .quiet { fill: #666 }
.paper { fill: #fff } .axis { stroke: #ddd } .reach { stroke: #888; stroke-width: 2 } .dot { fill: #888 }
.ours .reach { stroke: #0072b2 } .ours .dot { fill: #0072b2 } .ours text { font-weight: 600 }
@media (prefers-color-scheme: dark) { text { fill: #eee } .quiet { fill: #aaa } .paper { fill: #111 }
  .axis { stroke: #333 } .ours .reach { stroke: #56b4e9 } .ours .dot { fill: #56b4e9 } }
"""


def svg(tables: Sequence[Table]) -> str:
    """Return the drawing of the hand-overs among *tables*."""
    drawn = [table for table in tables if table.row == "handover"]
    figures = [value for table in drawn for peer in table.values for value in table.of(peer)] or [1.0]
    low, high = math.floor(math.log10(min(figures))), max(math.ceil(math.log10(max(figures))), 0)
    scale = (WIDTH - LEFT - 90) / max(high - low, 1)

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - low) * scale

    height = LINE * (sum(len(table.values) + 1.5 for table in drawn) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" role="img">',
        f"<title>How long a hand-over takes</title><style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height:g}"/>',
    ]
    for power in range(low, high + 1):
        at = f"{x(10**power):.1f}"
        parts.append(f'<line class="axis" x1="{at}" x2="{at}" y1="{LINE}" y2="{height - LINE:g}"/>')
        parts.append(f'<text class="quiet" text-anchor="middle" x="{at}" y="{height - 6:g}">{10.0**power:g} ms</text>')
    top = float(LINE)
    for table in drawn:
        top += LINE
        parts.append(f'<text class="title" x="10" y="{top:g}">{escape(table.store)}</text>')
        for peer in table.values:
            top += LINE
            kind = "ours" if peer.startswith(OURS) else "theirs"
            parts += [f'<g class="{kind}">', *_peer(table, peer, x, top), "</g>"]
        top += LINE / 2
    return "\n".join([*parts, "</svg>", ""])


def _peer(table: Table, peer: str, x, top: float) -> Iterator[str]:
    yield f'<text x="30" y="{top:g}">{escape(peer)}</text>'
    median, high = table.median(peer), table.high(peer)
    if median is None or high is None:
        return
    middle = f"{top - 4:g}"
    reach = f'x1="{x(min(table.of(peer))):.1f}" x2="{x(high):.1f}"'
    yield f'<line class="reach" {reach} y1="{middle}" y2="{middle}"/>'
    yield f'<circle class="dot" cx="{x(median):.1f}" cy="{middle}" r="5"/>'
    yield f'<text class="quiet" text-anchor="end" x="{WIDTH - 10}" y="{top:g}">{brief(median)} ms</text>'
