"""Requests of operators, on a real Consul, and who may make them."""

import uuid

import consul_stage as stage
import pytest
from rights import NAME, Rights
from steered import Steered

from incumbent import BackendRejectedError, LeaderElection, LeaderElectionConfig, read_leader
from incumbent.steer import Result, hand_over, paused
from incumbent_consul.testing import ConsulServer

MANAGER = str(uuid.uuid4())
#: Who may write sessions of all nodes may end those of leaders: an operator needs none but its own agent's.
NODE = "of-the-operator"
SESSION = 'session_prefix "" { policy = "write" }'
#: What each kind of token may do, as docs/steering.md says.
POLICIES = {
    "candidate": f'key_prefix "job/" {{ policy = "write" }} key_prefix "job.control/" {{ policy = "read" }} {SESSION}',
    "deaf": f'key_prefix "job/" {{ policy = "write" }} {SESSION}',
    "operator": f'key_prefix "job/" {{ policy = "read" }} key_prefix "job.control/" {{ policy = "write" }} '
    f'session "{NODE}" {{ policy = "write" }}',
    "stranger": SESSION,
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that allows nothing to who shows no token."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": MANAGER, "agent": MANAGER}}
    made = ConsulServer({"acl": acl, "node_name": NODE}, tmp_path_factory.mktemp("guarded"))
    made.token = MANAGER
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tokens(guarded):
    """For each kind of user a URL with its token."""

    def token(rules: str) -> str:
        policy = guarded.ask("PUT", "/v1/acl/policy", {"Name": str(uuid.uuid4()), "Rules": rules})
        return guarded.ask("PUT", "/v1/acl/token", {"Policies": [{"ID": policy["ID"]}]})["SecretID"]

    return {kind: stage.url(guarded, token=token(rules)) for kind, rules in POLICIES.items()}


class TestSteering(Steered):
    """As on every elector."""


class TestRights(Rights):
    """Policies keep the three apart."""

    @pytest.fixture
    def urls(self, tokens):
        return tokens


def test_who_may_not_read_is_not_told_that_nobody_leads(tokens):
    """Rule 2: Consul leaves out of a tree what a token may not read: that is a refusal, and no free election."""
    with pytest.raises(BackendRejectedError, match=f"refuses to read the key '{NAME}/.lock'"):
        read_leader(tokens["stranger"], NAME, request_timeout=20.0)


def candidate_of(name, url, candidate):
    """Return a candidate that heeds requests; nobody means to end its claims."""
    config = LeaderElectionConfig(
        name, candidate=candidate, ttl=30.0, request_timeout=5.0, relinquish_interval=None, steering=True
    )
    return LeaderElection(config, url)


def test_request_does_not_end_the_term_of_consul_lock(server, url, name, tmp_path):
    """P1: it heeds none, also while the election is paused, and ours leads when it has ended."""
    with stage.ConsulLock(server, name, tmp_path) as tool:
        stage.eventually(lambda: tool.leads)
        with candidate_of(name, url, "a") as a:
            stage.eventually(lambda: "a" in read_leader(url, name, request_timeout=20.0).candidates)
            outcome = hand_over(url, name, to="a", timeout=1.0, request_timeout=20.0)
            assert outcome.result is Result.LATE
            assert outcome.problem.startswith(f"session {stage.holder(server, name)} still leads")
            with paused(url, name):
                stage.eventually(lambda: a.situation.aside_for == "the election is paused")
                assert tool.leads
                tool.resign()
                assert not a.is_leader()
            assert a.wait_for_leadership(stage.PATIENCE) is not None


def test_consul_lock_that_waits_is_not_passed_over_unsafely(server, url, name, tmp_path):
    """P1: it, which is in no queue, or the named candidate leads next, whoever is faster: what is told is so."""
    with candidate_of(name, url, "a") as a, candidate_of(name, url, "b") as b:
        stage.eventually(lambda: a.is_leader() or b.is_leader())
        leader, named = (a, b) if a.is_leader() else (b, a)
        stage.eventually(lambda: named.candidate in read_leader(url, name, request_timeout=20.0).candidates)
        before = stage.sessions(server)
        with stage.ConsulLock(server, name, tmp_path) as tool:
            stage.eventually(lambda: stage.sessions(server) - before)
            outcome = hand_over(url, name, to=named.candidate, timeout=stage.PATIENCE, request_timeout=20.0)
            assert not leader.is_leader()
            if outcome.result is Result.DONE:
                assert outcome.leader == named.candidate
                stage.eventually(named.is_leader)
                assert not tool.leads
                named.eligible = leader.eligible = False
            else:
                assert outcome.result is Result.ANOTHER
                assert not named.is_leader()
            stage.eventually(lambda: tool.leads)
            assert not a.is_leader()
            assert not b.is_leader()
