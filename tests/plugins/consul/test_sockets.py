"""An agent that is reached by a Unix socket."""

from __future__ import annotations

import subprocess
from urllib.parse import quote

import consul_stage as stage
import pytest
from places import short_folder

from incumbent import BackendUnavailableError, LeaderElection
from incumbent.cli import main
from incumbent_consul.testing import ConsulServer, consul_program


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The path of a server's socket."""
    with short_folder() as folder:
        http = {"http": f"127.0.0.1 unix://{folder}/http.sock"}
        made = ConsulServer({"addresses": http}, tmp_path_factory.mktemp("agent"))
        made.start()
        yield f"{folder}/http.sock"
        made.stop()


def test_election_by_a_socket(path, name, opened):
    """As for Consul's own tools, `CONSUL_HTTP_ADDR` may be a socket; and so may the host of the URL."""
    asked = [consul_program(), "kv", "get", "-keys", f"-http-addr=unix://{path}", ""]
    assert subprocess.run(asked, capture_output=True, check=False, timeout=stage.PATIENCE).returncode == 0
    with stage.environment(CONSUL_HTTP_ADDR=f"unix://{path}"):
        leader = opened(f"consul://?{stage.QUICK}").elector(name, "leader")
    assert leader.acquire_leadership() is not None
    follower = opened(stage.url(quote(path, safe=""))).elector(name, "follower")
    assert follower.acquire_leadership() is None
    assert follower.observe_leadership().candidates == ("leader", "follower")
    assert leader.relinquish_leadership() is True
    assert follower.acquire_leadership() is not None


def test_check_at_an_agent_with_a_socket(path, name):
    """The agent of `consul+check`, which is on the same host, may be reached by its socket; news come that way too."""
    url = f"consul+check://{quote(path, safe='')}"
    config = stage.config(name, ttl=30.0, request_timeout=5.0, cooldown=stage.PATIENCE)
    with LeaderElection(config, url) as leader:
        assert leader.wait_for_leadership(timeout=stage.PATIENCE) is not None
        with LeaderElection(config, url) as follower:
            stage.eventually(follower.is_follower)
            leader.relinquish()
            assert follower.wait_for_leadership(timeout=stage.PATIENCE) is not None


def test_doctor_names_the_socket(path, capsys):
    """Where the server was found is shown as it was given."""
    assert main(["doctor", f"consul://{quote(path, safe='')}?{stage.QUICK}", "--ttl", "3"]) == 0
    assert f"{path}: Consul" in capsys.readouterr().out


def test_socket_that_is_not_there(name, opened):
    """P7: Nobody listens yet: an outage, which names the path."""
    with short_folder() as folder:
        elector = opened(stage.url(quote(f"{folder}/none", safe=""))).elector(name, "a")
    with pytest.raises(BackendUnavailableError, match=f"^consul at {folder}/none: No such file"):
        elector.acquire_leadership()
