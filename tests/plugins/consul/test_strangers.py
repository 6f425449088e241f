"""A URL that leads to a server of another kind: what is raised names the address, and what seems to be there."""

from __future__ import annotations

import os

import consul_stage as stage
import pytest
import server_binaries
from certificates import Authority
from hostile_http import HostileHttp, Reply

from incumbent import BackendRejectedError, BackendUnavailableError
from incumbent.testing import free_port
from incumbent_consul.testing import ConsulServer
from incumbent_etcd.testing import Etcd

# Before anything is collected: the harness looks there.
os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))


VERBS = ("acquire_leadership", "observe_leadership")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory):
    made = Etcd(tmp_path_factory.mktemp("etcd"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority, tmp_path_factory):
    """Consul, at a port for HTTP and one for HTTPS."""
    cert, key = authority.issue("server")
    files = {"ca_file": str(authority.file), "cert_file": str(cert), "key_file": str(key)}
    made = ConsulServer({"ports": {"https": free_port()}, **files}, tmp_path_factory.mktemp("consul"))
    made.start()
    yield made
    made.stop()


def refusal(call) -> str:
    """Return the one line that is raised."""
    with pytest.raises((BackendRejectedError, BackendUnavailableError)) as caught:
        call()
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize("verb", VERBS)
def test_consul_url_at_an_etcd_port(etcd, opened, name, verb):
    """Etcd is named; that it has no such key is not taken for an election without a leader."""
    elector = opened(stage.url(f"127.0.0.1:{etcd.port}")).elector(name, "a")
    where = f"127.0.0.1:{etcd.port}"
    assert refusal(getattr(elector, verb)) == (
        f"consul at {where}: it is not Consul that answers there, but etcd, whose URL is etcd://{where}"
    )


@pytest.mark.parametrize("verb", VERBS)
def test_consul_url_at_another_server(server, opened, name, verb):
    """What knows no path of Consul's is not Consul, whatever it shows instead; it is not asked again with the token."""
    with HostileHttp(server.port) as other:
        other.spoil = lambda asked, _: Reply(404, {}, f"<html>{asked.path} is not here</html>".encode())
        elector = opened(stage.url(other, token="secret")).elector(name, "a")
        assert refusal(getattr(elector, verb)).startswith(f"consul at {other}: ")
        assert [asked.path for asked in other.asked if "X-Consul-Token" not in asked.headers] in ([], ["/version"])


def test_consul_url_that_lacks_tls(server, opened, name):
    """Who speaks HTTP to a port for HTTPS is told the option."""
    port = server.configuration["ports"]["https"]
    elector = opened(stage.url(f"127.0.0.1:{port}")).elector(name, "a")
    said = f"consul at 127.0.0.1:{port}: it speaks HTTPS only: give the option tls=yes"
    assert refusal(elector.acquire_leadership).startswith(said)


def test_etcd_url_at_a_consul_port(server, authority, opened, name):
    """Consul is named, whether it speaks HTTP or HTTPS there."""
    port = server.configuration["ports"]["https"]
    for place, options in ((server.port, ""), (port, f"?ca={authority.file}")):
        elector = opened(f"etcd://127.0.0.1:{place}{options}").elector(name, "a")
        said = refusal(elector.observe_leadership)
        assert said.startswith(f"etcd 127.0.0.1:{place}: it is not etcd that answers there")
        assert "consul://" in said
