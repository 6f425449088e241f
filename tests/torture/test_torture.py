"""A short torture of each elector, and a judge who would see a promise broken. The long ones are `nox -s torture`."""

import importlib
import json
import random

import pytest
from torture.__main__ import STAGES, torture
from torture.crew import Crew, Hand
from torture.etcd import EtcdStage
from torture.judge import Verdict, judge
from torture.nemesis import Fault
from torture.stages import LocalStage

#: Has a candidate closed, killed, and asked to hand over, with little time between.
SHORT = 17991


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_what_candidates_import_is_there(stage):
    """They are forked from a process that has imported it all before."""
    for module in stage.modules:
        assert importlib.import_module(module)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("elector", "faults"), [("local", 24), ("etcd", 20), ("consul", 16), ("postgres", 16), ("redis", 16)]
)
def test_no_promise_is_broken(elector, faults, tmp_path, capsys):
    """P1, P4, P6, P7, P8: kills, freezes, cuts and restarts, on real processes and clusters, overlap no two leaders."""
    seed = random.SystemRandom().randrange(10**6)
    verdict, summary = torture(elector, faults, seed, elections=4, candidates=3, folder=tmp_path)
    assert verdict.broken == [], f"seed {seed}: {summary}"
    assert len(verdict.tenures) > 4
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["recovered"] == len(report["when"]) >= faults
    assert "<svg" in (tmp_path / "timeline.svg").read_text()
    assert f"{elector}: 4 elections of 3 candidates" in capsys.readouterr().out


def test_torture_does_what_it_says(tmp_path, capsys):
    """The tool itself, from the first candidate to the report: a few faults, always chosen alike, to one election."""
    verdict, summary = torture("local", 3, SHORT, elections=1, candidates=2, folder=tmp_path)
    assert verdict.broken == [], summary
    assert verdict.tenures
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["recovered"] == len(report["when"]) == 3
    assert "<svg" in (tmp_path / "timeline.svg").read_text()
    assert f"local: 1 elections of 2 candidates, ttl 3 s, seed {SHORT}" in capsys.readouterr().out


# ---------------------------------------------------------------- the judge


class Scenario:
    """Journals as candidates would have written them."""

    def __init__(self, folder):
        self.folder = folder
        self.stage = LocalStage(folder)
        self.hands = []

    def hand(self, *lines, killed_at=None, leaving=False):
        journal = self.folder / f"{len(self.hands)}.jsonl"
        journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.hands.append(Hand(f"job-{len(self.hands)}", -1, journal, None, killed_at, leaving))

    def judge(self, *faults, until=None) -> Verdict:
        """Judge what happened *until* then, or until the last line of the journals."""
        crew = Crew.__new__(Crew)
        crew.name, crew.past, crew.hands = "job", [], self.hands
        last = max(json.loads(line)[0] for hand in self.hands for line in hand.journal.read_text().splitlines())
        return judge(self.stage, [crew], list(faults), until=last if until is None else until)


@pytest.fixture
def scenario(tmp_path):
    return Scenario(tmp_path)


def promises(verdict):
    return [line.partition(":")[0] for line in verdict.broken]


def test_terms_one_after_the_other_are_well(scenario):
    """A hand-over, with what each side writes down, breaks nothing."""
    scenario.hand(
        [1, "elected", 5, 9], [3, "over", 5, None], [3.1, "deposed", 5, "relinquished"], [3.2, "follows", 0, None]
    )
    scenario.hand([3.3, "elected", 6, 11], [8, "over", 6, None], [8.1, "deposed", 6, "stopped"], [8.2, "closed", 0, []])
    assert promises(scenario.judge()) == []


def test_two_leaders_are_seen(scenario):
    """P1: who is elected before the other is over."""
    scenario.hand([1, "elected", 5, 9], [4, "over", 5, None], [4.1, "deposed", 5, "lost"])
    scenario.hand([3.9, "elected", 6, 12], [5, "over", 6, None], [5.1, "deposed", 6, "lost"])
    assert promises(scenario.judge()) == ["P1"]


def test_frozen_leader_leads_until_its_deadline(scenario):
    """P1, P2: who is frozen does not write that it is over; its last deadline counts."""
    scenario.hand([1, "elected", 5, 3.0], [2, "valid", 5, 4.5], [9, "over", 5, None], [9.1, "deposed", 5, "lost"])
    scenario.hand([4.6, "elected", 6, 8], [9, "over", 6, None], [9.1, "deposed", 6, "lost"])
    assert promises(scenario.judge()) == []
    scenario.hand([4.55, "elected", 7, 8], [4.56, "over", 7, None], [4.57, "deposed", 7, "lost"])
    assert "P4" in promises(scenario.judge())


@pytest.mark.parametrize(("deadline", "until"), [(4.5, 4.5), (None, 9.2)])
def test_term_that_was_over_before_its_leader_heard_of_it_has_an_end(scenario, deadline, until):
    """P1: Who stood still notes the end of a term, then its beginning: its deadline counts, or when it is told so."""
    late = [9, "over", 5, None], [9.1, "elected", 5, deadline], [9.2, "deposed", 5, "lost"]
    scenario.hand(*late, [9.3, "elected", 6, 20], [12, "over", 6, None], [12.1, "deposed", 6, "lost"])
    verdict = scenario.judge()
    assert promises(verdict) == []
    assert verdict.tenures[0].ended == until


def test_killed_leader_leads_until_it_is_killed(scenario):
    """P1: the dead believe nothing."""
    scenario.hand([1, "elected", 5, None], killed_at=2.0)
    scenario.hand([2.01, "elected", 6, None], [3, "over", 6, None], [3.1, "deposed", 6, "lost"])
    assert promises(scenario.judge()) == []


def test_repeated_token_is_seen(scenario):
    """P4: each term has a larger one."""
    scenario.hand([1, "elected", 5, 9], [2, "over", 5, None], [2.1, "deposed", 5, "lost"], [3, "elected", 5, 9])
    assert promises(scenario.judge()) == ["P4"]


def test_what_an_operator_caused_is_excused(scenario):
    """What no deadline can cover is counted apart."""
    scenario.hand([1, "elected", 5, 9], [4, "over", 5, None], [4.1, "deposed", 5, "lost"])
    scenario.hand([3.9, "elected", 6, 12], [5, "over", 6, None], [5.1, "deposed", 6, "lost"])
    verdict = scenario.judge(Fault("delete", "job", 3.8, 3.85, excused=True))
    assert promises(verdict) == []
    assert verdict.excused == 1


@pytest.mark.parametrize(
    ("over", "reason", "seen"), [(14.1, "lost", []), (16, "lost", ["P1"]), (14.1, "closed", ["P1"])]
)
def test_who_stands_still_learns_late_what_an_operator_took(scenario, over, reason, seen):
    """What ends by no time, and was taken from who was frozen right then, ends as soon as that can run again."""
    scenario.hand([1, "elected", 5, None], [over, "over", 5, None], [over + 0.1, "deposed", 5, reason])
    scenario.hand([12, "elected", 6, None], [20, "over", 6, None], [20.1, "deposed", 6, "lost"])
    taken = Fault("delete", "job", 3.8, 3.85, excused=True)
    assert promises(scenario.judge(taken, Fault("freeze", "job", 3.9, 14.0))) == seen
    assert promises(scenario.judge(taken, Fault("freeze", "job", 3.9, 11.0))) == ["P1"]
    assert promises(scenario.judge(Fault("freeze", "job", 3.9, 14.0))) == ["P1"]


@pytest.mark.parametrize(
    ("what", "reason", "seen"),
    [
        ("freeze the cluster's leader", "lost", []),
        ("freeze the cluster's leader", "not renewed in time", ["P1"]),
        ("kill a server", "lost", ["P1"]),
    ],
)
def test_only_what_the_store_is_known_to_do_is_held_against_it(scenario, what, reason, seen):
    """An overlap is the store's only right after that fault, and only if the leader was told that its claim is gone."""
    scenario.stage.betrays = EtcdStage.betrays
    scenario.hand([1, "elected", 5, 9], [4, "over", 5, None], [4.1, "deposed", 5, reason])
    scenario.hand([3.99, "elected", 6, 12], [5, "over", 6, None], [5.1, "deposed", 6, "lost"])
    verdict = scenario.judge(Fault(what, None, 1.5, 3.95))
    assert promises(verdict) == seen
    assert len(verdict.betrayed) == 1 - len(seen)


def test_leader_that_overlaps_with_a_later_one_is_seen(scenario):
    """P1: also if a short term lies between the two."""
    scenario.hand([1, "elected", 5, 20], [9, "over", 5, None], [9.1, "deposed", 5, "lost"])
    scenario.hand([2, "elected", 6, 12], [3, "over", 6, None], [3.1, "deposed", 6, "lost"])
    scenario.hand([4, "elected", 7, 12], [5, "over", 7, None], [5.1, "deposed", 7, "lost"])
    assert promises(scenario.judge()) == ["P1", "P1"]


@pytest.mark.parametrize(
    ("lines", "promise"),
    [
        ([[1, "elected", 5, 9], [2, "elected", 6, 9], [3, "deposed", 6, "lost"]], "P6"),
        ([[1, "deposed", 5, "lost"]], "P6"),
        ([[1, "elected", 5, 2], [1.5, "follows", 0, None], [3, "deposed", 5, "lost"]], "P6"),
        ([[1, "failed", 0, "no rights"]], "P7"),
        ([[1, "closed", 0, ["incumbent-runner"]]], "P8"),
    ],
)
def test_broken_order_and_leftovers_are_seen(scenario, lines, promise):
    """P6, P7, P8: what is told out of order, a candidate that gives up, a thread that is left."""
    scenario.hand(*lines)
    assert promise in promises(scenario.judge())


def test_election_without_a_leader_is_seen(scenario):
    """P7: after a fault somebody leads within the bound."""
    scenario.hand([1, "elected", 5, 2.0], [2, "over", 5, None], [2.1, "deposed", 5, "lost"])
    assert promises(scenario.judge(Fault("kill", "job", 2.0, 2.0), until=6.9)) == []
    verdict = scenario.judge(Fault("kill", "job", 2.0, 2.0), until=7.1)
    assert promises(verdict) == ["P7"]
    assert len(verdict.unrecovered) == 1


def test_fault_that_shows_later_is_seen(scenario):
    """P7: the leader lost its claim by the fault, learned of it a little later, and nobody followed in time."""
    scenario.hand([1, "elected", 5, 9], [3.5, "over", 5, None], [3.6, "deposed", 5, "lost"])
    scenario.hand([9, "elected", 6, 12], [10, "over", 6, None], [10.1, "deposed", 6, "lost"])
    assert promises(scenario.judge(Fault("delete", "job", 3.0, 3.0))) == ["P7"]
    assert promises(scenario.judge(Fault("delete", "job", 3.0, 3.0), Fault("cut", "job", 3.4, 5.0))) == []


def test_election_that_never_has_a_leader_is_seen(scenario):
    """P7: also if there was none before."""
    scenario.hand([1, "starts", 0, None])
    assert promises(scenario.judge(Fault("kill", "job", 2.0, 2.0), until=7.1)) == ["P7"]


def test_nobody_leads_only_where_no_term_is(scenario):
    """A term that outlives a later, shorter one is no gap."""
    scenario.hand([1, "elected", 5, 20], [9, "over", 5, None], [9.1, "deposed", 5, "lost"])
    scenario.hand([2, "elected", 6, 12], [3, "over", 6, None], [3.1, "deposed", 6, "lost"])
    scenario.hand([9.5, "elected", 7, 12], [10, "over", 7, None], [10.1, "deposed", 7, "lost"])
    verdict = scenario.judge(Fault("cut", "job", 8, 9.25), Fault("kill", "job", 9.6, 9.9))
    assert verdict.gaps == [0.5]
    assert verdict.slowest == 0.25  # from the end of what came before, not of what came afterwards


def test_who_was_told_to_leave_says_so(scenario):
    """P8: a candidate that closes ends well, and its journal says it."""
    scenario.hand([1, "starts", 0, None], leaving=True)
    assert promises(scenario.judge()) == ["P8"]
