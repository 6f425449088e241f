"""A host that is a name with several addresses, of which one is dead, or accepts connections and says nothing."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import ExitStack

import etcd_stage as stage
import pytest
from certificates import Authority
from names import NAME, assert_leading_beside, dead_address, named, silent_address

from incumbent import BackendUnavailableError, LeaderElection, Runner, open_backend, read_leader
from incumbent.testing import FaultProxy

ALIVE, OTHER = "127.0.0.1", "127.0.0.2"


class Beside(FaultProxy):
    """A second way to the same server: at another address, and the first one's port."""

    def __init__(self, first: FaultProxy, port: int) -> None:
        self._where = OTHER, first.port
        super().__init__(ALIVE, port)

    async def _listen(self) -> None:
        self._acceptor = await asyncio.start_server(self._accept, *self._where)


@pytest.mark.parametrize("order", [(OTHER, ALIVE), (ALIVE, OTHER)])
@pytest.mark.parametrize("gone", [dead_address, silent_address])
def test_an_address_that_does_not_answer_keeps_nobody_from_leading(server, name, gone, order):
    """P7, P10: Whichever address of a name does not answer, and however it is silent, the others are used."""
    setting = stage.config(name, ttl=30.0, request_timeout=1.0)
    with gone(server.port, OTHER), named(*order):
        assert_leading_beside(setting, f"etcd://{NAME}:{server.port}")


def test_who_looks_once_is_answered(server, name):
    """P7: Who only looks, in a process of its own, knows of no address whether it answers: it asks the next one too."""
    with silent_address(server.port), named(OTHER, ALIVE):
        assert read_leader(f"etcd://{NAME}:{server.port}", name, request_timeout=4.0).candidate is None


def test_localhost_that_is_ipv6_first_is_the_server_on_ipv4(server, name, opened):
    """P7: `localhost` is `::1` first on many machines, and the server may listen on 127.0.0.1 only."""
    with named("::1", ALIVE, name="localhost"):
        assert opened(f"etcd://localhost:{server.port}").elector(name, "a").acquire_leadership() is not None


def test_leader_goes_on_at_another_address_when_its_own_freezes(server, name):
    """P7: What a leader is connected to falls silent: its next request goes to another address of the same name."""
    setting = stage.config(name, ttl=30.0, request_timeout=1.0, leader_check_interval=0.2)
    with FaultProxy(ALIVE, server.port) as first, Beside(first, server.port) as second, named(ALIVE, OTHER):
        url = f"etcd://{NAME}:{first.port}"
        with LeaderElection(setting, url, runner=Runner()) as election:
            term = election.wait_for_leadership(timeout=stage.PATIENCE)
            assert first.accepted
            for frozen, other in ((first, second), (second, first)):
                frozen.freeze()
                left, accepted = term.remaining(), other.accepted
                stage.eventually(lambda left=left: not term.is_valid() or term.remaining() < left - 0.5)
                stage.eventually(lambda left=left: not term.is_valid() or term.remaining() >= left - 0.5)
                assert term.is_valid()
                assert other.accepted > accepted
                frozen.heal()


def test_certificate_is_checked_for_the_name(tmp_path, name):
    """The server proves that it is the host of the URL, although one of its addresses is what is connected to."""
    authority = Authority(tmp_path)
    for host in (NAME, ALIVE):
        cert, key = authority.issue(host, hosts=(host,))
        arguments = ("--cert-file", str(cert), "--key-file", str(key))
        server = stage.Etcd(tmp_path / host, scheme="https", arguments=arguments)
        with ExitStack() as stack:
            stack.callback(server.stop)
            server.start()
            stack.enter_context(dead_address(server.port, OTHER))
            stack.enter_context(named(OTHER, ALIVE))
            backend = open_backend(f"etcd://{NAME}:{server.port}?ca={authority.file}", stage.settings())
            stack.callback(backend.close)
            if host == ALIVE:
                stack.enter_context(pytest.raises(BackendUnavailableError, match="certificate is for another host"))
            assert backend.elector(name, "a").observe_leadership().candidate is None


def test_name_that_is_moved_is_looked_up_again(server, name, opened):
    """P7: A name whose only address does not answer may have another one by now, as that of a service that is moved."""
    with silent_address(server.port, OTHER):
        elector = opened(f"etcd://{NAME}:{server.port}", stage.BRIEF).elector(name, "a")
        with named(OTHER), pytest.raises(BackendUnavailableError):
            elector.acquire_leadership()
        with named(ALIVE):
            assert stage.lead(elector) is not None


@pytest.mark.parametrize("addresses", [(OTHER,), (OTHER, "127.0.0.3")])
def test_name_whose_addresses_refuse_is_told(server, name, opened, addresses):
    """One line names the host, and what its addresses do."""
    with named(*addresses):
        elector = opened(f"etcd://{NAME}:{server.port}").elector(name, "a")
        with pytest.raises(BackendUnavailableError, match=f"^etcd {NAME}:{server.port}: connection refused$"):
            elector.observe_leadership()


def test_name_that_nobody_knows_is_told(name, opened):
    """One line names the host, and what the resolver says."""
    with pytest.raises(BackendUnavailableError, match=r"^etcd host\.invalid:2379: [A-Z a-z]+$"):
        opened("etcd://host.invalid").elector(name, "a").acquire_leadership()


def test_name_that_nobody_knows_is_passed_over(server, name, opened):
    """P7: Of several hosts, one whose name has no address is as one that does not answer: the next one is asked."""
    elector = opened(f"etcd://host.invalid,127.0.0.1:{server.port}").elector(name, "a")
    with pytest.raises(BackendUnavailableError, match=r"host\.invalid"):
        elector.acquire_leadership()
    assert elector.acquire_leadership() is not None


@pytest.mark.parametrize("hangs", [True, False])
def test_resolver_that_is_away_costs_no_leadership(server, name, monkeypatch, hangs):
    """P7: After a request that was not answered the name is looked up; without an answer, its address is as it was."""
    setting = stage.config(name, ttl=30.0, request_timeout=1.0, leader_check_interval=0.2)
    answer, asked, resolve = threading.Event(), threading.Event(), socket.getaddrinfo

    def away(host, *arguments, **options):
        if host != NAME:
            return resolve(host, *arguments, **options)
        asked.set()
        if hangs:
            answer.wait(stage.PATIENCE)
        raise OSError("no name server")

    with FaultProxy(ALIVE, server.port) as proxy:
        with named(ALIVE):
            election = LeaderElection(setting, f"etcd://{NAME}:{proxy.port}", runner=Runner())
            election.start()
            term = election.wait_for_leadership(timeout=stage.PATIENCE)
        monkeypatch.setattr(socket, "getaddrinfo", away)
        try:
            proxy.freeze()
            assert asked.wait(stage.PATIENCE)
            proxy.heal()
            left = term.remaining()
            stage.eventually(lambda: not term.is_valid() or term.remaining() > left)
            assert term.is_valid()
        finally:
            answer.set()
            election.close()


def test_resolver_that_hangs_costs_a_call_its_timeout(name, opened, monkeypatch):
    """P10: A call ends in time while the resolver does not answer."""
    answer, given_up = threading.Event(), threading.Event()

    def hang(*_: object, **__: object):
        answer.wait(stage.PATIENCE)
        given_up.set()
        raise OSError("no name server")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    elector = opened(f"etcd://{NAME}", stage.BRIEF).elector(name, "a")
    with pytest.raises(BackendUnavailableError, match=f"^etcd {NAME}:2379: no answer within 1 s$"):
        elector.acquire_leadership()
    assert not given_up.is_set()
    answer.set()
    assert given_up.wait(stage.PATIENCE)


def test_doctor_names_the_addresses_that_do_not_answer(server, opened):
    """Item 8: Elections do without a dead address, so nobody would notice it: the doctor does."""
    with dead_address(server.port, OTHER), named(OTHER, "127.0.0.3", ALIVE):
        found = list(opened(f"etcd://{NAME}:{server.port}", stage.settings(request_timeout=3.0)).diagnose())
    where = f"{NAME}:{server.port}"
    assert [finding.text for finding in found if finding.level == "warning" and "address" in finding.text] == [
        f"{where}: its address {OTHER} does not answer",
        f"{where}: its address 127.0.0.3 refuses connections",
    ]
    assert any(finding.text.startswith(f"{where}: answers within") for finding in found)
