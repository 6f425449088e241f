"""`consul+check`: sessions that live by a check of one agent."""

from __future__ import annotations

import time

import consul_stage as stage
import pytest

from incumbent import ConfigurationError, LeaderElection, Runner
from incumbent.testing import Outsider, free_port
from incumbent_consul.testing import ConsulServer

TTL = 2.0


def url(server: object) -> str:
    return f"consul+check://{server}"


@pytest.fixture
def agent(server, tmp_path):
    """A client agent of the server, on its own: candidates beside it speak to nobody else."""
    configuration = {
        "server": False,
        "bootstrap_expect": 0,
        "retry_join": [f"127.0.0.1:{server.configuration['ports']['serf_lan']}"],
        "retry_interval": "1s",
    }
    http = free_port()
    ports = {"http": http, "server": free_port(), "serf_lan": free_port(), "serf_wan": -1, "dns": -1, "grpc": -1}
    made = ConsulServer({**configuration, "ports": ports}, tmp_path / "agent", port=http)
    made.start()
    yield made
    made.stop()


def checks(server) -> list[str]:
    return [check for check in server.ask("GET", "/v1/agent/checks") if check.startswith("incumbent-")]


def test_session_is_bound_to_a_check_and_the_host(server, name, opened):
    """The session has no ttl, but the check and serfHealth; leaving removes the session and the check."""
    backend = opened(url(server), stage.settings(TTL))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership().guarantee == TTL
    session = server.ask("GET", f"/v1/session/info/{stage.holder(server, name)}")[0]
    (check,) = checks(server)
    assert session["TTL"] == ""
    assert sorted(session["Checks"]) == sorted(["serfHealth", check])
    assert session["LockDelay"] == TTL * 1e9
    backend.close()
    assert checks(server) == []


def test_killed_leader_is_succeeded_after_ttl_and_lock_delay(server, name):
    """P7: Fail-over takes ttl + lock-delay, where a session with a ttl takes up to twice the ttl and the lock-delay."""
    took = {}
    for kind, where in (("consul+check", url(server)), ("consul", stage.url(server))):
        election = f"{name}/{kind}"
        with Outsider(where, TTL, stage.REQUEST_TIMEOUT, election, "ours") as ours:
            assert ours.claim is not None
            config = stage.config(election, ttl=TTL, request_timeout=0.3)
            with LeaderElection(config, where, runner=Runner()) as follower:
                stage.eventually(follower.is_follower)
                ours.kill()
                killed = time.monotonic()
                term = follower.wait_for_leadership(timeout=stage.PATIENCE)
                took[kind] = time.monotonic() - killed
                assert term.token > ours.claim.token
    stage.say(f"fail-over with ttl and lock-delay {TTL:g} s: { {kind: round(s, 2) for kind, s in took.items()} }")
    assert TTL <= took["consul+check"] < 2 * TTL + 1.5
    # What a killed process has left is removed by the next one.
    assert len(checks(server)) <= 1


def test_agent_dies_and_the_leader_lives(server, agent, name):
    """P1: When the agent dies, the leader's term ends in time, and nobody else leads before that."""
    config = stage.config(name, ttl=TTL, request_timeout=0.3)
    with LeaderElection(config, url(agent), runner=Runner()) as leader:
        term = leader.wait_for_leadership(timeout=stage.PATIENCE)
        with LeaderElection(config, url(server), runner=Runner()) as rival:
            stage.eventually(rival.is_follower)
            agent.process.kill()
            killed = time.monotonic()
            stage.eventually(rival.is_leader, 60.0)
            assert not term.is_valid()
            took = time.monotonic() - killed
            assert rival.term.token > term.token
    stage.say(f"the agent was killed; another led after {took:.1f} s")


def test_frozen_agent(server, agent, name):
    """P1, P7: Likewise for an agent that is frozen; its candidate comes back when it is thawed."""
    config = stage.config(name, ttl=TTL, request_timeout=0.3)
    with LeaderElection(config, url(agent), runner=Runner()) as leader:
        term = leader.wait_for_leadership(timeout=stage.PATIENCE)
        with LeaderElection(config, url(server), runner=Runner()) as rival:
            stage.eventually(rival.is_follower)
            agent.process.freeze()
            stage.eventually(rival.is_leader, 60.0)
            assert not term.is_valid()
            agent.process.thaw()
            rival.close()
            assert leader.wait_for_leadership(timeout=60.0).token > term.token


@pytest.fixture(params=[False, True], ids=["open", "ACL"])
def either(request, server, tmp_path):
    """A server, and one that has ACLs: their agents have different words for a check that they do not know."""
    if not request.param:
        yield server
        return
    made = ConsulServer({"acl": {"enabled": True, "default_policy": "allow"}}, tmp_path / "acl")
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("removed", [False, True])
def test_check_that_is_lost_is_replaced(either, name, opened, removed):
    """P7: Who finds its check critical, or removed by another candidate, is told so, and leads again with another."""
    elector = opened(url(either), stage.settings(TTL)).elector(name, "a")
    first = elector.acquire_leadership()
    (check,) = checks(either)
    either.ask("PUT", f"/v1/agent/check/fail/{check}")
    stage.eventually(lambda: stage.holder(either, name) is None)
    if removed:
        other = opened(url(either), stage.settings(TTL)).elector(f"{name}/other", "b")
        assert other.acquire_leadership() is not None
        assert check not in checks(either)
    assert elector.check_leadership() is None
    assert stage.lead(elector).token > first.token


def test_two_agents_are_refused(opened):
    """Contract: A check lives at one agent; more cannot help."""
    with pytest.raises(ConfigurationError, match="one agent"):
        opened("consul+check://127.0.0.1,127.0.0.2", stage.settings(TTL))


def test_session_that_ends_leaves_the_check_of_the_next_alone(server, opened):
    """P7: Who leaves ends its session while another's is being made: the new check is not deregistered with the old."""
    backend = opened(url(server), stage.settings(TTL))
    kind = backend._session_kind()
    old, create = kind.create(), backend.client.create_session

    def overlapped(description):
        kind.end(old)
        return create(description)

    backend.client.create_session = overlapped
    session = kind.create()
    backend.client.create_session = create
    assert kind.renew(session)
    kind.end(session)
