"""Two candidates with one id: told once, and never of one that merely came back."""

from incumbent import LeaderRecord
from incumbent.engine.namesake import Namesake

TTL = 15


def led(candidate):
    return LeaderRecord("reports", candidate, 4)


def test_namesake_that_leads_on_is_told_once(stage, caplog):
    """Who waits for a leader of its own id hears of it when no predecessor's claim can have lasted as long."""
    puppet = stage.puppet()
    puppet.answers.update(acquire=None, observe=led("a"))
    stage.election(puppet, on_leader_changed=lambda _: None)
    stage.advance(4 * TTL + 50)
    assert "the same id" not in caplog.text
    stage.advance(600)
    (told,) = [record for record in caplog.records if "the same id" in record.message]
    assert told.message.startswith("<a of reports>: another candidate has the same id, and has led for 1")
    assert told.levelname == "WARNING"


def test_predecessor_is_no_namesake(stage, caplog):
    """A candidate that came back with its id waits for the claim that it has left, then leads by that id itself."""
    puppet = stage.puppet()
    puppet.answers.update(acquire=None, observe=led("a"))
    election = stage.election(puppet, on_leader_changed=lambda _: None)
    stage.advance(2 * TTL + 60)
    puppet.answers.clear()
    stage.advance(600)
    assert election.is_leader()
    assert "the same id" not in caplog.text


def test_time_in_which_nobody_looked_does_not_count():
    """In an outage, or a suspension, a claim that nobody renews is kept as well."""
    namesake = Namesake("a", TTL)
    assert [namesake.saw("a", now) for now in (0, 10_000, 20_000, 30_000)] == [None] * 4


def test_another_leader_in_between_begins_it_anew():
    """What was seen of the id before has ended then."""
    namesake = Namesake("a", TTL)
    for begin in range(0, 1000, 100):
        assert [namesake.saw("a", begin + now) for now in range(0, 100, TTL)] == [None] * 7
        assert namesake.saw("b", begin + 99) is None
