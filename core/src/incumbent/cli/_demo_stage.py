"""How the demo looks: one line per thing that happens, in colours on a terminal and plain elsewhere."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from incumbent.clock import boottime

from ._demo_cast import NAMES
from ._demo_judge import HAND_OVER, KILL, SOON
from ._output import BOLD, DIM, GREEN, RED, clean, paint, show

if TYPE_CHECKING:
    from ._demo_cast import Player
    from ._demo_judge import Act, Entry, Verdict

#: One for each candidate; red is left for what kills.
COLOURS = ("36", "33", "35", "34", "32", "96", "93", "95")
WIDTH = max(map(len, NAMES))


class Stage:
    """Prints what happens, as it happens, with the seconds since the demo began."""

    def __init__(self) -> None:
        self._began = boottime()
        self._work = 0
        self._last_act: Act | None = None

    def open(self, url: str, election: str) -> None:
        """Say what is going to be shown."""
        show(f"Three candidates, each a process of its own, stand in election '{election}' on {clean(url)}.")
        show("The leader works. It is killed several times, and asked once to hand over.")
        show()

    def joined(self, player: Player) -> None:
        """Tell of a new process."""
        self._line(boottime(), player.name, 0, paint(DIM, f"joins as process {player.process.pid}"))

    def entry(self, entry: Entry) -> None:
        """Tell what a candidate wrote down."""
        if entry.event == "begin":
            self._work = 0
            self._line(entry.at, entry.candidate, entry.token, paint(GREEN, "leads") + self._after(entry))
        elif entry.event == "work":
            self._work += 1
            self._line(entry.at, entry.candidate, entry.token, f"work {self._work}")
        elif entry.event == "end":
            self._line(entry.at, entry.candidate, entry.token, paint(BOLD, clean(entry.detail)))
        else:
            self._line(entry.at, entry.candidate, 0, paint(DIM, clean(entry.event)))

    def act(self, act: Act) -> None:
        """Tell what was done to the leader."""
        self._last_act = act
        text = paint(RED, "killed with SIGKILL") if act.kind == KILL else paint(BOLD, "asked to hand over")
        self._line(act.at, act.candidate, act.token, text)

    def summary(self, verdict: Verdict, faults: list[str]) -> None:
        """Print the figures, and what of the claims was not observed."""
        kills = [s.seconds for s in verdict.successions if s.act.kind == KILL]
        asked = [s.seconds for s in verdict.successions if s.act.kind == HAND_OVER]
        show()
        show(paint(BOLD, "Summary"))
        show(f"  terms             {len(verdict.terms)}, ended by {len(kills)} kills and {len(asked)} hand-over")
        show(f"  tokens            {' '.join(str(term.token) for term in verdict.terms)}")
        show(f"  after a kill      {_times(kills)}")
        show(f"  after a request   {_times(asked)}")
        show(f"  overlaps          {len(verdict.overlaps)} in {verdict.work} pieces of work")
        show()
        for fault in faults:
            show(paint(RED, "not as promised: ") + clean(fault))
        if not faults:
            claims = f"every successor within {SOON:g} s, tokens strictly growing, never two leaders"
            show(paint(GREEN, "As promised: ") + claims + ".")

    def _after(self, entry: Entry) -> str:
        """Say how long after the last act this term began."""
        act, self._last_act = self._last_act, None
        return f", {(entry.at - act.at) * 1000:.0f} ms after the {act.kind}" if act else ""

    def _line(self, at: float, candidate: str, token: int, text: str) -> None:
        """Print one line; everything that happens names its candidate, and its token if it has one."""
        seconds = paint(DIM, f"{max(at - self._began, 0):6.2f} s")
        name = paint(COLOURS[NAMES.index(candidate) % len(COLOURS)], candidate.ljust(WIDTH))
        show(f"{seconds}  {name}  {f'token {token}' if token else '':8}  {text}", at_once=True)


def _times(seconds: list[float]) -> str:
    """Return the median and the maximum, in ms."""
    if not seconds:
        return "none observed"
    if len(seconds) == 1:
        return f"{seconds[0] * 1000:.0f} ms"
    return f"median {median(seconds) * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms"
