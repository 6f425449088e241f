"""Watching an election without being a candidate."""

import threading

import pytest

from incumbent import (
    BackendUnavailableError,
    ConfigurationError,
    LeaderElection,
    LeaderElectionConfig,
    LeaderRecord,
    observe,
    observer,
    read_leader,
)


@pytest.fixture
def url(request):
    return f"memory://{request.node.name.replace('_', '-')}"


def test_read_leader_shows_nobody_then_the_leader(url):
    """`read_leader` answers None while nobody leads, and the leader's id and token while somebody does."""
    assert read_leader(url, "reports").candidate is None
    config = LeaderElectionConfig(lock_id="reports", candidate="host:1")
    with LeaderElection(config, url) as election:
        term = election.wait_for_leadership()
        record = read_leader(url, "reports")
        assert (record.candidate, record.token) == ("host:1", term.token)
    assert read_leader(url, "reports").candidate is None


def test_observe_yields_every_change(url):
    """`observe` yields who leads now, and again at each change, in order."""
    stop = threading.Event()
    records = observe(url, "reports", stop=stop)
    assert next(records).candidate is None
    config = LeaderElectionConfig(lock_id="reports", candidate="host:1")
    with LeaderElection(config, url) as election:
        election.wait_for_leadership()
        assert next(records).candidate == "host:1"
    assert next(records).candidate is None
    stop.set()
    assert list(records) == []


def test_an_observer_is_no_candidate(url):
    """Observing leaves no trace in the list of candidates."""
    records = observe(url, "reports")
    assert next(records).candidates == ()
    assert read_leader(url, "reports").candidates == ()
    records.close()


def test_unknown_candidates_are_told_from_none(tmp_path, monkeypatch):
    """What an elector declares decides: who does not list candidates has none to show, whatever its record says."""
    from incumbent.electors.local.elector import LocalElector

    url = f"local://{tmp_path}"
    assert read_leader(url, "reports").candidates is None
    monkeypatch.setattr(LocalElector, "observe_leadership", lambda self: LeaderRecord("reports", None, None, None, ()))
    assert read_leader(url, "reports").candidates is None
    records = observe(url, "reports")
    assert next(records).candidates is None
    records.close()


def test_observe_waits_an_outage_out(url, monkeypatch, caplog):
    """An outage is logged once, and the iteration goes on after it."""
    monkeypatch.setattr(observer, "POLL_INTERVAL", 0.01)
    from incumbent.electors import memory

    elector = memory.MemoryElector
    real, failures = elector.observe_leadership, [3]

    def flaky(self):
        if failures[0]:
            failures[0] -= 1
            raise BackendUnavailableError("connection refused")
        return real(self)

    monkeypatch.setattr(elector, "observe_leadership", flaky)
    records = observe(url, "reports")
    assert next(records).candidate is None
    records.close()
    assert caplog.text.count("the backend fails, retrying: connection refused") == 1


@pytest.mark.parametrize("call", [read_leader, lambda *args: next(observe(*args))])
def test_a_bad_name_is_one_clear_line(call):
    """A name that no election can have is refused before anything is opened."""
    with pytest.raises(ConfigurationError, match="lock_id"):
        call("memory://", "")


def test_any_request_timeout_goes(url):
    """A patient observer is no candidate: the relations of a leader's times are not its own."""
    assert read_leader(url, "reports", request_timeout=60.0).candidate is None
