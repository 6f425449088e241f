"""The engine on Redis: elections as applications hold them."""

from __future__ import annotations

import time

import redis_stage as stage

from incumbent import LeaderElection, LeaderElectionConfig, observe


def config(name, **options):
    return LeaderElectionConfig(
        lock_id=name, **{"ttl": 6.0, "request_timeout": 0.8, "relinquish_interval": None, **options}
    )


def test_hand_over_is_pushed(server, name):
    """P4, P7: the successor of a leader that relinquishes leads by a message, long before its next poll."""
    slow = config(name, ttl=60.0, request_timeout=10.0, follower_check_interval=30.0)
    with LeaderElection(slow, stage.url(server)) as first, LeaderElection(slow, stage.url(server)) as second:
        both = first, second
        terms = stage.eventually(lambda: any(found := [e.wait_for_leadership(timeout=0.1) for e in both]) and found)
        leader, other = (first, second) if terms[0] is not None else (second, first)
        token = next(term.token for term in terms if term is not None)
        stage.eventually(other.is_follower)
        began = time.monotonic()
        leader.relinquish()
        term = other.wait_for_leadership(timeout=stage.PATIENCE)
        assert term.token > token
        assert time.monotonic() - began < 15.0


def test_watcher_sees_the_leader_change(server, name):
    """P1: who observes is shown the leader, and that it has gone."""
    seen = []
    with LeaderElection(config(name, candidate="a"), stage.url(server)) as election:
        assert election.wait_for_leadership(timeout=stage.PATIENCE)
        for record in observe(stage.url(server), name):
            seen.append(record.candidate)
            if len(seen) == 1:
                election.close()
            if record.candidate is None:
                break
    assert seen == ["a", None]


def test_election_goes_on_after_an_outage(victim, name):
    """P7: after a restart of the server, empty or not, the same candidates elect a leader again by themselves."""
    with LeaderElection(config(name, ttl=3.0, request_timeout=0.4), stage.url(victim)) as election:
        first = election.wait_for_leadership(timeout=stage.PATIENCE)
        victim.kill()
        stage.eventually(lambda: not first.is_valid())
        victim.restart(empty=True)
        assert election.wait_for_leadership(timeout=stage.PATIENCE).token > first.token
