"""Since when a leader leads: told in a key beside the election, which other tools do not see."""

import time

import etcd_stage as stage
import pytest

NEAR = 30.0


def shown(opened, server, name):
    """Return since when the leader leads, as another process reads it."""
    return opened(f"etcd://127.0.0.1:{server.port}").elector(name, "watcher").observe_leadership().since


def test_leader_tells_since_when_it_leads(server, opened, name):
    """From its first check on, and each term anew; what is told of another term, or by nobody, is not shown."""
    a, b = (opened().elector(name, candidate) for candidate in "ab")
    before = time.time()
    claim = a.acquire_leadership()
    assert b.acquire_leadership() is None
    assert a.check_leadership().token == claim.token
    since = shown(opened, server, name)
    assert before - 0.001 <= since <= time.time()
    assert a.check_leadership() is not None
    assert a.acquire_leadership() is not None
    assert a.check_leadership() is not None
    assert shown(opened, server, name) == since
    assert a.relinquish_leadership()
    assert b.acquire_leadership() is not None
    assert shown(opened, server, name) is None
    assert b.check_leadership() is not None
    assert shown(opened, server, name) > since
    b.close()
    a.close()


def test_nothing_of_it_is_left(server, opened, name):
    """P8: The key ends with the process that wrote it."""
    backend = opened()
    elector = backend.elector(name, "a")
    assert elector.acquire_leadership() is not None
    assert elector.check_leadership() is not None
    assert stage.keys(server, f"{name}.since") != {}
    backend.close()
    assert stage.keys(server, f"{name}.since") == {}


def test_other_tools_and_elections_do_not_see_it(server, opened, name):
    """P1: `etcdctl elect` waits for our key and nothing else; neither a list nor the election above shows it."""
    backend = opened()
    above, elector = (backend.elector(election, "a") for election in (name, f"{name}/below"))
    assert elector.acquire_leadership() is not None
    assert elector.check_leadership() is not None
    assert above.acquire_leadership() is not None, "it has taken the other's key for a candidate"
    assert not [election for election in backend.elections(100) if election.startswith(name) and "since" in election]
    with stage.Elect(server, f"{name}/below", "other") as other:
        stage.eventually(lambda: len(elector.observe_leadership().candidates) == 2)
        assert elector.relinquish_leadership()
        stage.eventually(lambda: other.leads)
        assert shown(opened, server, f"{name}/below") is None


@pytest.mark.parametrize("written", ["", "1", "0 1.000", "1 x", "1 -5.000", "99 nan", "\n", "1 1.000 1"])
def test_what_others_write_there_is_not_shown(server, opened, name, written):
    """P10: Data of others: what is no time of this term is none."""
    elector = opened().elector(name, "a")
    claim = elector.acquire_leadership()
    assert elector.check_leadership() is not None
    server.ctl("put", f"{name}.since/of/leader", written.replace("99", str(claim.token)))
    record = elector.observe_leadership()
    assert (record.candidate, record.since) == ("a", None)
