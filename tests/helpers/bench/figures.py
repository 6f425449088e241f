"""What was measured: a table for each row and store, and what it says of who is how many times as fast."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

__all__ = ["Table", "brief"]


@dataclass
class Table:
    """
    What was measured of all peers on one store.

    Attributes:
        row: What was measured, as the command line calls it.
        store: Where.
        title: What the figures are.
        unit: Of each figure.
        more_is_better: Whether larger figures are better ones.
        values: By peer, ours first: a figure for each round, None for one that has failed. Figures of one round were
            measured side by side: only these are compared.
        notes: What else is to be known, a line each.
    """

    row: str
    store: str
    title: str
    unit: str
    more_is_better: bool = False
    values: dict[str, list[float | None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, peer: str, value: float | None) -> None:
        """Add the figure of the next round."""
        self.values.setdefault(peer, []).append(None if value is None else float(f"{value:.4g}"))

    def of(self, peer: str) -> list[float]:
        """Return the figures of *peer* without the rounds that failed."""
        return [value for value in self.values[peer] if value is not None]

    def median(self, peer: str) -> float | None:
        """Return the figure in the middle; None if all rounds have failed."""
        return statistics.median(self.of(peer)) if self.of(peer) else None

    def high(self, peer: str) -> float | None:
        """Return the figure that one in twenty exceeds."""
        ordered = sorted(self.of(peer))
        return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))] if ordered else None

    def ratio(self, peer: str) -> float | None:
        """Return the median, over the rounds, of our figure divided by that of *peer* in the same round."""
        ours = self.values[next(iter(self.values))]
        pairs = zip(ours, self.values[peer], strict=False)
        ratios = [our / their for our, their in pairs if our is not None and their]
        return statistics.median(ratios) if ratios else None


def brief(value: float | None) -> str:
    """Return *value* with three digits that matter, or a dash."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
