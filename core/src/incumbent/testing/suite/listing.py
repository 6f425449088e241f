"""Which elections there are."""

from __future__ import annotations

from contextlib import suppress

from incumbent import ConfigurationError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

from .faults import assert_unavailable

#: More than any store has on which the suite is run.
ALL = 100_000
#: Ends of names that some store decodes, folds, cuts, or takes for patterns or paths.
ENDINGS = (
    "a",
    "A",
    "a/b",
    "a.b",
    "a b",
    "a:b",
    "a%2Fb",
    "a*",
    "a?[b]",
    "-a",
    "\u00e4\u042f\U0001f600",
    "null",
    "x" * 80,
)


class Listing:
    """The list has the elections that somebody leads."""

    @requires("listing")
    def test_led_elections_are_listed(self, scene: Scene) -> None:
        """Contract: Each election that somebody leads is listed once, by the name that it was given."""
        ours, others = (scene.backend(scene.lasting) for _ in range(2))
        led = []
        for number, ending in enumerate(ENDINGS):
            with suppress(ConfigurationError):  # a name that the backend cannot keep
                name = scene.fitting(f"{scene.lock_id}/{number}/{ending}")
                scene.named(f"a{number}", name, ours).lead()
                scene.named(f"b{number}", name, others).acquire_leadership()
                led.append(name)
        for reader in (ours, others, scene.backend()):
            listed = scene.candidate("watcher", backend=reader).elections(ALL)
            assert {type(name) for name in listed} == {str}
            assert [name for name in led if list(listed).count(name) != 1] == []

    @requires("listing")
    def test_listing_has_a_limit(self, scene: Scene) -> None:
        """Contract: No more names are returned than were asked for, and no fewer if there are more."""
        backend = scene.backend(scene.lasting)
        for number in range(3):
            scene.candidate("a", lock_id=f"{scene.lock_id}/{number}", backend=backend).lead()
        watcher = scene.candidate("watcher")
        assert len(watcher.elections(2)) == 2
        assert len(watcher.elections(ALL)) >= 3

    @requires("listing", "freeze")
    def test_listing_in_a_freeze_is_unknown(self, scene: Scene) -> None:
        """P10: Listing ends in time, and says that nothing is known, when the store is frozen."""
        watcher = scene.candidate("watcher")
        watcher.elections(ALL)
        with scene.frozen():
            assert_unavailable(lambda: watcher.elections(ALL))
