"""Behind etcd's own `etcd grpc-proxy`: an election there is the one that is held directly."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import etcd_stage as stage
import pytest
from hostile_grpc import CallFailedError, HostileGrpc
from patience import ANSWERED, handed_over

from incumbent import BackendSettings, BackendUnavailableError, LeaderElection
from incumbent.testing import ServerProcess, free_port
from incumbent_etcd._library import load
from incumbent_etcd.testing import binary

#: Claims that nobody means to end, of whose length a renewal through the proxy takes little.
ROOMY = {"ttl": 30.0, "request_timeout": 5.0, "leader_check_interval": 0.2}


@pytest.fixture(scope="module")
def proxy(server, tmp_path_factory):
    """The URL of a proxy in front of the server."""
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    command = [
        *(binary("etcd"), "grpc-proxy", "start", "--endpoints", f"127.0.0.1:{server.port}"),
        *("--listen-addr", f"127.0.0.1:{port}", "--advertise-client-url", f"127.0.0.1:{port}"),
        *("--data-dir", str(folder / "data")),
    ]

    def is_ready() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), ANSWERED).close()
        except OSError:
            return False
        return True

    made = ServerProcess(command, ready=is_ready, log=folder / "log")
    made.start()
    yield f"etcd://127.0.0.1:{port}"
    made.stop()


def test_claim_is_renewed_through_the_proxy(opened, proxy, url, name):
    """P7: Each renewal through the proxy is answered: it ends a keep-alive whose requests have ended, unanswered."""
    leader = opened(proxy).elector(name, "a")
    token = leader.acquire_leadership().token
    for _ in range(3):
        assert leader.check_leadership().token == token
    assert opened(url).elector(name, "b").acquire_leadership() is None
    assert leader.relinquish_leadership()


def test_leaders_succeed_each_other_through_the_proxy(server, proxy, url, name):
    """P1, P7: Candidates here and behind the proxy, and `etcdctl elect`, are in one election, and told by watches."""
    with ExitStack() as stack:
        elections = [
            stack.enter_context(LeaderElection(stage.config(name, follower_check_interval=300.0, **ROOMY), where))
            for where in (proxy, url, proxy)
        ]
        leader = stage.leader_of(elections)
        term = leader.term
        ends = ends_at(term)
        stage.eventually(lambda: ends_at(term) > ends + 0.3 or not term.is_valid())
        assert term.is_valid()
        stage.eventually(lambda: len(stage.keys(server, name)) == len(elections))
        others = [election for election in elections if election is not leader]
        stage.eventually(lambda: handed_over(leader, others, term.token))
        other = stack.enter_context(stage.Elect(server, name, "theirs"))
        stage.eventually(lambda: "theirs" in stage.keys(server, name))
        for election in elections:
            election.close()
        stage.eventually(lambda: other.leads)


def ends_at(term):
    return time.monotonic() + term.remaining()


def test_watches_are_told_apart_although_the_proxy_answers_in_another_order(opened, server, proxy, name):
    """P7: A watch that the proxy has already is there before one that was asked for earlier: none is confused."""
    told: list[tuple[int, str]] = []

    def watch(backend, key, revision):
        number = len(watches)

        def happened(found: bytes) -> None:
            told.append((number, found.decode()))

        watches.append(backend.watcher.watch(key.encode(), revision, happened, lambda: told.append((number, "gap"))))

    watches: list[object] = []
    known, unknown = f"{name}/known", f"{name}/unknown"
    server.ctl("put", known, "")
    revision = int(server.ctl("get", known, "-w", "fields").split('"Revision" : ')[1].split()[0])
    watch(opened(proxy), known, revision)
    stage.eventually(lambda: told == [(0, known)])
    second = opened(proxy)
    watch(second, unknown, revision + 1)
    watch(second, known, revision + 1)
    stage.eventually(lambda: None not in [made.number for made in watches])
    told.clear()
    server.ctl("put", unknown, "")
    stage.eventually(lambda: told)
    server.ctl("put", known, "")
    stage.eventually(lambda: len(told) == 3)
    assert sorted(told) == [(0, known), (1, unknown), (2, known)]


@pytest.fixture
def relay(server):
    with HostileGrpc(server.port) as made:
        yield made


def test_answer_to_an_earlier_renewal_extends_no_claim(relay, opened, name):
    """P1, P2: After a renewal that failed, an answer counts only if the lease is as young as that makes it."""
    lives = load().rpc.LeaseTimeToLiveResponse
    spoiled = {"fails": False, "left": 0}

    def spoil(method, message, metadata):
        if method == "LeaseKeepAlive" and spoiled["fails"]:
            raise CallFailedError("UNAVAILABLE", "the proxy was frozen")
        if method == "LeaseTimeToLive" and spoiled["left"]:  # what the server says of one that was renewed long ago
            answer = lives.FromString(message)
            answer.TTL = spoiled["left"]
            return answer.SerializeToString()
        return message

    relay.spoil = spoil
    leader = opened(f"etcd://{relay}", BackendSettings(60.0, ANSWERED)).elector(name, "a")
    token = leader.acquire_leadership().token
    assert leader.check_leadership().token == token
    spoiled.update(fails=True)
    with pytest.raises(BackendUnavailableError, match="frozen"):
        leader.check_leadership()
    spoiled.update(fails=False, left=20)
    with pytest.raises(BackendUnavailableError, match="an earlier renewal"):
        leader.check_leadership()
    spoiled.update(left=0)
    assert leader.check_leadership().token == token
