"""The demo's judge, shown logs in which something went wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from incumbent.cli._demo_judge import HAND_OVER, KILL, Act, Entry, judge

PLAN = [KILL, HAND_OVER]
ACTS = [Act(2.0, KILL, "ada", 1), Act(4.0, HAND_OVER, "ben", 2)]


def term(candidate, token, begin, end, reason=""):
    """Return the log of one term: it works at its beginning and shortly before its end."""
    log = [Entry(begin, candidate, "begin", token), Entry(begin, candidate, "work", token)]
    log.append(Entry(end - 0.1, candidate, "work", token))
    return [*log, Entry(end, candidate, "end", token, reason)] if reason else log


def good_log():
    """Return what is written down when all goes well."""
    return [
        *term("ada", 1, 1.0, 2.0),
        *term("ben", 2, 2.1, 4.0, "relinquished"),
        *term("cleo", 3, 4.05, 5.0, "stopped"),
    ]


def faults(entries, acts=ACTS, plan=PLAN):
    return judge(entries, acts, plan).faults


def test_a_good_log_has_no_fault_and_its_figures_are_counted():
    """What happened as promised is found to be so, with the seconds without a leader."""
    verdict = judge(good_log(), ACTS, PLAN)

    assert verdict.faults == []
    assert verdict.overlaps == []
    assert [entry.token for entry in verdict.terms] == [1, 2, 3]
    assert [succession.seconds for succession in verdict.successions] == pytest.approx([0.1, 0.05])
    assert verdict.work == 6


def test_the_order_in_which_entries_arrive_does_not_matter():
    """Several pipes are read in any order: only the stamps count."""
    assert faults(good_log()[::-1]) == []


def test_work_with_an_old_token_after_the_next_term_began_is_an_overlap():
    """P1: a deposed leader that goes on is found, with both names and tokens."""
    late = Entry(4.06, "ben", "work", 2)

    (fault,) = faults([*good_log(), late])

    assert fault == "overlap: ben led with token 2 10.0 ms after cleo began token 3"
    assert len(judge([*good_log(), late], ACTS, PLAN).overlaps) == 1


def test_a_term_that_begins_before_the_leader_was_killed_is_an_overlap():
    """P1: whoever could be killed as the leader was still leading then."""
    early = [replace(e, at=1.95) if e.candidate == "ben" and e.event == "begin" else e for e in good_log()]

    assert any("overlap: ada led with token 1 50.0 ms after ben began token 2" in fault for fault in faults(early))


def test_two_candidates_with_one_token_overlap():
    """P4: a token belongs to one candidate only."""
    twice = [*good_log(), Entry(4.5, "dora", "work", 3)]

    assert any("overlap: dora led with token 3" in fault for fault in faults(twice))


@pytest.mark.parametrize("token", [1, 2])
def test_a_token_that_does_not_grow_is_a_fault(token):
    """P4: a repeated or smaller token is named."""
    stale = [replace(e, token=token) if e.candidate == "cleo" else e for e in good_log()]

    assert f"token {token} of cleo is not greater than token 2 of ben" in faults(stale)


def test_a_kill_without_successor_is_a_fault():
    """Nobody led after the last act: said so."""
    lonely = [entry for entry in good_log() if entry.candidate != "cleo"]

    assert faults(lonely) == ["nobody led after the hand-over of ben (token 2)"]


def test_a_late_successor_is_a_fault():
    """A successor after more than a fraction of a second is not what is claimed."""
    late = [replace(e, at=e.at + 2.0) if e.candidate == "cleo" else e for e in good_log()]

    assert faults(late) == ["cleo led only 2.0 s after the hand-over of ben (token 2)"]


def test_a_hand_over_to_oneself_is_a_fault():
    """Who hands over stands aside."""
    again = [replace(e, candidate="ben") if e.candidate == "cleo" else e for e in good_log()]

    assert faults(again) == ["ben led again after the hand-over of ben (token 2)"]


def test_a_hand_over_that_was_not_voluntary_is_a_fault():
    """A leader that lost its term when it was asked has not handed over."""
    lost = [replace(e, detail="lost") if e.detail == "relinquished" else e for e in good_log()]

    assert faults(lost) == ["ben never said that it relinquished token 2"]


def test_an_act_that_was_not_carried_out_is_a_fault():
    """A demo that broke off early has not shown what it claims."""
    assert faults(good_log()[:-4], ACTS[:1]) == ["only 1 of 2 kills and hand-overs could be carried out"]


def test_a_term_that_ended_by_itself_is_a_fault():
    """More terms than acts explain: somebody lost leadership unasked."""
    extra = [*good_log(), *term("dora", 4, 5.5, 6.0)]

    assert faults(extra) == ["4 terms began where 3 were to begin: one ended by itself"]


def test_a_leader_that_did_no_work_is_a_fault():
    """Leading without working shows nothing."""
    idle = [e for e in good_log() if (e.candidate, e.event) != ("ada", "work")]

    assert faults(idle) == ["ada did no work with token 1"]


def test_an_empty_log_is_a_fault():
    """No news is not good news."""
    assert faults([], [], PLAN) == ["only 0 of 2 kills and hand-overs could be carried out", "nobody was elected"]
