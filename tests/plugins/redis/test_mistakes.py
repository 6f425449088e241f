"""Mistakes that asking again does not mend: each is told in one line, with what to do."""

from __future__ import annotations

import logging
import socketserver
import threading
from contextlib import contextmanager

import pytest
import redis_stage as stage
from certificates import Authority

from incumbent import BackendRejectedError, BackendUnavailableError
from incumbent.testing import free_port

DOUBT = r"the server closed the connection: it may want TLS \(rediss://\), be in protected mode, or be no Redis$"


@pytest.fixture(scope="module", params=["redis", "valkey"])
def node(request, tmp_path_factory):
    """A node of a Redis Cluster that has no slots yet."""
    arguments = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
    made = stage.Server(tmp_path_factory.mktemp("node"), name=request.param, arguments=arguments)
    with stage.running(made):
        yield made


def test_cluster_with_a_database_is_refused(node, name, opened):
    """Rule 2: a cluster has one database: a URL with another is refused for good, as one that leads to a cluster."""
    with pytest.raises(BackendRejectedError, match="is a node of a Redis Cluster, which is not supported: use a"):
        opened(stage.url(node, "/1")).elector(name, "a").acquire_leadership()


def test_cluster_that_is_down_is_told(node, name, opened):
    """Rule 2: a node that serves nothing may yet, but the message says that it is not what elections are held on."""
    with pytest.raises(BackendUnavailableError, match="the cluster is down; it is a node of a Redis Cluster"):
        opened(stage.url(node)).elector(name, "a").acquire_leadership()


@pytest.mark.parametrize("database", ["", "/1"])
@pytest.mark.parametrize("program", ["redis", "valkey"])
def test_sentinel_without_the_name_of_a_primary_is_refused(program, database, tmp_path, name, opened):
    """Rule 2: a URL that leads to a Sentinel, and does not say so, is refused with the option that is missing."""
    with stage.running(stage.Server(tmp_path, name=program, sentinel="\n")) as sentinel:
        elector = opened(stage.url(sentinel, database)).elector(name, "a")
        with pytest.raises(BackendRejectedError, match="is a Sentinel: give the name of the primary with option"):
            elector.acquire_leadership()


def test_server_that_wants_tls_is_told(tmp_path, name, opened):
    """Rule 2: a server with TLS hangs up on a client without, which is told what the reason may be."""
    authority = Authority(tmp_path / "ca")
    cert, key = authority.issue("server")
    arguments = ("--tls-cert-file", str(cert), "--tls-key-file", str(key), "--tls-ca-cert-file", str(authority.file))
    with stage.running(stage.Server(tmp_path / "server", arguments=arguments, tls=True)) as server:
        elector = opened(stage.url(server)).elector(name, "a")
        with pytest.raises(BackendUnavailableError, match=DOUBT):
            elector.acquire_leadership()


def test_server_that_hangs_up_later_is_not_doubted(victim, opened):
    """Rule 2: what has answered once is a Redis: when it hangs up, that is all that is said."""
    store = opened(stage.url(victim)).store
    with pytest.raises(BackendUnavailableError) as caught, store.lent() as wire:  # noqa: PT012 - while it is lent
        with stage.client(victim) as asking:
            asking.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wire.ask("PING")
    assert str(caught.value) == f"redis 127.0.0.1:{victim.port}: the server closed the connection"


def test_user_who_may_not_subscribe_is_told_once(server, name, opened, caplog):
    """Rule 2: who lacks a right for the news leads and follows without them, and is warned that they come late."""
    with stage.client(server) as asking:
        rights = "on >pw ~{incumbent}* &{incumbent}:* +@all -subscribe"
        asking.execute_command("ACL", "SETUSER", "deaf", *rights.split())
        backend = opened(f"redis://deaf:pw@127.0.0.1:{server.port}", stage.SHORT)
        stage.lead(backend.elector(name, "a"))
        stage.eventually(lambda: asking.info("commandstats").get("cmdstat_subscribe", {}).get("rejected_calls", 0) > 2)
        backend.close()
        asking.execute_command("ACL", "DELUSER", "deaf")
    (told,) = [record for record in caplog.records if "subscribe" in record.getMessage()]
    assert told.levelno == logging.WARNING
    assert "news of elections come late" in told.getMessage()


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n", DOUBT),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            r"makes no sense \(InvalidResponse\): it may want TLS .*, or be no Redis$",
        ),
    ],
    ids=["protected", "http"],
)
def test_what_is_no_server_for_us_is_told(said, text, name, opened):
    """Rule 2: a server that greets with a refusal, or speaks another protocol, is told with what may be wrong."""
    with greeting(said) as port:
        elector = opened(f"redis://127.0.0.1:{port}").elector(name, "a")
        with pytest.raises(BackendUnavailableError, match=text):
            elector.acquire_leadership()


@contextmanager
def greeting(said):
    """Serve *said* to everybody who has said something, and hang up."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(4096)
            self.request.sendall(said)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(stage.PATIENCE)
