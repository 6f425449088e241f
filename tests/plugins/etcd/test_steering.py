"""Requests of operators, on a real etcd, and who may make them."""

import etcd_stage as stage
import pytest
from rights import Rights
from steered import Steered

from incumbent import LeaderElection, LeaderElectionConfig
from incumbent.steer import Result, hand_over, paused

PASSWORD = "canary-Pa55w0rd"
#: What each kind of user may do, as docs/steering.md says.
ROLES = {
    "candidate": ["readwrite job/", "read job.control/"],
    "deaf": ["readwrite job/"],
    "operator": ["read job/", "readwrite job.control/"],
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that knows these users, each with its role."""
    made = stage.Etcd(tmp_path_factory.mktemp("guarded"))
    made.start()
    for kind, permissions in ROLES.items():
        made.ctl("role", "add", kind)
        for permission in permissions:
            made.ctl("role", "grant-permission", "--prefix=true", kind, *permission.split())
        made.ctl("user", "add", f"{kind}:{PASSWORD}")
        made.ctl("user", "grant-role", kind, kind)
    made.enable_users("root-password")
    yield made
    made.stop()


class TestSteering(Steered):
    """As on every elector."""


class TestRights(Rights):
    """Roles keep the three apart."""

    @pytest.fixture
    def urls(self, guarded):
        return {kind: f"etcd://{kind}:{PASSWORD}@127.0.0.1:{guarded.port}" for kind in ROLES}


ASK = {"timeout": stage.PATIENCE, "request_timeout": 20.0}


def candidate_of(name, url, candidate):
    """Return a candidate that heeds requests; nobody means to end its claims."""
    config = LeaderElectionConfig(
        name, candidate=candidate, ttl=30.0, request_timeout=5.0, relinquish_interval=None, steering=True
    )
    return LeaderElection(config, url)


def test_etcdctl_elect_is_served_in_its_turn(server, url, name, monkeypatch):
    """P1: it is before the named candidate, so it leads, and is named; a request does not end its term."""
    monkeypatch.setattr("incumbent.engine.standing.LONGEST_COURTESY", 1.0)  # for it stays in the queue
    with candidate_of(name, url, "a") as a:
        a.wait_for_leadership(stage.PATIENCE)
        with stage.Elect(server, name, "tool") as tool:
            stage.eventually(lambda: "tool" in stage.keys(server, name))
            with candidate_of(name, url, "b") as b:
                stage.eventually(lambda: "b" in stage.keys(server, name))
                outcome = hand_over(url, name, to="b", **ASK)
                assert (outcome.result, outcome.leader) == (Result.ANOTHER, "tool")
                stage.eventually(lambda: tool.leads)
                assert not a.is_leader()
                assert not b.is_leader()
                outcome = hand_over(url, name, timeout=1.0, request_timeout=20.0)
                assert (outcome.result, outcome.leader) == (Result.LATE, "tool")
                assert tool.leads
                tool.resign()
                stage.eventually(lambda: a.is_leader() or b.is_leader())


def test_etcdctl_elect_heeds_no_pause(server, url, name):
    """P1: who leads hands over to it as to anybody, during a pause too; ours that may not lead do not."""
    with candidate_of(name, url, "a") as a, candidate_of(name, url, "b") as b:
        stage.eventually(lambda: a.is_leader() or b.is_leader())
        leader, other = (a, b) if a.is_leader() else (b, a)
        other.eligible = False
        stage.eventually(lambda: list(stage.keys(server, name)) == [leader.candidate])
        with stage.Elect(server, name, "tool") as tool:
            stage.eventually(lambda: "tool" in stage.keys(server, name))
            outcome = hand_over(url, name, **ASK)
            assert (outcome.result, outcome.leader) == (Result.DONE, "tool")
            with paused(url, name):
                stage.eventually(lambda: leader.situation.aside_for == "the election is paused")
                stage.eventually(lambda: tool.leads)
                tool.resign()
                stage.eventually(lambda: stage.keys(server, name) == {})
                assert not a.is_leader()
                assert not b.is_leader()
        stage.eventually(leader.is_leader)
