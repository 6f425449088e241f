"""Which elections a Redis shows that has other keys."""

from __future__ import annotations

from urllib.parse import quote

import pytest
import redis_stage as stage

from incumbent import BackendRejectedError


def test_what_is_no_record_is_no_election(server, opened, monkeypatch):
    """Keys of other prefixes, also such as a pattern would fit, and of other types; however many requests it takes."""
    monkeypatch.setattr("incumbent_redis._records.BATCH", 2)
    prefix = "a*?[b-c]^\\"
    with stage.client(server) as asking:
        for name in ("x", "a:b", "\u00e4"):
            asking.hset(f"{{{prefix}}}:{name}", "claim", "x")
        for other in (f"{{{prefix}}}", "{axyb^\\}:x", "{aaa*?[b-c]^\\}:x", f"{{{prefix}}}x:y"):
            asking.hset(other, "claim", "x")
        asking.set(f"{{{prefix}}}:text", "x")
        for number in range(20):
            asking.set(f"other:{number}", "x")
    backend = opened(stage.url(server, f"?prefix={quote(prefix)}"))
    assert backend.elections(100) == ["a:b", "x", "\u00e4"]
    assert len(backend.elections(1)) == 1


def test_list_that_takes_a_right_that_is_missing_says_so(server, opened):
    """Elections need no SCAN: a user that may not ask for it is told so in one line."""
    with stage.client(server) as asking:
        asking.execute_command("ACL", "SETUSER", "lister", "reset", "on", ">secret", "~*", "+@all", "-scan")
    with pytest.raises(BackendRejectedError, match="no permission") as caught:
        opened(f"redis://lister:secret@127.0.0.1:{server.port}").elections(10)
    assert len(str(caught.value).splitlines()) == 1
    assert "secret" not in str(caught.value)
