"""Living with other software in one process: forks, other users of the library, and nothing loaded too early."""

from __future__ import annotations

import gc
import warnings
from importlib.metadata import distributions

import consul_stage as stage
import pytest
from forking import CAMPAIGN, Endings, Forks, run
from programs import forked

from incumbent import open_backend
from incumbent.testing import FaultProxy
from incumbent_consul._connection import Connection


def test_no_client_library_is_loaded_before_it_is_needed():
    """Listing the electors, and making a backend and an elector, loads neither the client library nor requests."""
    program = """
        import sys
        from incumbent import BackendSettings, open_backend
        from incumbent.registry import installed
        assert "consul" in [row.name for row in installed()]
        backend = open_backend("consul://127.0.0.1:1", BackendSettings(15.0, 2.0))
        elector = backend.elector("job", "a")
        elector.close()
        backend.close()
        print([name for name in ("consul", "requests", "urllib3", "incumbent.testing") if name in sys.modules])
    """
    assert run(program) == "[]"


def test_what_nothing_calls_is_not_imported(url, name):
    """
    python-consul's own transport brings requests and urllib3: who leads has imported neither. py-consul is whole.

    Nor is OpenSSL loaded where nothing is encrypted.
    """
    program = f"""
    import sys
    {CAMPAIGN}
    campaign(sys.argv[1])
    print([name for name in ("consul", "requests", "urllib3", "ssl") if name in sys.modules])
    """
    whole = ["consul", "requests", "urllib3", "ssl"] if any(distributions(name="py-consul")) else []
    assert run(program, url, name) == str(whole)


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_other_user_of_the_library_in_one_process(server, url, name, first):
    """A program that uses the client library itself works beside us, whoever comes first, and is not changed by us."""
    order = ["campaign(sys.argv[1])", "theirs()"] if first == "ours" else ["theirs()", "campaign(sys.argv[1])"]
    program = f"""
    import sys
    {CAMPAIGN}
    def theirs():
        import consul
        client = consul.Consul(host="127.0.0.1", port=int(sys.argv[3]))
        assert client.kv.put("tests/theirs", "x")
        assert client.kv.get("tests/theirs")[1]["Value"] == b"x"
        client.session.destroy(client.session.create(ttl=10))
    {order[0]}
    {order[1]}
    print("fine")
    """
    assert run(program, url, name, str(server.port)) == "fine"


def test_environment_of_the_library_is_not_used(url, name):
    """Trap: `CONSUL_HTTP_ADDR` makes python-consul ask another server, or fail; ours asks the one in the URL."""
    program = f"""
    import sys
    {CAMPAIGN}
    campaign(sys.argv[1])
    print("fine")
    """
    nowhere = "http://127.0.0.1:9"
    environment = {"CONSUL_HTTP_ADDR": nowhere, "http_proxy": nowhere, "https_proxy": nowhere, "no_proxy": ""}
    assert run(program, url, name, environment=environment) == "fine"


# ---------------------------------------------------------------- forks


class TestForks(Forks):
    """On a real server."""

    library = "consul.base"


class TestEndings(Endings):
    """On a real server."""


@pytest.fixture(autouse=True)
def _forking():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: this process has threads; that is the point
        yield


def test_child_that_drops_everything_does_not_end_the_connection(server, name):
    """P9: Destructors in a child say nothing on the connections that it shares with its parent."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        # A claim that nobody checks is given up after a ttl, however long the child takes to begin and to end.
        held = {"backend": open_backend(stage.url(proxy), stage.settings(60.0))}
        held["elector"] = held["backend"].elector(name, "parent")
        assert held["elector"].acquire_leadership() is not None
        stage.eventually(lambda: proxy.connections >= 2)  # the watch's too
        accepted = proxy.accepted

        def child() -> None:
            held.clear()
            gc.collect()
            for connection in [made for made in gc.get_objects() if isinstance(made, Connection)]:
                connection.close()  # as their destructors do; some are still held by threads that are not here

        try:
            with forked(child):
                pass
            assert held["elector"].check_leadership() is not None
            assert proxy.accepted == accepted
        finally:
            held["backend"].close()


def test_forking_while_an_elector_is_made(opened, name):
    """P9: A child that makes an elector of its parent's backend does not hang on what the parent held."""
    backend = opened()
    with backend.sessions._lock, backend.watchers._lock, forked(lambda: backend.elector(name, "child")):
        pass
