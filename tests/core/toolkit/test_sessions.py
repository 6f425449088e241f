"""As few sessions as the elections of a backend need."""

from __future__ import annotations

from incumbent.toolkit import Sessions


class Session:
    def __init__(self) -> None:
        self.members: dict[str, object] = {}

    def join(self, election, member):
        return self.members.setdefault(election, member) is member


def test_elections_share_a_session():
    """A thousand elections of a process cost one session."""
    sessions = Sessions(Session)
    assert len({id(sessions.join(f"e{number}", object())) for number in range(1000)}) == 1


def test_second_elector_of_an_election_has_another_session():
    """P1: Else it would take the claim of the first for its own; the third election shares the first session again."""
    sessions = Sessions(Session)
    first, second = sessions.join("e", "a"), sessions.join("e", "b")
    assert first is not second
    assert sessions.join("f", "a") is first
    assert (first.members, second.members) == ({"e": "a", "f": "a"}, {"e": "b"})


def test_sessions_that_are_taken_are_forgotten():
    """P8: Who closes the backend ends each of them, once; who comes later shares none that has been ended."""
    sessions = Sessions(Session)
    first = sessions.join("e", "a")
    assert sessions.take() == [first]
    assert sessions.take() == []
    assert sessions.join("f", "a") is not first
