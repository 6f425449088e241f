"""What a candidate tells of itself, in the value of its key, which etcd's own tools show."""

import etcd_stage as stage


def test_who_tells_something_else_while_it_waits_has_one_key(server, opened, name):
    """P8: the former key is gone, the new one tells what is to be told now; a leader's stays as it is."""
    a, b = (opened().elector(name, candidate) for candidate in "ab")
    a.info, b.info = "http://a:1", "http://b:1"
    assert a.acquire_leadership() is not None
    for info in ("http://b:1", "http://b:2", None, "http://b:3"):
        b.info = a.info = info
        assert b.acquire_leadership() is None
        assert a.acquire_leadership() is not None
        told = [value.decode().splitlines() for value in (entry.value for entry in entries_of(b))]
        assert told == [["a", "http://a:1"], ["b"] if info is None else ["b", info]]
    b.close()
    a.close()
    assert stage.keys(server, name) == {}


def entries_of(elector):
    """Return the candidates' keys as an elector reads them."""
    election = elector._layout()
    return election.entries(elector._connection.read("Range", election.all()))


def test_etcdctl_shows_both_and_leads_next(server, opened, name):
    """Another tool prints the value as it is, and is not disturbed by its having two lines."""
    a = opened().elector(name, "a")
    a.info = "http://a:1"
    assert a.acquire_leadership() is not None
    with stage.Elect(server, name, "other") as other:
        stage.eventually(lambda: len(entries_of(a)) == 2)
        assert "a\nhttp://a:1\n" in server.ctl("get", "--prefix", f"{name}/")
        assert a.relinquish_leadership()
        stage.eventually(lambda: other.leads)
        record = a.observe_leadership()
        assert (record.candidate, record.info) == ("other", None)
