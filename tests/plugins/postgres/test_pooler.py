"""Behind PgBouncer: requests need nothing of a session, and what notifications would have told is found by looking."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import postgres_stage as stage
import pytest


@pytest.fixture(scope="module", params=["session", "transaction", "statement"])
def pooled(request: pytest.FixtureRequest, server: stage.Postgres) -> Iterator[str]:
    """The URL of a pooler, which gives a connection of the server's for the length of a session, or less."""
    with stage.pooler(server, request.param) as url:
        yield url


def test_election_works_behind_a_pooler(pooled, opened, name):
    """P1, P4, P7: Candidates behind a pooler lead, are refused, renew, hand over and are told of it."""
    leader, follower = opened(pooled).elector(name, "a"), opened(pooled).elector(name, "b")
    told = threading.Event()
    follower.notify = told.set
    first = leader.acquire_leadership()
    assert first is not None
    assert follower.acquire_leadership() is None
    for _ in range(20):
        assert leader.check_leadership().token == first.token
    told.clear()
    assert leader.relinquish_leadership()
    assert told.wait(stage.PATIENCE)
    assert follower.acquire_leadership().token > first.token


def test_candidate_behind_a_pooler_excludes_one_that_is_not(pooled, opened, name):
    """P1: It is one election, whichever way leads to the server."""
    stage.lead(opened(pooled).elector(name, "a"))
    assert opened().elector(name, "b").acquire_leadership() is None


def test_no_setting_is_left_in_the_pool(pooled, opened, name):
    """Rule 4: The next client of a pooled connection finds it as it was."""
    backend = opened(pooled)
    stage.lead(backend.elector(name, "a"))
    shown = {backend.pool.run("SHOW lock_timeout")[0][0][0] for _ in range(20)}
    assert shown == {"0"}
