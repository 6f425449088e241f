"""The timeline of a torture: terms, faults and gaps of each election, as an SVG that a person can read."""

from __future__ import annotations

from html import escape

from .judge import Tenure
from .nemesis import Fault

__all__ = ["draw"]

#: Pixels: of a second, of an election's band, of the margin on the left.
SECOND, BAND, LEFT = 14, 84, 70
LEGEND = (
    "bars: terms, with their tokens, a colour for each candidate; red: faults to one election; "
    "grey: faults to the store; empty: nobody leads"
)
COLOURS = ("#4878cf", "#6acc65", "#d5a33c", "#956cb4", "#8c613c", "#dc7ec0", "#82c6e2", "#777777")


def draw(tenures: list[Tenure], faults: list[Fault], began: float, ended: float, title: str) -> str:
    """Return the SVG. A term is a bar with its token; a fault a red line, or a hatched span while it lasts."""
    elections = sorted({tenure.election for tenure in tenures})
    width = LEFT + int((ended - began) * SECOND) + 20
    height = 70 + BAND * len(elections)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="10" y="20" font-size="15">{escape(title)}</text>',
        f'<text x="10" y="38" font-size="11" fill="#555">{LEGEND}</text>',
    ]

    def x(when: float) -> float:
        return LEFT + (when - began) * SECOND

    for second in range(0, int(ended - began) + 1, 5):
        out.append(f'<line x1="{x(began + second)}" y1="48" x2="{x(began + second)}" y2="{height}" stroke="#eee"/>')
        out.append(f'<text x="{x(began + second) + 2}" y="58" font-size="9" fill="#999">{second} s</text>')
    for fault in faults:
        if fault.election is None:
            span = max(2.0, (fault.ended - fault.began) * SECOND)
            out.append(
                f'<rect x="{x(fault.began):.1f}" y="62" width="{span:.1f}" height="{height - 66}" fill="#bbb" '
                f'fill-opacity="0.5"><title>{escape(fault.what)}</title></rect>'
            )
    for row, election in enumerate(elections):
        top = 66 + row * BAND
        out.append(f'<text x="10" y="{top + 52}" font-size="12">{escape(election)}</text>')
        theirs = [tenure for tenure in tenures if tenure.election == election]
        out += [_bar(tenure, x(tenure.began), x(min(tenure.ended, ended)), top) for tenure in theirs]
        ours = [fault for fault in faults if fault.election == election]
        out += [_mark(fault, x(fault.began), x(fault.ended), top, 9 * (n % 3)) for n, fault in enumerate(ours)]
    return "\n".join([*out, "</svg>\n"])


def _bar(tenure: Tenure, begin: float, end: float, top: int) -> str:
    colour = COLOURS[int(tenure.candidate.rpartition("-")[2]) % len(COLOURS)]
    tip = escape(f"{tenure.candidate}, token {tenure.token}, {tenure.ended - tenure.began:.2f} s")
    return (
        f'<rect x="{begin:.1f}" y="{top + 40}" width="{max(1.0, end - begin):.1f}" height="24" rx="3" fill="{colour}">'
        f"<title>{tip}</title></rect>"
        f'<text x="{begin + 2:.1f}" y="{top + 56}" font-size="9" fill="white">{tenure.token}</text>'
    )


def _mark(fault: Fault, begin: float, end: float, top: int, lift: int) -> str:
    return (
        f'<rect x="{begin:.1f}" y="{top + 34}" width="{max(1.5, end - begin):.1f}" height="4" fill="#c33"/>'
        f'<text x="{begin:.1f}" y="{top + 31 - lift}" font-size="8" fill="#c33">{escape(fault.what)}</text>'
    )
