"""A name with several addresses, of which one is dead, silent or a replica: it keeps nobody from the others."""

from __future__ import annotations

import socket
import uuid

import pytest
import redis_stage as stage
from names import dead_address, named

from incumbent import BackendUnavailableError

OTHER = "127.0.0.2"


@pytest.fixture
def host():
    """A name of the test's own: what is known of its addresses is remembered as long as the process lives."""
    return f"{uuid.uuid4().hex}.test"


@pytest.mark.parametrize("first", [True, False])
def test_dead_address_keeps_nobody_from_the_other(first, server, host, name, opened):
    """P7: an address that drops what would open a connection is passed over, whether it is the first or the last."""
    with dead_address(server.port, OTHER) as dead:
        addresses = (dead, "127.0.0.1") if first else ("127.0.0.1", dead)
        with named(*addresses, name=host):
            leader = opened(f"redis://{host}:{server.port}").elector(name, "a")
            assert leader.acquire_leadership() is not None
            assert leader.check_leadership() is not None


def test_localhost_that_is_the_other_family_first_leads(server, name, opened):
    """P7: `localhost` whose first address is `::1`, where nobody listens, leads to the server on 127.0.0.1."""
    with named("::1", "127.0.0.1", name="localhost"):
        assert opened(f"redis://localhost:{server.port}").elector(name, "a").acquire_leadership() is not None


def test_dead_address_of_a_sentinels_name_leaves_time_for_the_primary(victim, tmp_path, host, name, opened):
    """P7: the deadline is shared by the addresses of a Sentinel's name too."""
    watch = f"sentinel monitor elections 127.0.0.1 {victim.port} 1\n"
    with (
        stage.running(stage.Server(tmp_path / "sentinel", sentinel=watch)) as sentinel,
        dead_address(sentinel.port, OTHER) as dead,
        named(dead, "127.0.0.1", name=host),
    ):
        where = f"redis://{host}:{sentinel.port}?sentinel=elections"
        assert opened(where).elector(name, "a").acquire_leadership() is not None


def test_silent_address_is_asked_last_from_then_on(server, host, name, opened):
    """P7: a server that accepts connections and answers nothing costs one timeout, while another answers."""
    with socket.create_server((OTHER, server.port)), named(OTHER, "127.0.0.1", name=host):
        where = f"redis://{host}:{server.port}"
        elector = opened(where, stage.BRIEF).elector(name, "a")
        elector._base.news.wake = lambda: None  # its thread asks too
        with pytest.raises(BackendUnavailableError, match="no answer within"):
            elector.acquire_leadership()
        assert opened(where).elector(name, "b").acquire_leadership() is not None


def test_replica_among_the_addresses_is_asked_last_from_then_on(server, host, name, opened):
    """P7: of a name that stands for a primary and its replicas, which takes claims is found, and remembered."""
    replica = stage.Puppet(b"+OK\r\n", b"role:slave\r\n", at=(OTHER, server.port))
    with replica, named(OTHER, "127.0.0.1", name=host):
        elector = opened(f"redis://{host}:{server.port}").elector(name, "a")
        elector._base.news.wake = lambda: None  # its thread asks too
        with pytest.raises(BackendUnavailableError, match="is a replica"):
            elector.acquire_leadership()
        assert elector.acquire_leadership() is not None
