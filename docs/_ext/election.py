"""Draws docs/election.svg: a minute of an election, as it was recorded. Run it to do so.

Recorded on etcd at a ttl of 15 s: of `incumbent run --name service/reports --id host-a -- sleep 1000`, the same with
host-b and host-c, and `incumbent watch --name service/reports --record docs/_ext/election.jsonl`. The lines with a
`note` were added: when `incumbent relinquish --to host-b` was run, when all of host-b was stopped at once, and the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from incumbent.timeline import Moment, Span, duration, parse_moment, spans

HERE = Path(__file__).parent
RECORDED = HERE / "election.jsonl"
DRAWN = HERE.parent / "election.svg"
HOSTS = ("host-a", "host-b", "host-c")

#: Units of SVG, pixels on a screen that is as wide: large enough to be read on a telephone too.
WIDTH, LEFT, RIGHT, TOP, ROW, BAR, FOOT = 480, 66, 470, 56, 34, 24, 44
#: Seconds between two marks of the axis.
MARK = 10
COLOURS = ("#0072b2", "#b35900", "#007a5a")
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #222 } .quiet { fill: #666; font-size: 12px } .paper { fill: #fff }
.token { fill: #fff } .waits { stroke: #999; stroke-width: 3; stroke-dasharray: 2 5 }
.event { stroke: #b00; stroke-width: 1.5 } .told, .nobody { fill: #b00 } .gap { fill: #d00; fill-opacity: .18 }
@media (prefers-color-scheme: dark) { text { fill: #eee } .quiet { fill: #aaa } .paper { fill: #181818 }
  .event { stroke: #f88 } .told, .nobody { fill: #f88 } .gap { fill: #f66; fill-opacity: .35 } }
"""


def svg() -> str:
    """Return the drawing."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    told: list[dict[str, Any]] = [json.loads(line) for line in lines]
    notes = [each for each in told if "note" in each]
    moments = [parse_moment(line)[1] for line, each in zip(lines, told, strict=True) if "note" not in each]
    # Who dies goes on leading in the store until its claim has ended.
    moments += [Moment(each["at"]) for each in notes if "ends" in each]
    return "\n".join([*Picture(spans(moments, told[-1]["at"]), notes[:-1]).draw(), "</svg>", ""])


class Picture:
    """What was seen, what was done meanwhile, and where it lies."""

    def __init__(self, seen: list[Span], notes: list[dict[str, Any]]) -> None:
        self.seen, self.notes = seen, notes
        self.begin, self.end = seen[0].begin, seen[-1].end
        self.bottom = TOP + ROW * len(HOSTS)
        self.height = self.bottom + FOOT

    def draw(self) -> Iterator[str]:
        """Yield its parts."""
        yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" role="img">'
        yield f"<title>A minute of an election</title><style>{STYLE}</style>"
        yield f'<rect class="paper" width="{WIDTH}" height="{self.height}"/>'
        for row, host in enumerate(HOSTS):
            y = TOP + ROW * row + ROW / 2
            end = min((note["at"] for note in self.notes if note.get("ends") == host), default=self.end)
            yield _text("", 4, y + 5, host)
            yield f'<line class="waits" x1="{LEFT}" x2="{self.x(end):.1f}" y1="{y:g}" y2="{y:g}"/>'
        for span in self.seen:
            yield from self._term(span) if span.leader is not None else self._gap(span)
        for level, note in enumerate(self.notes):
            x = self.x(note["at"])
            yield f'<line class="event" x1="{x:.1f}" x2="{x:.1f}" y1="{22 + 18 * level}" y2="{self.bottom}"/>'
            yield _text("told", x, 16 + 18 * level, note["note"], "middle")
        for at in range(0, int(self.end - self.begin) + 1, MARK):
            yield _text("quiet", self.x(self.begin + at), self.bottom + 36, f"{at} s", "middle")

    def x(self, at: float) -> float:
        """Return where that moment lies."""
        return LEFT + (RIGHT - LEFT) * (at - self.begin) / (self.end - self.begin)

    def _term(self, span: Span) -> Iterator[str]:
        row = HOSTS.index(span.leader or "")
        left, y = self.x(span.begin), TOP + ROW * row + (ROW - BAR) / 2
        box = f'x="{left:.1f}" y="{y:g}" width="{self.x(span.end) - left:.1f}" height="{BAR}"'
        yield f'<rect {box} rx="3" fill="{COLOURS[row]}"/>'
        yield _text("token", left + 6, y + 17, f"token {span.token}")

    def _gap(self, span: Span) -> Iterator[str]:
        left, right = self.x(span.begin), self.x(span.end)
        box = f'x="{left:.1f}" y="{TOP}" width="{max(right - left, 1.5):.1f}" height="{self.bottom - TOP}"'
        yield f'<rect class="gap" {box}/>'
        yield _text("nobody", (left + right) / 2, self.bottom + 17, f"nobody, {duration(span.seconds)}", "middle")


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:g}">{escape(text)}</text>'


if __name__ == "__main__":
    DRAWN.write_text(svg(), encoding="utf-8")
