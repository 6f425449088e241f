"""Names of elections, and ids of candidates, that a store might take one for the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from incumbent import Backend, Claim, ConfigurationError
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: Names that some store folds, decodes, cuts, or takes for patterns, paths, numbers or code of its own.
ALIKE: Sequence[Sequence[str]] = (
    ("a", "A"),
    ("stra\u00dfe", "strasse", "STRASSE"),
    ("i", "I", "\u0131", "\u0130"),
    ("a", "\u00e4", "\u00e1", "\u00e5"),
    ("fi", "\ufb01"),
    ("\u00b5", "\u03bc"),
    ("a?", "a\u042f", "a\u0416", "a\ufffd", "a"),
    ("a", "a\U0001f600", "a\U0001f600b", "a\U0001f601"),
    ("a/b", "a.b", "a-b", "a_b", "ab"),
    ("a:b", "a b", "a|b", "a,b", "a;b"),
    ("a@b", "a=b", "a\u00a0b", "a  b", "a b"),
    ("a%2Fb", "a%252Fb", "a/b", "a%2fb"),
    ("a+b", "a%20b", "a b", "a%2Bb"),
    ("a&b", "a&amp;b", "a"),
    ("a", "a?b", "a#b", "a&b=c", "a;b=c"),
    ("a%", "a_", "a*", "ab", "a."),
    ("a[b]", "a^", "a$", "a\\", "a!"),
    ("a'b", 'a"b', "a''b", "a\\'b", "a`b"),
    ("a\\b", "a\\\\b", "a/b", "a\\nb"),
    ("{a}b", "{a}c", "a", "${a}", "{a}"),
    ("<a>", "(a)", "~a", "-a", "a~"),
    ("1", "01", "1.0", "+1", "1e0"),
    ("null", "None", "true", "nil", "0"),
    ("a", "a/b", "a/b/c", "a/b.c", "ab"),
    ("a", "a/lock", "a/leader", "a/token", "a/candidates"),
    ("a", "a/.lock", "a.lock", "a:token", "a:lock"),
    ("ab", "ba"),
    ("Aa", "BB"),
    ("bdbb", "cbcb"),
    ("plumless", "buckeroo"),
)
#: Of those that differ only there, where they may be cut.
LONG = (40, 60, 100, 200)
#: The longest name that the engine lets through.
LONGEST = 255
#: Ids that some store changes.
IDS = (
    *("a/b", "a b", "a,b", "a;b", "a|b", "a=b", "a@b", "a#b", "a&b", "a+b", "a%2Fb", "a%b", "a\\b", "a\\nb", "a:b:c"),
    *("A\u00e9", "\u0130\u00df", "\ufb01", "a\U0001f600", "a\u042f", "'a'", '"a"', "{a}", "{}", "[a]", "<a>", "&lt;"),
    *("-a", "a.", ".a", "0123", "1e3", "null", "None", "true", "a: b", "a~", "*", "%s", "a" + "b" * 70, "c" * 250),
)
#: What may stand between a name and an id.
MARKS = ("", "/", ":", ".", "-", "_", ",", "|", " ")
#: Threads that try names side by side.
CALLERS = 8


class Naming:
    """What is given is what is kept."""

    def test_elections_are_independent(self, scene: Scene) -> None:
        """P1: Names that look alike are different elections; one that the backend cannot keep apart is refused."""
        room = LONGEST - len(scene.fitting(f"{scene.lock_id}/99/"))
        long = [["x" * min(cut, room - 1) + ending for ending in "ab"] for cut in (*LONG, LONGEST)]
        starts = [ending + "x" * (room - 1) for ending in "ab"]
        families = [*ALIKE, *long, starts]
        # Each with a connection of its own: a lock that is re-entrant would be granted to one twice.
        backends = [scene.backend(scene.lasting) for _ in range(max(map(len, families)))]

        def led(number: int) -> int:
            beginning = scene.fitting(f"{scene.lock_id}/{number}/")
            wanted = [
                (f"{beginning}{name}", "a", backend) for name, backend in zip(families[number], backends, strict=False)
            ]
            return _led_apart(_made(scene, wanted))

        with ThreadPoolExecutor(CALLERS) as pool:
            assert sum(pool.map(led, range(len(families)))) >= 2, "hardly any name can be used"

    def test_name_and_id_do_not_run_into_each_other(self, scene: Scene) -> None:
        """P1: What an election and a candidate are called together may be what two others are: they are kept apart."""
        ours, others = (scene.backend(scene.lasting) for _ in range(2))

        def led(number: int) -> int:
            mark = MARKS[number // 2]
            name = scene.fitting(f"{scene.lock_id}/{number}")
            second = ours if number % 2 else others
            return _led_apart(_made(scene, [(name, f"x{mark}y", ours), (f"{name}{mark}x", "y", second)]))

        with ThreadPoolExecutor(CALLERS) as pool:
            assert sum(pool.map(led, range(2 * len(MARKS)))) >= 1, "hardly any name can be used"

    @requires("observe")
    def test_id_is_shown_as_it_was_given(self, scene: Scene) -> None:
        """P1: A candidate's id comes back unchanged, whatever is in it; one that the backend cannot keep is refused."""
        leading, waiting, watching = (scene.backend(scene.lasting) for _ in range(3))

        def show(number: int) -> None:
            election = scene.fitting(f"{scene.lock_id}/{number}")
            made = _made(scene, [(election, IDS[number], leading)])
            if not made:
                return
            made[0].lead()
            others = _made(scene, [(election, IDS[number - 1], waiting)])
            for other in others:
                other.acquire_leadership()
            record = scene.candidate("watcher", lock_id=election, backend=watching).observe_leadership()
            assert record.candidate == IDS[number], f"the id {IDS[number]!r} is shown as {record.candidate!r}"
            if others and scene.capabilities.candidates:
                waits = sorted(record.candidates or ())
                assert waits == sorted((IDS[number], IDS[number - 1])), f"they are listed as {waits!r}"

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(show, range(len(IDS))))


def _made(scene: Scene, wanted: Iterable[tuple[str, str, Backend]]) -> list[Candidate]:
    """Make candidates of these elections, with these ids and on these backends; leave out what is refused."""
    made = []
    for election, unique, backend in wanted:
        with suppress(ConfigurationError):
            made.append(scene.named(unique, election, backend))
    return made


def _led_apart(candidates: Sequence[Candidate]) -> int:
    """Check that each leads its election, whatever is done in those of the others; return how many there are."""
    claims: dict[Candidate, Claim] = {}
    for candidate in candidates:
        claim = candidate.after_outage(candidate.acquire_leadership)
        if claim is None:
            taken = f"{_shown(candidate)} is taken for {_shown(_who_is_in_the_way(candidate, claims))}"
            raise AssertionError(f"{taken}: nobody is elected there, though nobody leads")
        claims[candidate] = claim
    others = ", ".join(map(_shown, claims))
    for leader, claim in claims.items():
        renewed = leader.after_outage(leader.check_leadership)
        if renewed is None and leader.may_have_lost(claim):
            return 0  # the machine is busy
        assert renewed is not None, f"the claim in {_shown(leader)} was ended by that in another of {others}"
        claims[leader] = renewed
    for leader, claim in claims.items():
        was_led = leader.after_outage(leader.relinquish_leadership) or leader.may_have_lost(claim)
        assert was_led, f"the claim in {_shown(leader)} ended with that in another of {others}"
    return len(claims)


def _who_is_in_the_way(candidate: Candidate, leaders: Iterable[Candidate]) -> Candidate | None:
    for leader in leaders:
        leader.after_outage(leader.relinquish_leadership)
        if candidate.after_outage(candidate.acquire_leadership) is not None:
            return leader
    return None


def _shown(candidate: Candidate | None) -> str:
    if candidate is None:
        return "one that is led already"
    return f"{candidate.elector.lock_id!r} (candidate {candidate.candidate!r})"
