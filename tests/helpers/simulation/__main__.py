"""The simulator's command line: search many seeds, or show what happened with one."""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from .cluster import EVENTS, Outcome, shrink, simulate, simulate_all

#: Seeds that a worker gets at once, and seconds between two lines of progress.
BATCH, PROGRESS = 50, 5.0
COMMAND = "nox -s simulate --"


def main() -> int:
    """Return 0 if no promise was broken."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=2000, metavar="N", help="how many seeds to try")
    parser.add_argument("--first", type=int, metavar="SEED", help="where to begin (default: anywhere)")
    parser.add_argument("--seed", type=int, help="show what happens with this one")
    parser.add_argument("--events", type=int, default=EVENTS, help="events before all is put right")
    parser.add_argument("--kind", choices=["lease", "session", "beat"], help="the server (default: the seed chooses)")
    parser.add_argument("--skip", default="", metavar="N,N", help="leave these misfortunes out")
    parser.add_argument("--steered", action="store_true", help="operators ask for hand-overs and pauses, too")
    parser.add_argument("--executed", action="store_true", help="what a crashed process led may be given up, too")
    parser.add_argument("--beyond", action="store_true", help="clocks run apart by 30 %%: overlaps are counted only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    args = parser.parse_args()
    options = {name: getattr(args, name) for name in ("events", "kind", "beyond", "steered", "executed")}
    if args.seed is not None:
        skipped = frozenset(map(int, filter(None, args.skip.split(","))))
        return _show(simulate(args.seed, traced=True, skipped=skipped, **options))
    first = random.SystemRandom().randrange(10**9) if args.first is None else args.first
    return _search(range(first, first + args.schedules), args.jobs, options)


def _show(outcome: Outcome) -> int:
    print(*outcome.trace, sep="\n")
    print(f"seed {outcome.seed}: {outcome.events} events, {outcome.terms} terms, {outcome.strikes} misfortunes")
    print(outcome.violation or "every promise was kept")
    return 1 if outcome.violation else 0


def _search(seeds: range, jobs: int, options: dict[str, object]) -> int:
    print(f"{len(seeds):,} seeds from {seeds.start}, {options['events']:,} events and more each", flush=True)
    began = said = time.monotonic()
    done = events = terms = overlaps = 0
    bad: list[Outcome] = []
    batches = [seeds[at : at + BATCH] for at in range(0, len(seeds), BATCH)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for outcomes in pool.map(simulate_all, batches, [options] * len(batches)):
            done += len(outcomes)
            events += sum(outcome.events for outcome in outcomes)
            terms += sum(outcome.terms for outcome in outcomes)
            overlaps += sum(outcome.overlaps for outcome in outcomes)
            found = [outcome for outcome in outcomes if outcome.violation]
            bad += found
            for outcome in found:
                print(f"seed {outcome.seed}: {outcome.violation}", flush=True)
            now = time.monotonic()
            if now - said >= PROGRESS:
                said = now
                rate = done / (now - began)
                print(f"{done:,} seeds, {len(bad)} violations, {rate:.0f} seeds/s", flush=True)
    took = time.monotonic() - began
    print(
        f"{done:,} seeds, {events:,} events, {terms:,} terms in {took:.0f} s ({done / took:.0f} seeds/s): "
        f"{len(bad)} violations" + (f", {overlaps:,} moments with two leaders" if options["beyond"] else "")
    )
    for outcome in bad[:5]:
        skipped = ",".join(map(str, sorted(shrink(outcome, **options))))
        skip = f" --skip {skipped}" if skipped else ""
        kind = f" --kind {options['kind']}" if options["kind"] else ""
        kind += "".join(f" --{name}" for name in ("steered", "executed") if options[name])
        print(f"{outcome.violation}\n  {COMMAND} --seed {outcome.seed} --events {options['events']}{kind}{skip}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
