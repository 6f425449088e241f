"""Named hand-overs among four candidates, one after the other: whom they reach, and for how long nobody leads.

`nox -s steer -- --elector NAME --tries 100`
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from stores import STORES

from incumbent import LeaderElection, LeaderElectionConfig, Runner, boottime
from incumbent.steer import Outcome, Result, hand_over

NAME, CANDIDATES = "handovers", "abcd"
#: Seconds between two lines of progress, and that anything may take.
PROGRESS, PATIENCE = 5.0, 60.0
#: A ttl that nobody is to reach, seconds: a claim that ends by itself is no hand-over.
TTL = 30.0


@dataclass
class Tally:
    """
    What has come of all tries.

    Attributes:
        results: How often which result was told.
        misses: What was told of each that did not reach the named candidate.
        leaderless: Seconds from the end of each term to the beginning of the next, as the candidates saw them.
        took: Seconds from each request to the new term, as who asked saw it.
    """

    elector: str
    tries: int = 0
    results: Counter[str] = field(default_factory=Counter)
    misses: list[str] = field(default_factory=list)
    leaderless: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)

    @property
    def hits(self) -> int:
        """How many have reached the named candidate."""
        return self.tries - len(self.misses)

    def add(self, to: str, outcome: Outcome, leader: str | None) -> None:
        """Count a try; *leader* is who was elected, as itself says."""
        self.tries += 1
        self.results[outcome.result.value] += 1
        if outcome.result is Result.DONE and leader == to:
            self.took.append(outcome.seconds)
        else:
            what = f"{outcome.result.value}: {outcome.problem or outcome.leader}"
            self.misses.append(f"{to} was named, {leader} leads ({what})")

    def __str__(self) -> str:
        text = f"{self.elector}: {self.hits} of {self.tries} hand-overs reached the named candidate"
        if self.leaderless:
            text += f"; nobody led for {_spread(self.leaderless)}"
        if self.took:
            text += f"; from the request to the new term {_spread(self.took)}"
        return text


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} ms, at most {max(seconds) * 1000:.1f} ms"


class Terms:
    """The terms of all candidates, as their own callbacks saw them, on one clock. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: Token: who leads, since when, and until when.
        self._terms: dict[int, tuple[str, float, float | None]] = {}

    def elected(self, term) -> None:
        """Note the beginning."""
        now = boottime()
        with self._changed:
            self._terms[term.token] = term.candidate, now, None
            self._changed.notify_all()

    def deposed(self, term, _) -> None:
        """Note the end."""
        now = boottime()
        with self._changed:
            self._terms[term.token] = *self._terms[term.token][:2], now

    def next(self, after: int) -> int | None:
        """Return the token of the first term after that with the token *after*, when it has begun."""
        with self._changed:
            self._changed.wait_for(lambda: max(self._terms, default=0) > after, PATIENCE)
            return min((token for token in self._terms if token > after), default=None)

    def leader(self, token: int) -> str:
        """Return whose term that is."""
        return self._terms[token][0]

    def gap(self, before: int, after: int) -> float | None:
        """Return the seconds between two terms; None if the first has not ended."""
        end = self._terms[before][2]
        return None if end is None else self._terms[after][1] - end


def run(elector: str, tries: int, seed: int, folder: Path, *, show: bool = True) -> Tally:
    """Hand over *tries* times, each time to one that is drawn from those who do not lead."""
    store, drawn, tally, terms = STORES[elector](folder), random.Random(seed), Tally(elector), Terms()
    with ExitStack() as stack:
        stack.callback(store.close)
        for candidate in CANDIDATES:
            config = LeaderElectionConfig(
                NAME,
                candidate=candidate,
                ttl=TTL,
                relinquish_interval=None,
                steering=True,
                on_elected=terms.elected,
                on_deposed=terms.deposed,
            )
            # As in a process of its own: with an engine, and connections, that it shares with nobody.
            stack.enter_context(LeaderElection(config, store.url, runner=Runner()))
        token, told = terms.next(0), time.monotonic()
        while token is not None and tally.tries < tries:
            to = drawn.choice([each for each in CANDIDATES if each != terms.leader(token)])
            outcome = hand_over(store.url, NAME, to=to, timeout=PATIENCE)
            is_over = outcome.result in (Result.DONE, Result.ANOTHER)
            following = terms.next(token) if is_over else None
            tally.add(to, outcome, None if following is None else terms.leader(following))
            if following is not None:
                gap = terms.gap(token, following)
                if gap is not None and outcome.result is Result.DONE:
                    tally.leaderless.append(gap)
                token = following
            if show and time.monotonic() - told > PROGRESS:
                told = time.monotonic()
                print(f"{tally.hits} of {tally.tries}", file=sys.stderr, flush=True)
    return tally


def main() -> int:
    """Return 0 if all have reached the named candidate."""
    parser = argparse.ArgumentParser(prog="steer", description=__doc__)
    parser.add_argument("--elector", choices=sorted(STORES), required=True)
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--json", action="store_true", help="print an object for programs")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="incumbent-steer-") as folder:
        tally = run(args.elector, args.tries, args.seed, Path(folder))
    if args.json:
        print(json.dumps({**vars(tally), "hits": tally.hits, "seed": args.seed}))
    else:
        print(*tally.misses, f"{tally} (seed {args.seed})", sep="\n")
    return 0 if tally.hits == args.tries else 1


if __name__ == "__main__":
    sys.exit(main())
