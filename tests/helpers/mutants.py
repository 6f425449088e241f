"""Sabotages one rule at a time, and sees that something finds it: `nox -s mutants` writes the table in docs/mutants.md.

A mutant is applied to a copy of the sources, which then come first on the path. Its finders are run until one fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("core/src", "plugins/etcd/src", "plugins/consul/src")
PAGE = ROOT / "docs" / "mutants.md"
HEADING = "| what is sabotaged | breaks | found by |"

CORE, ETCD, CONSUL = "core/src/incumbent/", "plugins/etcd/src/incumbent_etcd/", "plugins/consul/src/incumbent_consul/"

#: What finds, in the words of the table: the arguments of `python -m`.
FINDERS: dict[str, tuple[str, ...]] = {
    "the simulator": ("simulation", "--schedules", "500", "--first", "0"),
    "tests of the promises": ("pytest", "-q", "-x", "tests/core/test_promises.py", "tests/core/test_reference.py"),
    "tests of the engine": ("pytest", "-q", "-x", "tests/core"),
    "the suite on local": ("pytest", "-q", "-x", "tests/conformance/test_local.py"),
    "tests of local": ("pytest", "-q", "-x", "tests/electors"),
    "the suite on memory": ("pytest", "-q", "-x", "tests/conformance/test_memory.py"),
    "the suite on etcd": ("pytest", "-q", "-x", "tests/plugins/etcd/test_conformance.py"),
    "the traps of etcd": ("pytest", "-q", "-x", "tests/plugins/etcd/test_traps.py"),
    "the suite on Consul": ("pytest", "-q", "-x", "tests/plugins/consul/test_conformance.py"),
    "the traps of Consul": (
        *("pytest", "-q", "-x", "tests/plugins/consul/test_traps.py"),
        "tests/plugins/consul/test_silence.py",
    ),
}


@dataclass(frozen=True)
class Mutant:
    """One rule, broken."""

    what: str
    promise: str
    file: str
    #: Text that occurs once in the file, and what takes its place.
    old: str
    new: str
    finders: tuple[str, ...]


ENGINE = ("the simulator", "tests of the promises")

MUTANTS = [
    Mutant(
        "the deadline is counted from the answer, not from before the request", "P2", CORE + "machine.py",
        "self.deadline = max(self.deadline, claim.sent + lifetime(claim.guarantee))",
        "self.deadline = max(self.deadline, self._now + lifetime(claim.guarantee))", ENGINE,
    ),
    Mutant(
        "the margin is dropped", "P3", CORE + "config.py",
        "return guarantee * (1.0 - CLOCK_RATE) - max(MARGIN, MARGIN_SHARE * guarantee)",
        "return guarantee * (1.0 - CLOCK_RATE)", ENGINE,
    ),
    Mutant(
        "clocks are taken to run at one rate", "P1", CORE + "config.py",
        "return guarantee * (1.0 - CLOCK_RATE) -", "return guarantee -", ENGINE,
    ),
    Mutant(
        "the monotonic clock is used instead of the boot-time clock", "P2", CORE + "clock.py",
        "return time.clock_gettime(time.CLOCK_BOOTTIME)", "return time.monotonic()", ("tests of the engine",),
    ),
    Mutant(
        "a late answer is handled before the deadline is looked at", "P2", CORE + "machine.py",
        "if self.phase is Phase.LEADER and now >= self.renew_deadline:",
        "if False:", ENGINE,
    ),
    Mutant(
        "a term is valid until somebody says otherwise", "P2", CORE + "term.py",
        "return max(0.0, self._deadline - self._clock.now())", "return 1.0", ENGINE,
    ),
    Mutant(
        "a term outlives its end", "P1", CORE + "term.py",
        "if self._over.is_set() or os.getpid() != self._pid:", "if os.getpid() != self._pid:", ENGINE,
    ),
    Mutant(
        "a forked child believes that it leads", "P9", CORE + "term.py",
        "if self._over.is_set() or os.getpid() != self._pid:", "if self._over.is_set():", ENGINE,
    ),
    Mutant(
        "renewals wait for callbacks", "P6", CORE + "runner.py",
        "self._calls.submit(partial(self._call, candidate, action.verb))",
        'candidate.dispatcher.put("call", partial(self._call, candidate, action.verb))', ENGINE,
    ),
    Mutant(
        "the claim of the last term begins another", "P4", CORE + "machine.py",
        "elif claim.token == self.token:", "elif False:", ENGINE,
    ),
    Mutant(
        "a check that shows another token extends the term", "P4", CORE + "machine.py",
        "if event.claim.token != self.token:", "if False:", ENGINE,
    ),
    Mutant(
        "a leader that handed over does not stand aside", "P7", CORE + "machine.py",
        "self._not_before = self._now + self.timing.cooldown", "pass", ENGINE,
    ),
    Mutant(
        "the schedule of a lost term ends the next", "P6", CORE + "alarms.py",
        "self._armed.get(queue[0].key) is not queue[0]", "queue[0].key not in self._armed", (*ENGINE, "tests of the engine"),
    ),
    Mutant(
        "closing does not relinquish", "P8", CORE + "machine.py",
        "        elif self._held:\n            self._relinquish()\n        else:\n            self._after()",
        "        elif self._held and not self._stopping:\n            self._relinquish()\n        else:\n            self._after()",
        ENGINE,
    ),
    Mutant(
        "the claim is given up before the application knows", "P6", CORE + "machine.py",
        "        self._told = False\n", "        self._told = keep\n", ENGINE,
    ),
    Mutant(
        "a term that is over is still announced", "P6", CORE + "dispatch.py",
        "            if not entry.wanted():\n                continue\n", "", ENGINE,
    ),
    Mutant(
        "a call that hangs is called again", "P10", CORE + "machine.py",
        "        if self._call is None:\n            self._ask(Verb.CHECK)\n        else:\n            self._again = True",
        "        self._ask(Verb.CHECK)", ENGINE,
    ),
    Mutant(
        "an error of the backend ends the campaign", "P7", CORE + "machine.py",
        "            self._retry(event, self.timing.follower_check_interval)\n\n    def _stop_follower",
        "            self._fail_for_good(event.error)\n\n    def _stop_follower", ENGINE,
    ),
    Mutant(
        "a failed relinquishing is taken for done", "P4", CORE + "machine.py",
        "            self._close()  # nobody can be reached: the claim ends with its ttl\n        else:\n"
        "            self._retry(event, self.timing.follower_check_interval)",
        "            self._close()\n        else:\n            self._held = False\n            self._after()", ENGINE,
    ),
    Mutant(
        "retries come at once", "P7", CORE + "machine.py",
        "pause = min(FIRST_RETRY * 2.0**self._failures, longest) * (0.5 + event.jitter)", "pause = 0.001", ENGINE,
    ),
    Mutant(
        "every failure of an outage is logged", "P10", CORE + "machine.py",
        "        if not self._outage:\n", "        if True:\n", ENGINE,
    ),
    Mutant(
        "a claim from the future is believed", "P2", CORE + "calls.py",
        "        and claim.sent <= now\n", "", ENGINE,
    ),
    Mutant(
        "local: the token is counted in memory", "P4", CORE + "electors/local/elector.py",
        "self._token = self._files.last_token(lock) + 1", "self._token += 1", ("the suite on local", "tests of local"),
    ),
    Mutant(
        "local: the token is announced before it is on disk", "P4", CORE + "electors/local/elector.py",
        "            self._files.announce(lock, Record(self._token, self.candidate, time.time()))\n", "",
        ("the suite on local", "tests of local"),
    ),
    Mutant(
        "local: a lock file that was replaced is not noticed", "P1", CORE + "electors/local/elector.py",
        "if self._files.is_current(lock) and self._files.is_current_wake(wake):", "if True:",
        ("the suite on local", "tests of local"),
    ),
    Mutant(
        "etcd: the ttl that was asked for counts, not the one that was granted", "P2", ETCD + "_lease.py",
        "            self._first = Renewal(sent, Attached(self.ttl, frozenset()))",
        "            self._first = Renewal(sent, Attached(float(self._asked), frozenset()))",
        ("the suite on etcd", "the traps of etcd"),
    ),
    Mutant(
        "etcd: a renewed lease proves the claim", "P2", ETCD + "_elector.py",
        "if place is not None and renewal is not None and place.key in renewal.answer.keys:",
        "if place is not None and renewal is not None:", ("the suite on etcd", "the traps of etcd"),
    ),
    Mutant(
        "etcd: a dead lease is used again", "P7", ETCD + "_session.py",
        "if lease is None or lease.is_dead:", "if lease is None:", ("the suite on etcd", "the traps of etcd"),
    ),
    Mutant(
        "etcd: who waited does not read its key back", "P5", ETCD + "_place.py",
        "if own.lease != self.lease.id or own.value != self._candidate.encode():", "if False:",
        ("the suite on etcd", "the traps of etcd"),
    ),
    Mutant(
        "Consul: lock-delay is left out of the guarantee", "P2", CONSUL + "_backend.py",
        "self.guarantee = min(settings.ttl, self.told.lock_delay)", "self.guarantee = 2 * settings.ttl",
        ("the suite on Consul", "the traps of Consul"),
    ),
    Mutant(
        "Consul: a renewed session proves the claim", "P2", CONSUL + "_elector.py",
        "if held.over or pair is None or verified.session != held.session or pair.session != held.session:",
        "if pair is None:", ("the suite on Consul", "the traps of Consul"),
    ),
    Mutant(
        "Consul: a late release ends a later term", "P1", CONSUL + "_client.py",
        '            {"Verb": "check-index", "Key": key, "Index": modify_index},\n', "",
        ("the suite on Consul", "the traps of Consul"),
    ),
    Mutant(
        "Consul: what a silent engine left locked is taken for a new term", "P4", CONSUL + "_elector.py",
        "        self._clear_up()\n        sent = self._clock()  # before the request (P2)", "        sent = self._clock()",
        ("the traps of Consul",),
    ),
    Mutant(
        "Consul: the session is destroyed before the key is released", "P8", CONSUL + "_elector.py",
        "        if held is not None:\n            with suppress(ElectionError):\n"
        "                self._unlock(held, remove=True)\n        if doubt",
        "        if doubt", ("the suite on Consul", "the traps of Consul"),
    ),
]  # fmt: skip


def found_by(mutant: Mutant) -> str | None:
    """Apply *mutant* to a copy, and return the first finder that fails."""
    with tempfile.TemporaryDirectory(prefix="incumbent-mutant-") as folder:
        for source in SOURCES:
            shutil.copytree(ROOT / source, Path(folder, source), ignore=shutil.ignore_patterns("__pycache__"))
        path = Path(folder, mutant.file)
        text = path.read_text()
        assert text.count(mutant.old) == 1, f"{mutant.file} has changed: {mutant.what}"
        path.write_text(text.replace(mutant.old, mutant.new))
        paths = [str(Path(folder, source)) for source in SOURCES]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*paths, str(ROOT / "tests/helpers")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for finder in mutant.finders:
            if _fails(FINDERS[finder], environment):
                return finder
    return None


def _fails(arguments: tuple[str, ...], environment: dict[str, str]) -> bool:
    """Run one finder. One that hangs has found something, too."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(timeout=300) != 0
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return True


def main() -> int:
    """Try the mutants that are asked for, or all, and write what was found into the page."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="try only mutants whose description has one of these")
    args = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if not args.words or any(word in mutant.what for word in args.words)]
    text, _, table = PAGE.read_text().partition(HEADING)
    known = {cells[0]: cells[2] for line in table.splitlines()[2:] if len(cells := _cells(line)) == 3}
    missed = 0
    for number, mutant in enumerate(chosen, 1):
        began = time.monotonic()
        finder = found_by(mutant)
        missed += finder is None
        known[mutant.what] = finder or "**nobody**"
        took = time.monotonic() - began
        print(f"{number}/{len(chosen)}  {mutant.what}: {finder or 'NOT FOUND'}, {took:.0f} s", flush=True)
    rows = [f"| {mutant.what} | {mutant.promise} | {known.get(mutant.what, '')} |" for mutant in MUTANTS]
    PAGE.write_text("\n".join([text + HEADING, "|---|---|---|", *rows, ""]))
    print(f"{len(chosen)} mutants, {missed} not found")
    return 1 if missed else 0


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


if __name__ == "__main__":
    sys.exit(main())
