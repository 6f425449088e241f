"""Which elections an etcd shows that has other keys."""

import re

from incumbent_etcd import _layout


def test_what_is_no_candidates_key_is_no_election(server, opened, name, monkeypatch):
    """Keys without a lease, on another's, or of another form; however many requests it takes to see all keys."""
    monkeypatch.setattr(_layout, "PAGE", 2)
    lease = re.search(r"lease (\w+) granted", server.ctl("lease", "grant", "600"))[1].lstrip("0")
    for key, *more in (
        [f"{name}/notes/1f"],
        [f"{name}/notes/{lease}"],
        [f"{name}/0/1f", f"--lease={lease}"],
        [f"{name}/{lease}x", f"--lease={lease}"],
        [f"{name}/{lease}/x", f"--lease={lease}"],
        [lease, f"--lease={lease}"],
        [f"/{lease}", f"--lease={lease}"],
    ):
        server.ctl("put", key, "x", *more)
    backend = opened()
    for election in ("b", "a/b", "\u00e4"):
        assert backend.elector(f"{name}/{election}", "a").acquire_leadership() is not None
    listed = backend.elections(1000)
    assert [each for each in listed if each.startswith(name)] == [f"{name}/{each}" for each in ("a/b", "b", "\u00e4")]
    assert {"", "/"}.isdisjoint(listed)


def test_prefix_is_no_part_of_the_names(server, opened, url, name):
    """With a prefix, those below it are listed, by the names that they have there."""
    ours, all_there_are = opened(f"{url}/{name}"), opened()
    assert ours.elections(10) == []
    assert ours.elector("a", "a").acquire_leadership() is not None
    server.ctl("put", f"{name}0", "x")
    assert ours.elections(10) == ["a"]
    assert f"{name}/a" in all_there_are.elections(1000)


def test_those_of_etcdctl_are_listed(server, opened, name):
    """A candidate of another tool has such a key, too."""
    lease = re.search(r"lease (\w+) granted", server.ctl("lease", "grant", "600"))[1].lstrip("0")
    server.ctl("put", f"{name}/{lease}", "their proposal", f"--lease={lease}")
    backend = opened()
    assert name in backend.elections(1000)
    record = backend.elector(name, "a").observe_leadership()
    assert (record.candidate, record.info) == ("their proposal", None)
