"""Draws docs/dashboard.svg: what the dashboard for Grafana shows of a recorded election. Run it to do so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DASHBOARD = HERE.parent / "examples/prometheus/dashboard.json"
#: Written by tests/helpers/recorded.py.
RECORDED = HERE / "recorded.json"
DRAWN = HERE.parent / "dashboard.svg"

#: Pixels: a unit of Grafana's grid, of which there are 24 in a row; the space in a panel; a line of text, a character.
COLUMN, ROW, SPACE, LINE, CHARACTER = 41.5, 30.0, 10.0, 18.0, 7.0
#: Seconds: between two recorded values, unless something is missing; between two marks of time.
STEP, MARK = 2, 60
COLOURS = ("#0072b2", "#b35900", "#007a5a", "#a0468c", "#806600", "#6b6b6b")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222 } .title { font-weight: 600 } .quiet { fill: #666 }
.large { font-size: 40px; font-weight: 600 } .paper { fill: #f4f4f4 } .panel { fill: #fff; stroke: #ddd }
.axis { stroke: #ccc } polyline { fill: none; stroke-width: 2 } .leads { fill: #007a5a } .waits { fill: #ddd }
@media (prefers-color-scheme: dark) { text { fill: #eee } .quiet { fill: #aaa } .paper { fill: #111 }
  .panel { fill: #1c1c1c; stroke: #333 } .axis { stroke: #444 } .waits { fill: #444 } polyline { stroke-width: 2.5 } }
"""

Series = list[dict[str, Any]]


def svg() -> str:
    """Return the drawing."""
    recorded: Series = json.loads(RECORDED.read_text(encoding="utf-8"))
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    end = max(at for series in recorded for at, _ in series["values"])
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * ROW
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {24 * COLUMN:g} {height:g}" role="img">',
        f"<title>The dashboard</title><style>{STYLE}</style>",
        f'<rect class="paper" width="{24 * COLUMN:g}" height="{height:g}"/>',
    ]
    for panel in panels:
        parts += Panel(panel, [each for each in recorded if each["panel"] == panel["title"]], end).draw()
    return "\n".join([*parts, "</svg>", ""])


class Panel:
    """One panel, its series, and where it lies."""

    def __init__(self, panel: dict[str, Any], series: Series, end: float) -> None:
        self.panel, self.series, self.end = panel, series, end
        place = panel["gridPos"]
        self.left, self.top = place["x"] * COLUMN + 4, place["y"] * ROW + 4
        self.width, self.height = place["w"] * COLUMN - 8, place["h"] * ROW - 8
        self.bottom = self.top + self.height - SPACE

    def draw(self) -> Iterator[str]:
        """Yield its parts."""
        box = f'x="{self.left:g}" y="{self.top:g}" width="{self.width:g}" height="{self.height:g}"'
        yield f'<rect class="panel" rx="3" {box}/>'
        yield _text("title", self.left + SPACE, self.top + LINE, self.panel["title"])
        kinds = {"stat": self._stat, "state-timeline": self._states, "timeseries": self._lines}
        yield from kinds[self.panel["type"]]()

    def _stat(self) -> Iterator[str]:
        """The last value, large."""
        value = self.series[0]["values"][-1][1]
        yield _text("large", self.left + self.width / 2, self.bottom - 2 * SPACE, f"{value:g}", "middle")

    def _states(self) -> Iterator[str]:
        """A row for each series: strong where it leads, faint where it waits, nothing where it tells nothing."""
        begin, bottom = self.left + 13 * SPACE, self.bottom - LINE
        x = self._times(begin)
        yield from self._marks(x, self.top + 2.5 * SPACE, bottom)
        height = (bottom - self.top - 3 * SPACE) / len(self.series)
        for row, series in enumerate(self.series):
            top = self.top + 3 * SPACE + row * height
            yield _text("", self.left + SPACE, top + height / 2, series["legend"].split(" ")[-1])
            for piece in _pieces(series["values"]):
                for start, stop, value in _runs(piece):
                    kind = "leads" if value else "waits"
                    box = f'x="{x(start):.1f}" width="{x(stop) - x(start):.1f}"'
                    yield f'<rect class="{kind}" {box} y="{top + 6:.1f}" height="{height - 12:.1f}"/>'

    def _lines(self) -> Iterator[str]:
        """A line for each series, from 0 to the largest value, and the legends below."""
        begin, top, bottom = self.left + 5.5 * SPACE, self.top + 3.5 * SPACE, self.bottom - 2.3 * LINE
        most = max((value for series in self.series for _, value in series["values"]), default=0.0) or 1.0
        x = self._times(begin)
        yield from self._marks(x, top, bottom)
        for value in (0.0, most):
            y = bottom - (bottom - top) * value / most
            yield f'<line class="axis" x1="{begin:g}" x2="{self.left + self.width - SPACE:g}" y1="{y:g}" y2="{y:g}"/>'
            yield _text("quiet", begin - 5, y + 4, self._value(value), "end")
        as_bars = self.panel["fieldConfig"]["defaults"].get("custom", {}).get("drawStyle") == "bars"
        at = self.left + SPACE
        for number, series in enumerate(self.series):
            colour = COLOURS[number % len(COLOURS)]
            for piece in _pieces(series["values"]):
                points = [(x(when), bottom - (bottom - top) * value / most) for when, value in piece]
                if as_bars:
                    shape = " ".join(f"M{left:.1f} {bottom:g}V{y:.1f}" for left, y in points)
                    yield f'<path stroke="{colour}" stroke-width="2.5" d="{shape}"/>'
                else:
                    shape = " ".join(f"{left:.1f},{y:.1f}" for left, y in points)
                    yield f'<polyline stroke="{colour}" points="{shape}"/>'
            yield f'<rect x="{at:g}" y="{self.bottom - 8:g}" width="10" height="10" fill="{colour}"/>'
            yield _text("", at + 14, self.bottom + 1, series["legend"])
            at += 24 + CHARACTER * len(series["legend"])

    def _times(self, begin: float) -> Any:
        wide = self.left + self.width - SPACE - begin
        return lambda at: begin + wide * at / self.end

    def _marks(self, x: Any, top: float, bottom: float) -> Iterator[str]:
        for at in range(0, int(self.end) + 1, MARK):
            yield f'<line class="axis" x1="{x(at):.1f}" x2="{x(at):.1f}" y1="{top:g}" y2="{bottom:g}"/>'
            anchor = "end" if at + MARK > self.end else "middle"
            yield _text("quiet", x(at), bottom + 14, f"{at // 60}:{at % 60:02}", anchor)

    def _value(self, value: float) -> str:
        if self.panel["fieldConfig"]["defaults"]["unit"] != "s" or not value:
            return f"{value:.3g}"
        return f"{value:.3g} s" if value >= 1 else f"{value * 1000:.3g} ms"


def _pieces(values: list[list[float]]) -> Iterator[list[list[float]]]:
    """Yield the parts of a series between which something is missing."""
    breaks = [number + 1 for number, (one, next_) in enumerate(pairwise(values)) if next_[0] - one[0] > STEP]
    for start, stop in pairwise([0, *breaks, len(values)]):
        if start < stop:
            yield values[start:stop]


def _runs(piece: list[list[float]]) -> Iterator[tuple[float, float, float]]:
    """Yield from when to when which value lasts."""
    begin, value = piece[0]
    for at, now in piece[1:]:
        if now != value:
            yield begin, at, value
            begin, value = at, now
    yield begin, piece[-1][0], value


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


if __name__ == "__main__":
    DRAWN.write_text(svg(), encoding="utf-8")
