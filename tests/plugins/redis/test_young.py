"""A server that is new to elections, or has been restarted, elects nobody for a ttl, and says so."""

from __future__ import annotations

import logging

import redis_stage as stage


def told(caplog):
    return [record for record in caplog.records if "nobody is elected for another" in record.getMessage()]


def test_young_server_is_told_once(tmp_path, name, opened, caplog):
    """P7: whatever keeps elections without a leader is named in the log, once for all of a process, as a warning."""
    with stage.running(stage.Server(tmp_path)) as server:
        backend = opened(stage.url(server))
        electors = [backend.elector(f"{name}/{number}", "a") for number in range(3)]
        assert [elector.acquire_leadership() for elector in 2 * electors] == 6 * [None]
        (record,) = told(caplog)
        assert record.levelno == logging.WARNING
        assert f"127.0.0.1:{server.port}: the server is new to elections" in record.getMessage()
        with stage.client(server) as asking:
            asking.hset("{incumbent}", "proven", 10**6)
            assert electors[0].acquire_leadership() is not None
            assert opened(stage.url(server)).elector(name, "b").acquire_leadership() is not None
            assert told(caplog) == [record]
            asking.flushall()
        assert electors[1].acquire_leadership() is None
        assert len(told(caplog)) == 2


def test_leader_that_goes_on_is_no_reason_to_tell(victim, name, opened, caplog):
    """P7: where somebody leads, a restart keeps nobody waiting, and nothing is said."""
    leader, other = (opened(stage.url(victim)).elector(name, who) for who in "ab")
    stage.lead(leader)
    victim.kill()
    victim.restart()
    assert stage.eventually(lambda: stage.attempt(leader)) is not None
    assert other.acquire_leadership() is None
    assert told(caplog) == []
