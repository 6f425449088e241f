"""The `state-machine` directive: the phases of a candidate, as a drawing and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diagram import rows, svg
from docutils import nodes
from docutils.parsers.rst import Directive

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def _table() -> nodes.table:
    group = nodes.tgroup(cols=3)
    group += [nodes.colspec(colwidth=width) for width in (10, 35, 55)]
    head, body = nodes.thead(), nodes.tbody()
    head += _row(("", "way", "after any of"))
    body += [
        _row((number, f"{start} → {end}" if number else f"{start} stays", events))
        for number, start, end, events in sorted(rows(), key=lambda row: not row[0])
    ]
    group += [head, body]
    table = nodes.table()
    table += group
    return table


def _row(cells: tuple[str, ...]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += nodes.paragraph(text=cell)
        row += entry
    return row


class StateMachine(Directive):
    """Both the drawing and the table."""

    def run(self) -> list[nodes.Node]:
        """Return what stands in the directive's place."""
        return [nodes.raw("", svg(), format="html"), _table()]


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to *app*."""
    app.add_directive("state-machine", StateMachine)
    return {"parallel_read_safe": True}
