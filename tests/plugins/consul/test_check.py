"""`consul+check`: sessions that live by a check of one agent."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial

import consul_stage as stage
import pytest

from incumbent import ConfigurationError, LeaderElection, Runner
from incumbent.testing import Outsider
from incumbent_consul.testing import ConsulServer

TTL = 2.0


def url(server: object) -> str:
    return f"consul+check://{server}"


@pytest.fixture
def agents(server, tmp_path):
    """Two client agents of the server, each on its own: candidates beside one of them speak to nobody else."""
    configuration = {
        "server": False,
        "bootstrap_expect": 0,
        "retry_join": [f"127.0.0.1:{server.configuration['ports']['serf_lan']}"],
        "retry_interval": "1s",
    }
    with ExitStack() as stack:
        made = [ConsulServer(configuration, tmp_path / f"agent-{number}") for number in range(2)]
        for one in made:
            stack.callback(one.stop)
            one.start(wait=False)
        for one in made:
            one.process.wait_until_ready()
        yield made


def checks(server) -> set[str]:
    """Return the checks of candidates; those of killed ones stay until another candidate finds them critical."""
    return {check for check in server.ask("GET", "/v1/agent/checks") if check.startswith("incumbent-")}


def test_session_is_bound_to_a_check_and_the_host(server, name, opened):
    """The session has no ttl, but the check and serfHealth; leaving removes the session and the check."""
    backend = opened(url(server), stage.settings(TTL))
    elector = backend.elector(name, "a")
    before = checks(server)
    assert elector.acquire_leadership().guarantee == TTL
    session = server.ask("GET", f"/v1/session/info/{stage.holder(server, name)}")[0]
    (check,) = checks(server) - before
    assert session["TTL"] == ""
    assert sorted(session["Checks"]) == sorted(["serfHealth", check])
    assert session["LockDelay"] == TTL * 1e9
    backend.close()
    assert check not in checks(server)


def test_killed_leader_is_succeeded_after_ttl_and_lock_delay(server, name):
    """P7: Fail-over takes ttl + lock-delay, where a session with a ttl takes up to twice the ttl and the lock-delay."""
    took = {}

    def killed(kind: str, where: str) -> None:
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

    kinds = {"consul+check": url(server), "consul": stage.url(server)}
    stage.side_by_side({kind: partial(killed, kind, where) for kind, where in kinds.items()})
    stage.say(f"fail-over with ttl and lock-delay {TTL:g} s: { {kind: round(s, 2) for kind, s in took.items()} }")
    assert TTL <= took["consul+check"] < 2 * TTL + 1.5
    # What a killed process has left is removed by the next one.
    assert len(checks(server)) <= 1


def test_who_leads_asks_for_its_key_and_not_for_its_session(server, name, opened):
    """A key that is locked shows that its session lives: a check passes the agent's check and reads the key."""
    backend = opened(url(server), stage.settings(TTL))
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    asked, ask = [], backend.client.pool.ask
    backend.client.pool.ask = lambda request: asked.append(request.target.partition("?")[0]) or ask(request)
    assert elector.check_leadership() is not None
    assert any(target.startswith("/v1/agent/check/pass/") for target in asked)
    assert any(target.startswith("/v1/kv/") and target.endswith("/.lock") for target in asked)
    assert not [target for target in asked if target.startswith("/v1/session/")]


def test_agent_that_is_lost(server, agents, name):
    """P1, P7: When the agent dies or freezes, its leader's term ends before another leads; thawed, it comes back."""

    def lost(agent, how: str) -> None:
        config = stage.config(f"{name}/{how}", ttl=TTL, request_timeout=0.3)
        with LeaderElection(config, url(agent), runner=Runner()) as leader:
            term = leader.wait_for_leadership(timeout=stage.PATIENCE)
            with LeaderElection(config, url(server), runner=Runner()) as rival:
                stage.eventually(rival.is_follower)
                getattr(agent.process, how)()
                began = time.monotonic()
                stage.eventually(rival.is_leader, 60.0)
                took[how] = time.monotonic() - began
                assert not term.is_valid()
                assert rival.term.token > term.token
                if how == "freeze":
                    agent.process.thaw()
                    rival.close()
                    assert leader.wait_for_leadership(timeout=60.0).token > term.token

    took: dict[str, float] = {}
    acts = {how: partial(lost, agent, how) for agent, how in zip(agents, ("kill", "freeze"), strict=True)}
    stage.side_by_side(acts)
    stage.say(f"what the agent suffered, and after how many seconds another led: {took}")


@pytest.fixture
def with_acl(tmp_path):
    """A server that has ACLs: its agent has another word for a check that it does not know."""
    made = ConsulServer({"acl": {"enabled": True, "default_policy": "allow"}}, tmp_path / "acl")
    made.start()
    yield made
    made.stop()


def test_check_that_is_lost_is_replaced(server, with_acl, name, opened):
    """P7: Who finds its check critical, or removed by another candidate, is told so, and leads again with another."""

    def lost(where) -> None:
        for removed in (False, True):
            backend = opened(url(where), stage.settings(TTL))
            elector = backend.elector(f"{name}/{removed}", "a")
            before = checks(where)
            first = elector.acquire_leadership()
            (check,) = checks(where) - before
            where.ask("PUT", f"/v1/agent/check/fail/{check}")
            stage.eventually(lambda name=elector.lock_id: stage.holder(where, name) is None)
            if removed:
                other = opened(url(where), stage.settings(TTL))
                assert other.elector(f"{name}/other", "b").acquire_leadership() is not None
                assert check not in checks(where)
                other.close()
            assert elector.check_leadership() is None
            assert stage.lead(elector).token > first.token
            backend.close()

    stage.side_by_side({"open": partial(lost, server), "ACL": partial(lost, with_acl)})


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
