"""All states of a small cluster: with our formulas two leaders are impossible, and each sabotage of them is found."""

import pytest
from exhaustive import Rules, growing_tokens, overlap
from exhaustive_beat import BeatRules, beat_overlap


@pytest.mark.parametrize(
    "rules",
    [
        Rules(ttl=9),
        Rules(ttl=9, fails_over=True),
        Rules(ttl=8, lock_delay=8),
        Rules(ttl=8, lock_delay=6),
        Rules(candidates=3, ttl=6),
        Rules(candidates=3, ttl=6, fails_over=True),
        Rules(candidates=3, ttl=6, lock_delay=5),
    ],
    ids=["lease", "fail-over", "session", "short delay", "three", "three, fail-over", "three, session"],
)
def test_our_formulas_allow_no_overlap(rules):
    """P1 to P3: in no state that can be reached do two candidates lead."""
    states, path = overlap(rules)
    assert path == []
    assert states > 5000


@pytest.mark.parametrize(
    "rules",
    [
        Rules(ttl=9, from_reply=True),
        Rules(ttl=9, fails_over=True, margin=0),
        Rules(ttl=9, margin=0, assumed_drift=0),
        Rules(ttl=9, drift=3),
        Rules(ttl=6, lock_delay=1, ignore_lock_delay=True),
    ],
    ids=[
        "counted from the reply",
        "no margin over a fail-over",
        "no drift",
        "drift beyond the promise",
        "no lock-delay",
    ],
)
def test_sabotaged_formulas_overlap(rules):
    """P1 to P3: each part of the formula is needed, and this search would notice if it were missing."""
    _, path = overlap(rules)
    assert path[-1].startswith("answer")
    assert "tick" in path


@pytest.mark.parametrize(
    "rules",
    [
        BeatRules(ttl=8),
        BeatRules(ttl=6, forgets=True),
        BeatRules(candidates=3, ttl=5),
        BeatRules(candidates=3, ttl=4, forgets=True),
    ],
    ids=["beat", "forgets", "three", "three, forgets"],
)
def test_beat_protocol_allows_no_overlap(rules):
    """P1 to P3: silence seen on the clocks of those who wait makes no two leaders, in no state that can be reached."""
    states, path = beat_overlap(rules)
    assert path == []
    assert states > 5000


@pytest.mark.parametrize(
    "rules",
    [
        BeatRules(from_reply=True),
        BeatRules(compares=False),
        BeatRules(by_leader=True),
        BeatRules(early=3),
        BeatRules(patience=3),
        BeatRules(forgets=True, wary=False),
        BeatRules(drift=3),
        BeatRules(margin=0, assumed_drift=0),
    ],
    ids=[
        "counted from the reply",
        "the beat is not compared",
        "silence of a leader, not of a beat",
        "a sight counted from before its answer",
        "half a ttl of silence",
        "what was forgotten is not waited for",
        "drift beyond the promise",
        "no margin, no drift",
    ],
)
def test_sabotaged_beat_protocol_overlaps(rules):
    """P1 to P3: each rule of the protocol is needed, and this search would notice if it were missing."""
    _, path = beat_overlap(rules)
    assert path[-1].startswith("answer")


def test_modify_index_grows_over_every_history():
    """P4: on Consul, the index of a key's last change grows whatever anybody does to the key."""
    assert growing_tokens("ModifyIndex") == []


def test_lock_index_does_not_grow():
    """P4: LockIndex begins anew when anybody writes or deletes the key: it is no token."""
    assert growing_tokens("LockIndex")[-1] == "acquire"
