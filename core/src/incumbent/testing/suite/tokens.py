"""Tokens grow from term to term, for ever."""

from __future__ import annotations

from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene


class Tokens:
    """The fencing token orders the terms of an election."""

    def test_token_is_a_whole_number(self, scene: Scene) -> None:
        """P4: A token is an int, and not negative."""
        token = scene.candidate().lead().token
        assert type(token) is int
        assert token >= 0

    def test_token_stays_during_a_term(self, scene: Scene) -> None:
        """P4: Renewing does not change the token."""
        a = scene.candidate("a")
        first = a.lead()
        renewed = a.check_leadership()
        assert renewed is not None
        assert renewed.token == first.token

    def test_token_grows_after_a_hand_over(self, scene: Scene) -> None:
        """P4: The successor of a leader that relinquished has a greater token."""
        a, b = scene.candidate("a"), scene.candidate("b")
        first = a.lead()
        a.relinquish_leadership()
        assert b.lead_soon().token > first.token

    def test_token_grows_when_nobody_else_led(self, scene: Scene) -> None:
        """P4: The second term of one candidate has a greater token than its first."""
        a = scene.candidate("a")
        first = a.lead()
        a.relinquish_leadership()
        assert a.lead_soon().token > first.token

    def test_token_grows_after_a_close(self, scene: Scene) -> None:
        """P4: The successor of a leader that left the election, when nobody was in it, has a greater token."""
        a = scene.candidate("a")
        first = a.lead()
        a.close()
        a.close_backend()
        assert scene.candidate("b").lead_soon().token > first.token

    @requires("expire")
    def test_token_grows_after_an_expiry(self, scene: Scene) -> None:
        """P4: The successor of a leader that fell silent has a greater token."""
        a, b = scene.candidate("a"), scene.candidate("b")
        first = a.lead()
        scene.expire()
        assert b.lead_soon().token > first.token

    @requires("delete")
    def test_token_grows_after_a_deletion(self, scene: Scene) -> None:
        """P4: A token does not come again when somebody deletes the election in the store."""
        a, b = scene.candidate("a"), scene.candidate("b")
        first = a.lead()
        scene.delete()
        assert b.lead_soon().token > first.token
