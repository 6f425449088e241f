"""Draws the phases of a candidate, from the table that the engine runs on."""

from __future__ import annotations

from math import hypot

from incumbent.engine.machine import TRANSITIONS, Phase
from incumbent.state import State

WIDTH, HEIGHT = 720, 400
BOX = 124, 44
HEAD = (
    f'<svg role="img" aria-label="The phases of a candidate" viewBox="0 0 {WIDTH} {HEIGHT}" '
    'style="max-width: 46rem; width: 100%" font-family="sans-serif" font-size="14" stroke-width="1.4">'
)
TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="currentColor"/></marker></defs>'
)
#: Where each phase is drawn. A phase without a place fails the build.
PLACES = {
    Phase.BOOTSTRAP: (90, 60),
    Phase.FOLLOWER: (90, 240),
    Phase.LEADER: (400, 60),
    Phase.DEPOSED: (630, 150),
    Phase.RELINQUISHING: (400, 240),
    Phase.CLOSED: (400, 360),
}


def arrows() -> dict[tuple[Phase, Phase], list[str]]:
    """Return which events lead from one phase to which, as the table has it."""
    found: dict[tuple[Phase, Phase], list[str]] = {}
    for phase, row in TRANSITIONS.items():
        for event, transition in row.items():
            for to in transition.to:
                found.setdefault((phase, to), []).append(event.__name__)
    return found


def svg() -> str:
    """Draw the phases and the ways between them; those that stay are left to the table."""
    ways = [way for way in arrows() if way[0] is not way[1]]
    lines = [_arrow(start, end, both=(end, start) in ways) for start, end in ways]
    boxes = [_box(phase) for phase in Phase]
    return "\n".join([HEAD, TIP, *lines, *boxes, "</svg>"])


def _box(phase: Phase) -> str:
    x, y = PLACES[phase]
    width, height = BOX
    fill = "0.25" if phase.state is State.LEADER else "0.05"
    return (
        f'<g data-phase="{phase.name}"><rect x="{x - width / 2}" y="{y - height / 2}" width="{width}" '
        f'height="{height}" rx="8" fill="currentColor" fill-opacity="{fill}" stroke="currentColor"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="currentColor">{phase.value}</text></g>'
    )


def _arrow(start: Phase, end: Phase, *, both: bool) -> str:
    """Draw one way: a line from border to border, beside its counterpart if there is one."""
    (x1, y1), (x2, y2) = PLACES[start], PLACES[end]
    length = hypot(x2 - x1, y2 - y1)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    aside = 8 if both else 0
    x1, y1, x2, y2 = x1 - dy * aside, y1 + dx * aside, x2 - dy * aside, y2 + dx * aside
    width, height = BOX
    reach = min(width / 2 / abs(dx) if dx else length, height / 2 / abs(dy) if dy else length) + 3
    points = f"M{x1 + dx * reach:.0f} {y1 + dy * reach:.0f} {x2 - dx * reach:.0f} {y2 - dy * reach:.0f}"
    return (
        f'<path data-way="{start.name} {end.name}" d="{points}" fill="none" stroke="currentColor" '
        'stroke-opacity="0.7" marker-end="url(#tip)"/>'
    )


def rows() -> list[tuple[str, str, str]]:
    """Return the table's rows: phase, the phase that it leads to, the events that can lead there."""
    return [
        (start.value, "stays" if start is end else end.value, ", ".join(events))
        for (start, end), events in arrows().items()
    ]
