"""Which elections a Consul shows that has other keys."""

import consul_stage as stage


def test_what_is_no_lock_is_no_election(server, opened, name):
    """Other keys, also such as end alike, and places in queues; a prefix is no part of the names."""
    for key in (f"{name}/x/notes", f"{name}/x.lock", f"{name}/.queue/x", f"{name}0/a/.lock"):
        stage.put(server, key, "x")
    ours, all_there_are = opened(stage.url(server, path=f"/{name}")), opened()
    assert list(ours.elections(10)) == []
    for election in ("b", "a/b", "\u00e4 c"):
        assert ours.elector(election, "a").acquire_leadership() is not None
        assert ours.elector(election, "b").acquire_leadership() is None
    assert list(ours.elections(10)) == ["a/b", "b", "\u00e4 c"]
    assert {f"{name}/a/b", f"{name}/b", f"{name}0/a"} <= set(all_there_are.elections(1000))
