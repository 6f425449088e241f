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
SOURCES = ("core/src", "plugins/etcd/src", "plugins/consul/src", "plugins/postgres/src", "plugins/redis/src")
PAGE = ROOT / "docs" / "mutants.md"
HEADING = "| what is sabotaged | breaks | found by |"

CORE, ETCD, CONSUL = "core/src/incumbent/", "plugins/etcd/src/incumbent_etcd/", "plugins/consul/src/incumbent_consul/"
BEAT = "core/src/incumbent/toolkit/"
POSTGRES, REDIS = "plugins/postgres/src/incumbent_postgres/", "plugins/redis/src/incumbent_redis/"

#: What finds, in the words of the table: the arguments of `python -m`.
FINDERS: dict[str, tuple[str, ...]] = {
    "the simulator": ("simulation", "--schedules", "500", "--first", "0"),
    "tests of the promises": ("pytest", "-q", "-x", "tests/core/test_promises.py", "tests/core/test_reference.py"),
    "tests of the beat protocol": (
        *("pytest", "-q", "-x", "tests/core/toolkit/test_beat_elector.py"),
        "tests/core/toolkit/test_beat_cas.py",
        "tests/core/toolkit/test_beat_backend.py",
    ),
    "tests of the engine": ("pytest", "-q", "-x", "tests/core"),
    "tests of crashes": ("pytest", "-q", "-x", "tests/cli/run/test_run_crash.py"),
    "the suite on local": ("pytest", "-q", "-x", "tests/conformance/test_local.py"),
    "tests of local": ("pytest", "-q", "-x", "tests/electors"),
    "the suite on memory": ("pytest", "-q", "-x", "tests/conformance/test_memory.py"),
    "the suite on etcd": ("pytest", "-q", "-x", "tests/plugins/etcd/test_conformance.py"),
    "the traps of etcd": ("pytest", "-q", "-x", "tests/plugins/etcd/test_traps.py"),
    "the suite on Consul": (
        "pytest",
        "-q",
        "-x",
        "tests/plugins/consul/test_conformance.py",
        "tests/plugins/consul/test_conformance_check.py",
    ),
    "the traps of Consul": (
        *("pytest", "-q", "-x", "tests/plugins/consul/test_traps.py"),
        "tests/plugins/consul/test_silence.py",
    ),
    "the suite on PostgreSQL": ("pytest", "-q", "-x", "tests/plugins/postgres/test_conformance.py"),
    "the traps of PostgreSQL": (
        *("pytest", "-q", "-x", "tests/plugins/postgres/test_traps.py"),
        "tests/plugins/postgres/test_failover.py",
    ),
    "the suite on Redis": (
        "pytest",
        "-q",
        "-x",
        "tests/plugins/redis/test_conformance.py",
        "tests/plugins/redis/test_conformance_valkey.py",
    ),
    "the traps of Redis": (
        *("pytest", "-q", "-x", "tests/plugins/redis/test_traps.py"),
        "tests/plugins/redis/test_failover.py",
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
ON_POSTGRES = ("the traps of PostgreSQL", "the suite on PostgreSQL")
ON_BEAT = ("tests of the beat protocol", "the simulator")
ON_REDIS = ("the traps of Redis", "the suite on Redis")

MUTANTS = [
    Mutant(
        "the deadline is counted from the answer, not from before the request", "P2", CORE + "engine/leading.py",
        "life.deadline = max(life.deadline, claim.sent + lifetime(claim.guarantee))",
        "life.deadline = max(life.deadline, life.now + lifetime(claim.guarantee))", ENGINE,
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
        "a late answer is handled before the deadline is looked at", "P2", CORE + "engine/machine.py",
        "if self.phase is Phase.LEADER and now >= self.renew_deadline:",
        "if False:", ENGINE,
    ),
    Mutant(
        "a term is valid until somebody says otherwise", "P2", CORE + "term.py",
        "left = self._deadline - self._clock.now()\n        if left > 0.0:\n            return left",
        "return 1.0", ENGINE,
    ),
    Mutant(
        "a term that was seen over is renewed after all", "P2", CORE + "term.py",
        "self._over = self._over or left <= 0.0", "left = max(0.0, left)", ENGINE,
    ),
    Mutant(
        "a call that outlives its candidate may leave a claim", "P8", CORE + "engine/runner.py",
        "if candidate.machine.phase is Phase.CLOSED:", "if candidate.finished:", ENGINE,
    ),
    Mutant(
        "a term outlives its end", "P1", CORE + "term.py",
        "if self._over or os.getpid() != self._pid:", "if os.getpid() != self._pid:", ENGINE,
    ),
    Mutant(
        "a forked child believes that it leads", "P9", CORE + "term.py",
        "if self._over or os.getpid() != self._pid:", "if self._over:", ENGINE,
    ),
    Mutant(
        "renewals wait for callbacks", "P6", CORE + "engine/runner.py",
        "self._calls.submit(partial(self._call, candidate, action.verb))",
        'candidate.dispatcher.put("call", partial(self._call, candidate, action.verb))', ENGINE,
    ),
    Mutant(
        "the claim of the last term begins another", "P4", CORE + "engine/following.py",
        "elif claim.token == life.token:", "elif False:", ENGINE,
    ),
    Mutant(
        "a check that shows another token extends the term", "P4", CORE + "engine/leading.py",
        "if event.claim.token != life.token:", "if False:", ENGINE,
    ),
    Mutant(
        "a leader that handed over does not stand aside", "P7", CORE + "engine/relinquishing.py",
        "life.not_before = life.now + life.timing.cooldown", "pass", ENGINE,
    ),
    Mutant(
        "the schedule of a lost term ends the next", "P6", CORE + "engine/alarms.py",
        "self._armed.get(queue[0].key) is not queue[0]", "queue[0].key not in self._armed", (*ENGINE, "tests of the engine"),
    ),
    Mutant(
        "closing does not relinquish", "P8", CORE + "engine/relinquishing.py",
        "    elif life.held:\n        relinquish(life)\n", "    elif life.held and not life.stopping:\n        relinquish(life)\n",
        ENGINE,
    ),
    Mutant(
        "the claim is given up before the application knows", "P6", CORE + "engine/relinquishing.py",
        "    life.told = False\n", "    life.told = keep\n", ENGINE,
    ),
    Mutant(
        "the limit of a hand-over never comes", "P6", CORE + "engine/relinquishing.py",
        "life.set(Timer.HANDOVER_DEADLINE, life.now + life.timing.handover_timeout)",
        "pass", (*ENGINE, "tests of the engine"),
    ),
    Mutant(
        "an old term's timer ends the patience with the callbacks of the next", "P6", CORE + "engine/relinquishing.py",
        "life.patient = life.now < life.since + life.timing.handover_timeout", "life.patient = False",
        (*ENGINE, "tests of the engine"),
    ),
    Mutant(
        "a term that is over is still announced", "P6", CORE + "engine/dispatch.py",
        "            if not entry.wanted():\n                continue\n", "", ENGINE,
    ),
    Mutant(
        "a call that hangs is called again", "P10", CORE + "engine/leading.py",
        "    if life.call is None:\n        life.ask(Verb.CHECK)\n    else:\n        life.again = True",
        "    life.ask(Verb.CHECK)", ENGINE,
    ),
    Mutant(
        "an error of the backend ends the campaign", "P7", CORE + "engine/following.py",
        "life.retry(event, life.timing.follower_check_interval)", "relinquishing.fail(life, event.error)", ENGINE,
    ),
    Mutant(
        "a failed relinquishing is taken for done", "P4", CORE + "engine/relinquishing.py",
        "        _close(life)  # nobody can be reached: the claim ends with its ttl\n    elif event.permanent:\n"
        "        life.held = False  # likewise, but the application is still waited for\n    else:\n"
        "        life.retry(event, life.timing.follower_check_interval)",
        "        _close(life)\n    else:\n        life.held = False\n        _after(life)", ENGINE,
    ),
    Mutant(
        "retries come at once", "P7", CORE + "engine/life.py",
        "pause = min(FIRST_RETRY * 2.0**self._failures, longest) * (0.5 + event.jitter)", "pause = 0.001", ENGINE,
    ),
    Mutant(
        "every failure of an outage is logged", "P10", CORE + "engine/life.py",
        "        if not self._outage:\n", "        if True:\n", ENGINE,
    ),
    Mutant(
        "a claim from the future is believed", "P2", CORE + "engine/calls.py",
        "        and claim.sent <= now\n", "", ENGINE,
    ),
    Mutant(
        "local: the token is counted in memory", "P4", CORE + "electors/local/elector.py",
        "self._token = self._files.last_token(lock) + 1", "self._token += 1", ("the suite on local", "tests of local"),
    ),
    Mutant(
        "local: the token is announced before it is on disk", "P4", CORE + "electors/local/elector.py",
        "            self._files.announce(lock, Record(self._token, self.candidate, time.time(), self.info))\n", "",
        ("the suite on local", "tests of local"),
    ),
    Mutant(
        "local: a lock file that was replaced is not noticed", "P1", CORE + "electors/local/elector.py",
        "return self._files.is_current(lock) and self._files.is_current_wake(wake)", "return True",
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
        "if place is not None and renewal is not None and place.key in (renewal.answer.keys or ()):",
        "if place is not None and renewal is not None:", ("the suite on etcd", "the traps of etcd"),
    ),
    Mutant(
        "etcd: a dead lease is used again", "P7", ETCD + "_session.py",
        "if lease is None or lease.is_dead:", "if lease is None:", ("the suite on etcd", "the traps of etcd"),
    ),
    Mutant(
        "etcd: who waited does not read its key back", "P5", ETCD + "_place.py",
        "if own.lease != self.lease.id or own.value != self.value.encode():", "if False:",
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
        "        self._clear_up()\n        with self._lock:\n            free,", "        with self._lock:\n            free,",
        ("the traps of Consul",),
    ),
    Mutant(
        "Consul: the session is destroyed before the key is released", "P8", CONSUL + "_elector.py",
        "            if held is not None:\n                self._unlock(held, remove=True)\n            elif doubt",
        "            if doubt", ("the suite on Consul", "the traps of Consul"),
    ),
    Mutant(
        "beat: half a ttl of silence is enough to take over", "P1", BEAT + "beat_sightings.py",
        "                return inf\n            return max(0.0, seen.since + record.ttl - now)",
        "                return inf\n            return max(0.0, seen.since + record.ttl / 2 - now)", ON_BEAT,
    ),
    Mutant(
        "beat: silence is that of a leader, though its beat goes on", "P1", BEAT + "beat_sightings.py",
        "if seen is None or seen.beat != record.beat:\n                seen =",
        "if seen is not None:\n                seen.beat = record.beat\n            else:\n                seen =", ON_BEAT,
    ),
    Mutant(
        "beat: silence is told by the store's clock", "P1", BEAT + "beat_elector.py",
        "silent = None if seen is None or self._beats.sightings.left(self.lock_id, seen) > 0 else seen",
        "silent = None if seen is None or seen.is_fresh else seen", ON_BEAT,
    ),
    Mutant(
        "beat: a term counts from the answer", "P2", BEAT + "beat_elector.py",
        "return self._claim(found.token, sent)", "return self._claim(found.token, self._clock())", ON_BEAT,
    ),
    Mutant(
        "beat: a renewal counts from the answer", "P2", BEAT + "beats.py",
        "        member.renewed = sent\n        return sent, True",
        "        member.renewed = sent\n        return self.settings.clock(), True", ON_BEAT,
    ),
    Mutant(
        "beat: whatever record is there is taken for ours", "P1", BEAT + "beat_elector.py",
        "if found is None or found.owner != self.owner:", "if found is None:", ON_BEAT,
    ),
    Mutant(
        "beat: a renewal that was answered proves the claim", "P1", BEAT + "beats.py",
        "if held is None or held not in self.store.renew([held]):",
        "if held is None or self.store.renew([held]) is None:", ON_BEAT,
    ),
    Mutant(
        "beat: a loss that was seen is denied by an older renewal", "P1", BEAT + "beat_elector.py",
        "self._beats.renewal(self, max(self._sent, self._latest))", "self._beats.renewal(self, self._sent)", ON_BEAT,
    ),
    Mutant(
        "beat: a claim whose engine is silent is renewed with the others", "P7", BEAT + "beats.py",
        "is_near = now - member.asked < SILENT * ttl and", "is_near =", ON_BEAT,
    ),
    Mutant(
        "beat: a late relinquishing ends the next term", "P1", BEAT + "beat_elector.py",
        "self._leads = self._is_uncertain = False\n            self.owner = _name()\n",
        "self._leads = self._is_uncertain = False\n", ON_BEAT,
    ),
    Mutant(
        "beat: closing forgets an attempt that had no answer", "P8", BEAT + "beat_elector.py",
        "if self._leads or self._is_uncertain:", "if self._leads:", ON_BEAT,
    ),
    Mutant(
        "beat: bytes are written without a look at their version", "P1", BEAT + "beat_cas.py",
        "return self.put(lock_id, json.dumps(content).encode(), version)",
        "found = self.get(lock_id)\n"
        "        return self.put(lock_id, json.dumps(content).encode(), found and found[1])", ON_BEAT,
    ),
    Mutant(
        "PostgreSQL: silence seen on one server counts on another", "P1", POSTGRES + "_records.py",
        'beat = f"{entry.server} {entry.beat}"', "beat = entry.beat", ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: who takes over does not compare the beat", "P1", POSTGRES + "_layout.py",
        'f"WHERE id = {literal(silent.session)} AND beat = {literal(silent.beat)} "',
        'f"WHERE id = {literal(silent.session)} "', ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: a renewal leaves the beat as it was", "P1", POSTGRES + "_layout.py",
        '"ON CONFLICT (id) DO UPDATE SET beat = excluded.beat, renewed = excluded.renewed; "',
        '"ON CONFLICT (id) DO UPDATE SET renewed = excluded.renewed; "', ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: a claim hangs on a session that is not renewed for it", "P2", POSTGRES + "_records.py",
        "claims = self._session.renewal(began).answer",
        "claims = {} if self._session._may_exist else self._session.renewal(began).answer", ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: a renewed session proves the claim", "P2", POSTGRES + "_records.py",
        'there = [one for one in held if claims.get(one.lock_id, ("", 0))[0] == one.owner]', "there = list(held)",
        ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: silence that was seen on another server counts", "P1", POSTGRES + "_layout.py",
        'f"AND {RUN} = {literal(silent.server)} RETURNING id), "', '"RETURNING id), "', ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: tokens are not drawn in turn", "P4", POSTGRES + "_layout.py",
        "            f\"SELECT pg_advisory_xact_lock(hashtextextended({literal(f'{self.schema}.{lock_id}')}, 0)); \"\n",
        "", ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: tokens begin at one when the tables are made again", "P4", POSTGRES + "_layout.py",
        "START WITH {int(time.time() * 1000)}", "START WITH 1", ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: a commit is answered before it is on disk", "P4", POSTGRES + "_layout.py",
        "SET LOCAL synchronous_commit = on;", "SET LOCAL synchronous_commit = off;", ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: renewals spare what a late request has left", "P8", POSTGRES + "_layout.py",
        'if claims := ", ".join(map(literal, leftovers)):', 'if claims := "":', ON_POSTGRES,
    ),
    Mutant(
        "PostgreSQL: closing forgets an attempt that had no answer", "P8", POSTGRES + "_records.py",
        "is_late = owner in self._unanswered", "is_late = False", ON_POSTGRES,
    ),
    Mutant(
        "Redis: who has just met a server may be elected there", "P1", REDIS + "_layout.py",
        "mark == ARGV[2] and tonumber(ARGV[3]) >= needed", "mark == ARGV[2]", ON_REDIS,
    ),
    Mutant(
        "Redis: who takes over does not compare the beat", "P1", REDIS + "_layout.py",
        "claim == ARGV[9] and record[2] == ARGV[10]", "claim == ARGV[9]", ON_REDIS,
    ),
    Mutant(
        "Redis: a renewal leaves the beat as it was", "P1", REDIS + "_layout.py",
        "    redis.call('HSET', KEYS[i], 'beat', text(math.max((tonumber(record[2] or '0') or 0) + 1, now)))\n", "",
        ON_REDIS,
    ),
    Mutant(
        "Redis: a record that is there is taken for ours", "P2", REDIS + "_layout.py",
        "local is_ours = record[1] and record[1] == ARGV[2 * i + 1]", "local is_ours = record[1]", ON_REDIS,
    ),
    Mutant(
        "Redis: the token is counted in the record alone", "P4", REDIS + "_layout.py",
        "token = math.max(token + 1, last + 1, now)", "token = token + 1", ON_REDIS,
    ),
    Mutant(
        "Redis: the token is the server's time", "P4", REDIS + "_layout.py",
        "token = math.max(token + 1, last + 1, now)", "token = math.max(token + 1, now)", ON_REDIS,
    ),
    Mutant(
        "Redis: the token is a counter alone", "P4", REDIS + "_layout.py",
        "token = math.max(token + 1, last + 1, now)", "token = math.max(token + 1, last + 1)", ON_REDIS,
    ),
    Mutant(
        "Redis: a restart or a fail-over is not noticed", "P1", REDIS + "_layout.py",
        "if guard[1] ~= reign or not mark then", "if not mark then", ON_REDIS,
    ),
    Mutant(
        "Redis: a server that was emptied elects at once", "P1", REDIS + "_layout.py",
        "  mark, proven = ARGV[1], 0\n  redis.call('HSET', KEYS[1], 'reign', reign, 'mark', mark, 'proven', '0')",
        "  mark, proven = ARGV[1], mark and 0 or tonumber(ARGV[4])\n"
        "  redis.call('HSET', KEYS[1], 'reign', reign, 'mark', mark, 'proven', text(proven))", ON_REDIS,
    ),
    Mutant(
        "Redis: a lapsed claim is believed after a restart", "P1", REDIS + "_records.py",
        '"lapsed" if now - one.sent >= LAPSED * self._ttl else "fresh"', '"fresh"', ON_REDIS,
    ),
    Mutant(
        "Redis: a claim counts before the replicas have it", "P1", REDIS + "_records.py",
        "            counts=lambda record: record is not None and record.owner == owner,\n", "", ON_REDIS,
    ),
    Mutant(
        "Redis: a renewal counts before the replicas have it", "P1", REDIS + "_records.py",
        ", counts=bool)", ")", ON_REDIS,
    ),
    Mutant(
        "Redis: somebody else's key is overwritten", "P7", REDIS + "_layout.py",
        "if not claim and redis.call('EXISTS', KEYS[2]) == 1 then\n  return conflict(KEYS[2])\nend\n", "", ON_REDIS,
    ),
    Mutant(
        "Redis: silence that was seen on another server counts", "P1", REDIS + "_layout.py",
        " and mark == ARGV[2]\n", "\n", ON_REDIS,
    ),
    Mutant(
        "Redis: what a fail-over brings back of an attempt without an answer keeps its token", "P4",
        REDIS + "_layout.py", "if claim == ARGV[5] and record[5] == mark then", "if claim == ARGV[5] then", ON_REDIS,
    ),
    Mutant(
        "what an attempt without an answer has left keeps its token", "P4", BEAT + "beat_cas.py",
        "token = max(1 +", "token = there.token if there and there.owner == owner else max(1 +", ON_BEAT,
    ),
    Mutant(
        "a term is given up before all of its command is dead", "P11", CORE + "cli/guard.py",
        "while not self._orphaned or self._running:", "while not self._orphaned:", ("tests of crashes",),
    ),
    Mutant(
        "a term is given up while its wrapper lives", "P11", CORE + "cli/guard.py",
        "while os.getppid() == self._wrapper:", "while False:", ("tests of crashes",),
    ),
    Mutant(
        "etcd: a testament ends whatever is on that key", "P11", ETCD + "_backend.py",
        '"Txn", election.delete(election.key(lease), revision)',
        '"Txn", self.connection.rpc.TxnRequest(success=election.delete(election.key(lease), revision).success)',
        ("the suite on etcd",),
    ),
    Mutant(
        "Consul: a testament ends a later term of its session", "P11", CONSUL + "_backend.py",
        "modify_index=index, remove=True",
        "modify_index=pair.modify_index if (pair := self.client.get(key)) else index, remove=True",
        ("the suite on Consul",),
    ),
    Mutant(
        "a testament of the beat protocol ends whoever leads", "P11", BEAT + "beat_backend.py",
        "return self.store.release(lock_id, testament)",
        "return any(self.store.release(lock_id, r.owner) for r in self.store.read([lock_id]).values())",
        ("tests of the beat protocol",),
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
