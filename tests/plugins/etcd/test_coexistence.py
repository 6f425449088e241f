"""Living with other software in one process: forks, other users of the libraries, and nothing loaded too early."""

from __future__ import annotations

import gc
import importlib.metadata
import time
import warnings
from functools import partial

import etcd_stage as stage
import forking
import pytest
from forking import CAMPAIGN, Endings, Forks
from oneline import refusal
from programs import forked

from incumbent import open_backend
from incumbent.testing import FaultProxy

#: Not even gRPC may remark on a fork.
run = partial(forking.run, strict=True)


def test_no_client_library_is_loaded_before_it_is_needed():
    """Listing the electors, and making a backend and an elector, loads neither etcd3 nor grpc nor protobuf."""
    program = """
        import sys
        from incumbent import BackendSettings, open_backend
        from incumbent.registry import installed
        assert "etcd" in [row.name for row in installed()]
        backend = open_backend("etcd://127.0.0.1:1", BackendSettings(15.0, 2.0))
        elector = backend.elector("job", "a")
        elector.close()
        backend.close()
        print([name for name in ("etcd3", "grpc", "google.protobuf", "incumbent.testing") if name in sys.modules])
    """
    assert run(program) == "[]"


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_other_user_of_etcd3_in_one_process(url, name, first):
    """A program that uses python-etcd3 itself works beside us, whoever comes first."""
    steps = {"ours": "campaign(sys.argv[1])", "theirs": "theirs(sys.argv[1])"}
    order = [first, "theirs" if first == "ours" else "ours"]
    program = f"""
    import sys
    {CAMPAIGN}
    def theirs(url):
        from incumbent_etcd._library import load
        load()
        import etcd3
        host, _, port = url.removeprefix("etcd://").partition(":")
        client = etcd3.client(host=host, port=int(port), timeout=5)
        client.put("tests/theirs", "x")
        assert client.get("tests/theirs")[0] == b"x"
        client.lease(10).revoke()
        client.close()
    {steps[order[0]]}
    {steps[order[1]]}
    print("fine")
    """
    assert run(program, url, name) == "fine"


def test_messages_of_another_etcd_client_in_the_default_pool(url, name):
    """Another client's generated `rpc.proto` in protobuf's default pool, before or after ours, is no conflict."""
    program = f"""
    import sys
    {CAMPAIGN}
    from google.protobuf import descriptor_pb2, descriptor_pool
    def another():
        for title in ("kv.proto", "auth.proto", "rpc.proto"):
            file = descriptor_pb2.FileDescriptorProto(name=title, package="another." + title[:-6], syntax="proto3")
            descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    (another() if sys.argv[3] == "before" else None)
    campaign(sys.argv[1])
    (another() if sys.argv[3] == "after" else None)
    print("fine")
    """
    assert run(program, url, name, "before") == "fine"
    assert run(program, url, name, "after") == "fine"


def test_failed_import_of_etcd3_is_the_trap_and_does_no_harm(url, name):
    """Trap: `import etcd3` by itself fails beside protobuf 4 and later. We work after such an attempt."""
    program = f"""
    import sys
    {CAMPAIGN}
    try:
        import etcd3
    except TypeError:
        failed = True
    else:
        failed = False
    campaign(sys.argv[1])
    print(failed)
    """
    # With protobuf 3, or a newer python-etcd3, it would be no trap any more: then this is to be looked at again.
    assert importlib.metadata.version("etcd3") == "0.12.0"
    assert run(program, url, name) == "True"


def test_library_that_cannot_be_read_just_now_is_an_outage(url, name):
    """P7: Without a descriptor left the client library cannot be imported; with one, it is, and the candidate leads."""
    program = """
        import os, resource, sys
        from incumbent import BackendSettings, BackendUnavailableError, open_backend
        backend = open_backend(sys.argv[1], BackendSettings(30.0, 10.0))
        elector = backend.elector(sys.argv[2], "a")
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            elector.acquire_leadership()
        except BackendUnavailableError as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        print(elector.acquire_leadership() is not None)
        backend.close()
    """
    outage, leads = run(program, url, name).splitlines()
    assert outage.startswith("python-etcd3 is not read: OSError: [Errno 24]")
    assert leads == "True"


def test_proxy_of_the_environment_is_not_used(url, name):
    """Security: `http_proxy` and its like do not redirect the connection."""
    program = f"""
    import sys
    {CAMPAIGN}
    campaign(sys.argv[1])
    print("fine")
    """
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    assert run(program, url, name, environment=nowhere) == "fine"


# ---------------------------------------------------------------- forks


class TestForks(Forks):
    """On a real server."""

    library = "etcd3"


class TestEndings(Endings):
    """On a real server."""


@pytest.fixture
def forking():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: this process has threads; that is the point
        yield


def test_child_that_drops_everything_does_not_end_the_connection(server, name, forking):
    """P9: Destructors in a child say nothing on the connection that it shares with its parent."""
    with FaultProxy("127.0.0.1", server.port) as proxy:
        backend = open_backend(f"etcd://{proxy}", stage.settings(60.0))
        held = {"backend": backend, "elector": backend.elector(name, "parent")}
        del backend
        assert held["elector"].acquire_leadership() is not None
        accepted = proxy.accepted

        def child() -> None:
            held.clear()
            gc.collect()

        with forked(child):
            pass
        assert held["elector"].check_leadership() is not None
        assert proxy.accepted == accepted
        held["backend"].close()


def test_children_end_by_themselves(opened, name, forking):
    """P9: A hundred children of a candidate with calls and a watch live as long as they want to: gRPC ends none."""
    leader, follower = (opened().elector(name, candidate) for candidate in ("leader", "follower"))
    assert leader.acquire_leadership() is not None
    for _ in range(100):
        follower.acquire_leadership()
        with forked(lambda: time.sleep(0.02)):
            leader.check_leadership()


def test_child_is_refused_a_backend_in_one_line(opened, url, name, forking):
    """P10: gRPC hangs in the child of a process that uses it, whatever the timeout: the child is told what to do."""
    opened().elector(name, "parent").acquire_leadership()

    def child() -> None:
        assert "was forked from one that uses gRPC, and cannot: start it anew" in refusal(opened)

    with forked(child):
        pass


@pytest.mark.parametrize("before", ["os.environ['GRPC_ENABLE_FORK_SUPPORT'] = '1'", "import grpc"])
def test_who_decides_on_forks_before_us_is_heeded(url, name, before):
    """P9: Who turns gRPC's support of forks on has children that can be candidates; who had gRPC before us, decides."""
    program = f"""
    import os, sys, warnings
    warnings.simplefilter("ignore")
    {before}
    {CAMPAIGN}
    campaign(sys.argv[1])
    if os.environ.get("GRPC_ENABLE_FORK_SUPPORT") == "1":
        pid = os.fork()
        if pid == 0:
            campaign(sys.argv[1])
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    from incumbent_etcd import _library
    assert _library._handles_forks
    print("fine")
    """
    assert run(program, url, name) == "fine"


def test_another_process_opens_a_backend_of_its_own(opened, url, name):
    """P9: One that was started anew is another candidate."""
    elector = opened().elector(name, "parent")
    assert elector.acquire_leadership() is not None
    program = """
    import os, sys
    from incumbent import BackendSettings, open_backend
    backend = open_backend(sys.argv[1], BackendSettings(15.0, 5.0))
    assert backend.elector(sys.argv[2], "child").acquire_leadership() is None
    backend.close()
    print("fine")
    """
    assert run(program, url, name) == "fine"
