"""Draws the pictures of the pages from the engine's own numbers, and from what was recorded. Run it to do so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from statistics import median

from incumbent import LeaderElectionConfig
from incumbent.config import lifetime

HERE = Path(__file__).parent
#: Written by tests/helpers/successions.py.
RECORDED = HERE / "successions.json"

#: Pixels: as wide as what a telephone shows of a page, so that nothing is shrunk there; elsewhere it is enlarged.
WIDTH, SHOWN, MARGIN, LINE = 360, 480, 8, 16
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222 } .title { font-weight: 600 } .quiet { fill: #555 }
.paper, .on { fill: #fff } .line { stroke: #999; stroke-dasharray: 3 3 } .tick { stroke: #222; stroke-width: 2 }
.leads { fill: #0072b2 } .leads.late { fill-opacity: .35 } .next { fill: #007a5a } .nobody { fill: #f3b5b5 }
.kept { fill: #ecd999 } .frozen { fill: #c8c8c8 }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } .quiet { fill: #bbb } .paper { fill: #181818 } .on { fill: #111 } .line { stroke: #888 }
  .tick { stroke: #eee } .leads { fill: #4aa8e0 } .next { fill: #3cb48c } .nobody { fill: #8a3a3a }
  .kept { fill: #5f5228 } .frozen { fill: #5c5c5c } }
"""


def _picture(title: str, height: float, parts: Iterator[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{SHOWN}" '
        f'height="{height * SHOWN / WIDTH:g}" role="img">'
    )
    named = f"<title>{escape(title)}</title><style>{STYLE}</style>"
    return "\n".join([head, named, f'<rect class="paper" width="{WIDTH}" height="{height:g}"/>', *parts, "</svg>", ""])


def _text(kind: str, x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" text-anchor="{anchor}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _box(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


# ------------------------------------------------------------ the deadline

#: Pixels a second, and where time begins; the columns of the leader that is cut off, the frozen one, and the store.
SECOND, TOP, COLUMN = 30.0, 62.0, 74.0
COLUMNS = (118.0, 200.0, 282.0)
#: Seconds: from when until when the frozen leader does not run.
FROZEN = (2.0, 17.0)


def deadline() -> str:
    """Draw a term of a ttl of 15 s that is not renewed any more: time goes downwards."""
    config = LeaderElectionConfig("service/reports", ttl=15)
    height = TOP + SECOND * FROZEN[1] + 3 * LINE
    return _picture("What ends a term that is not renewed", height, _deadline(config))


def _deadline(config: LeaderElectionConfig) -> Iterator[str]:
    def y(seconds: float) -> float:
        return TOP + SECOND * seconds

    cut_off, frozen, store = COLUMNS
    over = lifetime(config.ttl)
    for x, first, second in (
        (cut_off, "a leader,", "cut off"),
        (frozen, "a leader,", "frozen"),
        (store, "the store", ""),
    ):
        yield _text("title", x, LINE + 2, first)
        if second:
            yield _text("title", x, 2 * LINE + 2, second)
    yield _box("leads", cut_off, y(0), COLUMN, y(config.renew_deadline) - y(0))
    yield _box("leads late", cut_off, y(config.renew_deadline), COLUMN, y(over) - y(config.renew_deadline))
    yield _box("leads", frozen, y(0), COLUMN, y(FROZEN[0]) - y(0))
    yield _box("frozen", frozen, y(FROZEN[0]), COLUMN, y(FROZEN[1]) - y(FROZEN[0]))
    yield _box("kept", store, y(0), COLUMN, y(config.ttl) - y(0))
    yield _box("next", store, y(config.ttl), COLUMN, y(FROZEN[1]) - y(config.ttl))
    moments = (
        (0.0, "sent", "the last request"),
        (config.renew_deadline, "renew deadline", ""),
        (over, "deadline", ""),
        (config.ttl, "ttl", ""),
    )
    for at, name, also in moments:
        yield f'<line class="line" x1="{MARGIN}" x2="{WIDTH - MARGIN}" y1="{y(at):.1f}" y2="{y(at):.1f}"/>'
        yield _text("", MARGIN, y(at) - 4, name)
        yield _text("quiet", MARGIN, y(at) + 13, f"{at:.2f} s".replace(".00", ""))
        if also:
            yield _text("quiet", MARGIN, y(at) + 13 + LINE, also)
    said = (
        (cut_off, 4.0, "on", "leads"),
        (cut_off, (config.renew_deadline + over) / 2, "", "stops", "its work"),
        (frozen, FROZEN[0] / 2, "on", "leads"),
        (frozen, 6.5, "", "frozen"),
        (frozen, FROZEN[1] + 0.9, "", "wakes up:", "not valid"),
        (store, 6.5, "", "keeps", "its claim"),
        (store, (config.ttl + FROZEN[1]) / 2, "on", "another", "may lead"),
    )
    for x, at, kind, *words in said:
        for number, word in enumerate(words):
            yield _text(kind, x + COLUMN / 2, y(at) + 5 + LINE * (number - (len(words) - 1) / 2), word, "middle")
    number = 1
    while (at := number * config.leader_check_interval) < config.renew_deadline:
        yield f'<line class="tick" x1="{cut_off - 6}" x2="{cut_off + 6}" y1="{y(at):.1f}" y2="{y(at):.1f}"/>'
        yield _text("quiet", cut_off - 9, y(at) + 4, "asks in vain" if number == 1 else "again", "end")
        number += 1


# ------------------------------------------------------------ hand-overs and fail-overs

#: Pixels: the row of a store, its bar, and how much of the old leader is shown.
ROW, BAR, BEFORE = 42.0, 18.0, 60.0


def successions() -> str:
    """Draw for how long nobody leads on each store: at a hand-over, and when the leader is killed."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    height = 2 * (3 * LINE + ROW * len(recorded)) + LINE
    return _picture("For how long nobody leads", height, _successions(recorded))


def _successions(recorded: list[dict]) -> Iterator[str]:
    top = float(LINE)
    # The quickest: milliseconds are what other work on the machine costs too.
    for key, title, typical in (("hand_over", "A hand-over", min), ("fail_over", "The leader is killed", median)):
        yield _text("title", MARGIN, top + 4, title)
        yield from _legend(top + 4 + LINE)
        top += 2 * LINE
        gaps = [typical(each[key]) for each in recorded]
        pixels = (WIDTH - 2 * MARGIN - 1.5 * BEFORE) / max(gaps)
        for each, gap in zip(recorded, gaps, strict=True):
            y, begin, end = top + LINE + 4, MARGIN + BEFORE, MARGIN + BEFORE + max(pixels * gap, 1.5)
            name = each["elector"] if key == "hand_over" else f"{each['elector']}, ttl {each['ttl']} s"
            yield _text("", MARGIN, top + LINE, name)
            said = f"{gap:.1f} s" if gap >= 1 else f"{1000 * gap:.2g} ms"
            yield _text("title", WIDTH - MARGIN, top + LINE, said, "end")
            yield _box("leads", MARGIN, y, BEFORE, BAR)
            yield _box("nobody", begin, y, end - begin, BAR)
            yield _box("next", end, y, WIDTH - MARGIN - end, BAR)
            top += ROW
        top += LINE


def _legend(y: float) -> Iterator[str]:
    for x, kind, what in ((0, "leads", "the leader"), (105, "nobody", "nobody"), (190, "next", "the next one")):
        yield _box(kind, MARGIN + x, y - 10, 11, 11)
        yield _text("quiet", MARGIN + x + 16, y, what)


#: The files, beside the pages.
PICTURES: Mapping[str, Callable[[], str]] = {"deadline.svg": deadline, "successions.svg": successions}

if __name__ == "__main__":
    for name, draw in PICTURES.items():
        (HERE.parent / name).write_text(draw(), encoding="utf-8")
