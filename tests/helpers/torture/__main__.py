"""The command line of the torture: faults to candidates and servers until there were enough, then the verdict."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from incumbent import boottime

from .candidate import Zygote
from .consul import ConsulStage
from .crew import Crew, Terms
from .etcd import EtcdStage
from .judge import Verdict, counted, judge, report
from .nemesis import Fault, Nemesis
from .picture import draw
from .postgres import PostgresStage
from .redis import RedisStage
from .register import Register
from .stages import LocalStage, Stage

KINDS: tuple[type[Stage], ...] = (LocalStage, EtcdStage, ConsulStage, PostgresStage, RedisStage)
STAGES = {stage.elector: stage for stage in KINDS}
#: Seconds between two lines of progress, and that candidates may take to leave, beyond the bound.
PROGRESS, FAREWELL = 5.0, 30.0


def main() -> int:
    """Return 0 if no promise was broken."""
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("--elector", choices=sorted(STAGES), required=True)
    parser.add_argument("--faults", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, help="of what is done to whom; timing is the machine's (default: any)")
    parser.add_argument("--elections", type=int, default=4, metavar="N", help="at the same time (default: 4)")
    parser.add_argument("--candidates", type=int, default=3, metavar="N", help="of each (default: 3)")
    parser.add_argument("--report", type=Path, default=Path("torture"), metavar="DIR", help="(default: torture/)")
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    verdict, summary = torture(
        args.elector, args.faults, seed, elections=args.elections, candidates=args.candidates, folder=args.report
    )
    print(summary)
    return 1 if verdict.broken else 0


def torture(
    elector: str, count: int, seed: int, *, elections: int, candidates: int, folder: Path
) -> tuple[Verdict, str]:
    """Run it; leaves `report.json` and `timeline.svg` in *folder*, and returns the verdict and its summary."""
    folder.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="incumbent-torture-"))
    stage = STAGES[elector](work / "store")
    (work / "journals").mkdir()
    began = boottime()
    stage.open()
    register = Register()
    zygote = Zygote(folder / "candidates.log", stage.modules)
    try:
        terms = Terms(zygote, work / "journals", stage.ttl, register.port)
        crews = [
            Crew(f"job{number}", [stage.slot() for _ in range(candidates)], terms, seed)
            for number in range(1, elections + 1)
        ]
        nemesis = Nemesis(stage, crews, count, seed)
        print(
            f"{elector}: {elections} elections of {candidates} candidates, ttl {stage.ttl:g} s, seed {seed}", flush=True
        )
        nemesis.start()
        _watch(nemesis, count, register)
        until = boottime()
        _dismiss(crews, stage)
        verdict = judge(stage, crews, nemesis.faults, until)
        verdict.broken += nemesis.failures
        _judge_the_end(crews, stage, register, verdict)
        for crew in crews:
            crew.close()
    finally:
        zygote.close()
        stage.close()
        register.close()
        shutil.rmtree(work, ignore_errors=True)
    ended = boottime()
    pages = {name: dict(page.counts) for name, page in sorted(register.pages.items())}
    made = report(verdict, nemesis.faults, nemesis.repertoire, pages, ended - began)
    made["settings"] = {"elector": elector, "seed": seed, "ttl": stage.ttl, "bound": stage.bound}
    made["tenures"] = [asdict(tenure) for tenure in verdict.tenures]
    made["when"] = [asdict(fault) for fault in nemesis.faults]
    (folder / "report.json").write_text(json.dumps(made, indent=1))
    summary = _summary(elector, verdict, nemesis.faults, pages, ended - began, folder)
    (folder / "timeline.svg").write_text(draw(verdict.tenures, nemesis.faults, began, ended, summary.splitlines()[0]))
    return verdict, summary


def _watch(nemesis: Nemesis, count: int, register: Register) -> None:
    said = time.monotonic()
    while nemesis.running:
        time.sleep(0.1)
        if time.monotonic() - said >= PROGRESS:
            said = time.monotonic()
            newest = ", ".join(str(page.newest) for _, page in sorted(register.pages.items()))
            print(f"{len(nemesis.faults)} of {count} faults; newest tokens {newest}", flush=True)


def _dismiss(crews: list[Crew], stage: Stage) -> None:
    for crew in crews:
        crew.dismiss()
    end = time.monotonic() + stage.bound + FAREWELL
    while time.monotonic() < end and not all(crew.gone() for crew in crews):
        time.sleep(0.05)


def _judge_the_end(crews: list[Crew], stage: Stage, register: Register, verdict: Verdict) -> None:
    """P8, and what the register took: nothing that was fenced off."""
    for crew in crews:
        if not crew.gone():
            verdict.broken.append(f"P8: candidates of {crew.name} did not end: see candidates.log")
            crew.say_where()
        left = stage.claims(crew.name)
        end = time.monotonic() + 2 * stage.bound
        while left and time.monotonic() < end:  # of those who were killed, until it has expired
            time.sleep(0.1)
            left = stage.claims(crew.name)
        if left:
            verdict.broken.append(f"P8: {left} claims of {crew.name} are left in the store")
        page = register.pages.get(crew.name)
        if page is not None and page.counts["stale and accepted"]:
            verdict.broken.append(
                f"P4: the register took {page.counts['stale and accepted']} stale writes of {crew.name}"
            )


def _summary(elector: str, verdict: Verdict, faults: list[Fault], pages, took: float, folder: Path) -> str:
    overlaps = sum(line.startswith("P1") for line in verdict.broken)
    tokens = sum(line.startswith("P4") for line in verdict.broken)
    writes = sum(page.get("writes", 0) for page in pages.values())
    stale = sum(page.get("stale", 0) for page in pages.values())
    happened = (
        f"{elector}: {len(faults)} faults, {len(verdict.tenures)} terms, {overlaps} overlaps, {tokens} tokens out of "
        f"order, {len(verdict.broken)} broken promises in {took:.0f} s"
    )
    recovered = (
        f"after {len(faults) - len(verdict.unrecovered)} of {len(faults)} faults somebody led in time; between two "
        f"terms nobody led for {verdict.middle_gap:.3f} s (median) to {max(verdict.gaps, default=0.0):.2f} s, and for "
        f"{verdict.slowest:.2f} s at most after the last fault was over; {verdict.excused} overlaps that an operator "
        f"caused by taking a claim away, {len(verdict.betrayed)} that a known defect of the store did"
    )
    lines = [
        happened,
        recovered,
        f"the register took {writes - stale} writes and refused {stale} that were late",
        "; ".join(f"{what}: {count}" for what, count in counted(faults).most_common()),
        f"see {folder}/report.json and {folder}/timeline.svg",
        *verdict.broken[:20],
        *(f"(the store's) {line}" for line in verdict.betrayed),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
