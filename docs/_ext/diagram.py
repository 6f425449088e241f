"""Draws the phases of a candidate, from the table that the engine runs on."""

from __future__ import annotations

from math import hypot

from incumbent.engine.machine import TRANSITIONS, Phase
from incumbent.state import State

Point = tuple[float, float]

#: Pixels: as wide as what a telephone shows of a page. Each way has a number, whose events the table below tells.
WIDTH, HEIGHT = 360, 470
BOX, BADGE = (104, 36), 10
HEAD = (
    f'<svg role="img" aria-label="The phases of a candidate" viewBox="0 0 {WIDTH} {HEIGHT}" '
    'style="max-width: 30rem; width: 100%" font-family="sans-serif" font-size="13" stroke-width="1.4">'
)
TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="currentColor"/></marker></defs>'
)
#: Where each phase is drawn. A phase without a place fails the build.
PLACES = {
    Phase.BOOTSTRAP: (180, 24),
    Phase.FOLLOWER: (60, 140),
    Phase.LEADER: (300, 140),
    Phase.DEPOSED: (304, 270),
    Phase.RELINQUISHING: (90, 340),
    Phase.CLOSED: (270, 446),
}
#: Where on its way a number may stand, from 0 to 1: it takes what is farthest from all others.
STANDS = [step / 20 for step in range(5, 16)]
#: How far two ways lie apart that lead there and back.
ASIDE = 10


def arrows() -> dict[tuple[Phase, Phase], list[str]]:
    """Return which events lead from one phase to which, as the table has it."""
    found: dict[tuple[Phase, Phase], list[str]] = {}
    for phase, row in TRANSITIONS.items():
        for event, transition in row.items():
            for to in transition.to:
                found.setdefault((phase, to), []).append(event.__name__)
    return found


def ways() -> dict[tuple[Phase, Phase], int]:
    """Return the ways between two phases, with their numbers."""
    return {way: number for number, way in enumerate((way for way in arrows() if way[0] is not way[1]), 1)}


def svg() -> str:
    """Draw the phases and the ways between them, with their numbers; those that stay are left to the table."""
    numbers = ways()
    lines = {way: _line(*way, both=way[::-1] in numbers) for way in numbers}
    taken = [*PLACES.values()]
    badges = []
    for way, ((x1, y1), (x2, y2)) in lines.items():
        stands = [(x1 + (x2 - x1) * at, y1 + (y2 - y1) * at) for at in STANDS]
        others = [line for other, line in lines.items() if other != way]
        best = max(stands, key=lambda at: min(*(_far(at, b) for b in taken), *(2 * _off(at, line) for line in others)))
        taken.append(best)
        badges.append(_badge(best, numbers[way], arrows()[way]))
    drawn = [_arrow(way, *line) for way, line in lines.items()]
    return "\n".join([HEAD, TIP, *drawn, *badges, *(_box(phase) for phase in Phase), "</svg>"])


def _far(one: Point, other: Point) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])


def _off(point: Point, line: tuple[Point, Point]) -> float:
    """Return how far *point* is from the nearest of *line*, a few of whose points stand for all."""
    (x1, y1), (x2, y2) = line
    return min(_far(point, (x1 + (x2 - x1) * step / 40, y1 + (y2 - y1) * step / 40)) for step in range(41))


def _box(phase: Phase) -> str:
    x, y = PLACES[phase]
    width, height = BOX
    fill = "0.25" if phase.state is State.LEADER else "0.05"
    return (
        f'<g data-phase="{phase.name}"><rect x="{x - width / 2}" y="{y - height / 2}" width="{width}" '
        f'height="{height}" rx="8" fill="currentColor" fill-opacity="{fill}" stroke="currentColor"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="currentColor">{phase.value}</text></g>'
    )


def _badge(at: Point, number: int, events: list[str]) -> str:
    x, y = at
    return (
        f'<g class="badge" data-number="{number}"><title>{", ".join(events)}</title>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{BADGE}" fill="var(--color-background-primary, Canvas)" '
        'stroke="currentColor" stroke-width="1"/>'
        f'<text x="{x:.1f}" y="{y + 4.5:.1f}" text-anchor="middle" fill="currentColor">{number}</text></g>'
    )


def _line(start: Phase, end: Phase, *, both: bool) -> tuple[Point, Point]:
    """Return a line from border to border, beside its counterpart if there is one."""
    (x1, y1), (x2, y2) = PLACES[start], PLACES[end]
    length = hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    aside = ASIDE if both else 0
    x1, y1, x2, y2 = x1 - dy * aside, y1 + dx * aside, x2 - dy * aside, y2 + dx * aside
    width, height = BOX
    reach = min(width / 2 / abs(dx) if dx else length, height / 2 / abs(dy) if dy else length) + 3
    return (x1 + dx * reach, y1 + dy * reach), (x2 - dx * reach, y2 - dy * reach)


def _arrow(way: tuple[Phase, Phase], start: Point, end: Point) -> str:
    points = f"M{start[0]:.0f} {start[1]:.0f} {end[0]:.0f} {end[1]:.0f}"
    return (
        f'<path data-way="{way[0].name} {way[1].name}" d="{points}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.7" marker-end="url(#tip)"/>'
    )


def rows() -> list[tuple[str, str, str, str]]:
    """Return the table's rows: number, phase, the phase that it leads to, the events that can lead there."""
    numbers = ways()
    return [
        (str(numbers.get((start, end), "")), start.value, "stays" if start is end else end.value, ", ".join(events))
        for (start, end), events in arrows().items()
    ]
