"""Measures our electors beside the floor below them and beside others: `nox -s bench -- [ROW …] [STORE …]`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from server_binaries import ServerMissingError

from . import loads, rows
from .figures import Table
from .report import PAGE, Report, circumstances
from .servers import PLACES

Measure = Callable[[rows.Course], list[Table]]

#: What measures each row, and rounds if nobody says how many.
ROWS: dict[str, tuple[Measure, int]] = {
    "handover": (rows.handovers, 40),
    "command": (rows.commands, 20),
    "cycles": (rows.cycles, 5),
    "crash": (rows.crashes, 5),
    "idle": (loads.idle, 1),
    "herd": (loads.herd, 5),
    "memory": (loads.memory, 3),
    "start": (loads.start, 15),
    "thousand": (loads.thousand, 2),
}
#: Rows that take seconds of waiting, and no work: on all stores at once.
WAITING = {"crash", "idle"}


def run(
    names: list[str],
    stores: list[str],
    rounds: int | None = None,
    before: Path | None = None,
    save: Callable[[Report], object] = lambda report: None,
) -> Report:
    """Measure these rows on these stores; each begins with a new server, and what there is is saved after each."""
    report, began = Report(circumstances(stores)), time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s  {text}", file=sys.stderr, flush=True)

    for name in names:
        measure, usual = ROWS[name]

        def on(store: str, measure: Measure = measure, usual: int = usual) -> list[Table]:
            with tempfile.TemporaryDirectory(prefix="incumbent-bench-") as folder:
                place = PLACES[store](Path(folder) / store)
                try:
                    return measure(rows.Course(place, store, Path(folder), rounds or usual, before, tell))
                finally:
                    place.close()

        with ThreadPoolExecutor(len(stores) if name in WAITING else 1) as pool:
            for measured in pool.map(on, stores):
                report.tables += measured
        save(report)
    return report


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if all could be measured."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="ROW|STORE", help=f"of {', '.join(ROWS)}; of {', '.join(PLACES)}")
    parser.add_argument("--rounds", type=int, help="how many figures of each")
    parser.add_argument("--before", type=Path, help="another checkout, which is measured beside this one")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    parser.add_argument("--write", action="store_true", help=f"write the results into docs/{PAGE.name}")
    args = parser.parse_intermixed_args(arguments)  # options may stand between rows and stores
    unknown = [word for word in args.what if word not in ROWS and word not in PLACES]
    if unknown:
        parser.error(f"{unknown[0]!r} is neither a row ({', '.join(ROWS)}) nor a store ({', '.join(PLACES)})")
    if args.rounds is not None and args.rounds < 1:
        parser.error(f"--rounds {args.rounds} must be at least 1")
    if args.before is not None and not (args.before / "core/src/incumbent").is_dir():
        parser.error(f"--before {args.before} is no checkout: it has no core/src/incumbent")
    names = [word for word in ROWS if word in args.what] or [*ROWS]
    stores = [word for word in PLACES if word in args.what] or [*PLACES]
    logging.getLogger("incumbent").setLevel(logging.CRITICAL)

    def save(report: Report) -> None:
        if args.json:
            args.json.write_text(report.json(), encoding="utf-8")

    try:
        report = run(names, stores, args.rounds, args.before and args.before.resolve(), save)
    except ServerMissingError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(report.markdown())
    if args.write:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
