"""Since when a leader leads: told in a key beside the lock, in the request that locks it."""

import time

import consul_stage as stage
import pytest


def test_leader_tells_since_when_it_leads(server, url, opened, name):
    """From its first moment on; a term of another tool, or of one that tells nothing, is shown without."""
    a, b = (opened().elector(name, candidate) for candidate in "ab")
    before = time.time()
    assert stage.lead(a)
    assert b.acquire_leadership() is None
    since = b.observe_leadership().since
    assert before - 0.001 <= since <= time.time()
    assert a.check_leadership() is not None
    assert b.observe_leadership().since == since
    assert a.relinquish_leadership()
    assert server.ask("GET", f"/v1/kv/{name}/.lock.since") is None
    assert stage.lead(b)
    assert a.observe_leadership().since > since


@pytest.mark.parametrize("written", ["", "x", "{session}", "{session} nan", "{session} 1.000 1", "another 1.000"])
def test_what_others_write_there_is_not_shown(server, opened, name, written):
    """P10: Data of others: what is no time of this session's is none."""
    elector = opened().elector(name, "a")
    assert stage.lead(elector)
    session = stage.lock(server, name)["Session"]
    server.ask("PUT", f"/v1/kv/{name}/.lock.since", written.format(session=session).encode())
    record = elector.observe_leadership()
    assert (record.candidate, record.since) == ("a", None)
