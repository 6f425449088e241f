"""A server that is frozen, killed, restarted or out of reach; and the wires to it. Most wait for it side by side."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import consul_stage as stage
import pytest

from incumbent import BackendUnavailableError, LeaderElection, Runner
from incumbent.testing import FaultProxy
from incumbent_consul.testing import ConsulServer

#: What a process may use of a core while the servers are away, and for how long that is measured, seconds.
SHARE, OUTAGE = 0.05, 6.0
#: What requests may take where that is measured, seconds.
LIMIT = 2.0


@contextmanager
def led_and_followed(places: Mapping[str, object], name: str):
    """For each place a leader and a follower there, each on an engine of its own, as two processes would be."""
    with ExitStack() as stack:
        pairs = {}
        for number, (place, where) in enumerate(places.items()):
            config, url = stage.config(f"{name}/{number}"), stage.url(where)
            pairs[place] = [LeaderElection(config, url, runner=Runner()) for _ in range(2)]
        for role in range(2):
            for pair in pairs.values():
                stack.enter_context(pair[role])
            for pair in pairs.values():
                stage.eventually(pair[role].is_follower if role else pair[role].is_leader)
        yield pairs


FAULTS = {
    "cut": lambda proxy: proxy.cut(),
    "reset": lambda proxy: proxy.reset(),
    "freeze": lambda proxy: proxy.freeze(),
    "half-open, answers lost": lambda proxy: proxy.freeze("to client"),
    "half-open, requests lost": lambda proxy: proxy.freeze("to server"),
    "delay": lambda proxy: proxy.delay(1.0),
    "trickle": lambda proxy: (proxy.delay(0.2), proxy.trickle(1)),
}


@pytest.fixture
def proxies(server):
    """A proxy for each fault, mended before what uses it is closed."""
    with ExitStack() as stack:
        yield {fault: stack.enter_context(FaultProxy("127.0.0.1", server.port)) for fault in FAULTS}


@contextmanager
def broken(proxies):
    """Break each wire in its own way inside the block."""
    try:
        for fault, proxy in proxies.items():
            FAULTS[fault](proxy)
        yield
    finally:
        for proxy in proxies.values():
            proxy.heal()


def test_broken_wires(proxies, name):
    """P1, P7, P10: No two lead while the wires are broken, and each election goes on when they are mended."""
    with led_and_followed(proxies, name) as pairs:
        with broken(proxies):
            end = time.monotonic() + stage.TTL
            while time.monotonic() < end:
                assert [fault for fault, pair in pairs.items() if sum(e.is_leader() for e in pair) > 1] == []
                time.sleep(0.01)
            assert [fault for fault, pair in pairs.items() if any(e.is_leader() for e in pair)] in ([], ["reset"])
        stage.side_by_side({fault: partial(stage.goes_on, pair) for fault, pair in pairs.items()})


CALLS = ("check_leadership", "relinquish_leadership", "acquire_leadership", "observe_leadership")


def test_every_call_ends_in_time(proxies, name, opened):
    """P10: Also when an answer comes byte by byte, each of which comes in time."""
    proxies = {fault: proxies[fault] for fault in ("freeze", "half-open, answers lost", "trickle")}
    settings = stage.settings(10.0, LIMIT)
    electors = {}
    for fault, proxy in proxies.items():
        for call in CALLS:
            leader, rival = (
                opened(stage.url(proxy), settings).elector(f"{name}/{fault}/{call}", who) for who in ("leader", "rival")
            )
            leader.acquire_leadership()
            rival.acquire_leadership()
            electors[fault, call] = leader if call in CALLS[:2] else rival

    def ends_in_time(call, elector) -> None:
        began = time.monotonic()
        with pytest.raises(BackendUnavailableError):
            getattr(elector, call)()
        assert time.monotonic() - began < 2 * LIMIT
        began = time.monotonic()
        elector.close()
        assert time.monotonic() - began < 2 * LIMIT

    with broken(proxies):
        acts = {f"{call}, {fault}": partial(ends_in_time, call, e) for (fault, call), e in electors.items()}
        stage.side_by_side(acts)


def frozen(server, pair) -> None:
    server.process.freeze()
    stage.eventually(lambda: not any(election.is_leader() for election in pair), stage.TTL)
    server.process.thaw()


def killed_and_back(server, pair) -> None:
    server.process.kill()
    stage.eventually(lambda: not any(election.is_leader() for election in pair), stage.TTL)
    server.start()


def back_without_its_data(server, pair) -> None:
    led = [term for election in pair if (term := election.term) is not None]
    server.process.kill()
    server.empty()
    server.start()
    stage.eventually(lambda: not any(term.is_valid() for term in led))  # its token is larger than all that come now


@pytest.fixture
def victims(tmp_path):
    """A server for each of three, which may kill it."""
    with ExitStack() as stack:
        made = {loss: ConsulServer(directory=tmp_path / loss.__name__) for loss in LOSSES}
        for one in made.values():
            stack.callback(one.stop)
            one.start(wait=False)
        for one in made.values():
            one.process.wait_until_ready()
        yield made


LOSSES = (frozen, killed_and_back, back_without_its_data)


def test_server_that_is_lost(victims, name):
    """P1, P7: One that is frozen or killed ends the term in time, and the election goes on when it is back."""
    with led_and_followed({loss.__name__: victim for loss, victim in victims.items()}, name) as pairs:

        def lost(loss) -> None:
            loss(victims[loss], pairs[loss.__name__])
            stage.goes_on(pairs[loss.__name__])

        stage.side_by_side({loss.__name__: partial(lost, loss) for loss in LOSSES})


def test_short_restart_costs_no_leadership(victim, name, opened):
    """P7: A leader outlives a restart of the server that is shorter than its claim."""
    settings = stage.settings(ttl=10.0)
    elector = opened(stage.url(victim), settings).elector(name, "a")
    token = elector.acquire_leadership().token
    victim.process.kill()
    victim.start()
    claim = stage.eventually(lambda: quietly(elector.check_leadership))
    assert claim.token == token


def quietly(call):
    with suppress(BackendUnavailableError):
        return call()
    return None


@pytest.mark.parametrize("endpoints", [1, 3])
def test_outage_is_quiet_and_cheap(victim, name, caplog, endpoints):
    """P7: While the servers are down, the process uses less than 5 % of a core, and logs a line for each candidate."""
    caplog.set_level(logging.DEBUG)
    with ExitStack() as stack:
        url = stage.url(*(stack.enter_context(FaultProxy("127.0.0.1", victim.port)) for _ in range(endpoints)))
        elections = [
            stack.enter_context(LeaderElection(stage.config(one), url, runner=Runner()))
            for one in (name, name, f"{name}-other")
        ]
        outage(victim, elections, caplog)
        stage.goes_on(elections[:2])


def processor_time() -> float:
    """Return what this process has used, but for the proxies that stand in it for the network, seconds."""
    proxies = [thread.ident for thread in threading.enumerate() if thread.name == "incumbent-fault-proxy"]
    return time.process_time() - sum(time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in proxies)


def outage(victim, elections, caplog) -> None:
    """Let the server be down for a while, and look at what that costs."""
    stage.eventually(lambda: sum(election.is_leader() for election in elections) == 2)
    victim.process.kill()
    stage.eventually(lambda: not any(election.is_leader() for election in elections), stage.TTL)
    threads = threading.active_count()
    before = processor_time()
    time.sleep(OUTAGE)
    used = processor_time() - before
    stage.say(f"an outage uses {100 * used / OUTAGE:.1f} % of a core")
    assert used / OUTAGE < SHARE
    assert threading.active_count() <= threads
    # That the backend fails, and that the term is over.
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) <= 2 * len(elections)
    victim.start()


def test_first_endpoint_costs_no_leadership(server, name):
    """P7: All endpoints are used: one that is dead or frozen ends no term, and keeps nobody from being elected."""

    def first_is(fault: str) -> None:
        with ExitStack() as stack:
            first, second = (stack.enter_context(FaultProxy("127.0.0.1", server.port)) for _ in range(2))
            config = stage.config(f"{name}/{fault}", ttl=6.0, request_timeout=0.5, cooldown=stage.PATIENCE)
            url = stage.url(first, second)
            leader = stack.enter_context(LeaderElection(config, url, runner=Runner()))
            term = leader.wait_for_leadership(timeout=stage.PATIENCE)
            getattr(first, fault)()
            assert not term.wait(timeout=6.0)
            assert term.is_valid()
            follower = stack.enter_context(LeaderElection(config, url, runner=Runner()))
            stage.eventually(follower.is_follower)
            leader.relinquish()
            assert follower.wait_for_leadership(timeout=stage.PATIENCE) is not None

    stage.side_by_side({fault: partial(first_is, fault) for fault in ("cut", "freeze")})


def test_endpoint_that_accepts_and_says_nothing(server, name, opened):
    """P10: An endpoint whose connections are accepted by nobody is left for the next."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = stage.url(f"127.0.0.1:{mute.getsockname()[1]}", server)
        elector = opened(url, stage.settings(request_timeout=3.0)).elector(name, "a")
        with pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
        assert elector.acquire_leadership() is not None
