"""A test of the suite cannot vanish quietly: who changes one says why, and the reason shows."""

import pytest
from counted import NOT_RUN, RUN

from incumbent.testing import ElectorConformance, MemoryHarness, collecting
from incumbent.testing.conformance import suite_tests

pytest_plugins = ["pytester"]
#: Imported here: `pytester` makes Python forget what was first imported during a test.
assert collecting

NAME = "test_token_is_a_whole_number"


def test_overriding_without_a_reason_is_refused():
    """A test of the suite that is written anew needs a reason; the message says what to add."""
    with pytest.raises(
        TypeError, match=rf"TestMine changes {NAME} .*say why: deviations = \{{'{NAME}': 'the reason'\}}"
    ):

        class TestMine(ElectorConformance):
            harness = MemoryHarness

            def test_token_is_a_whole_number(self):
                pass


def test_removing_without_a_reason_is_refused():
    """A test of the suite that is set to None needs a reason."""
    with pytest.raises(TypeError, match=f"changes {NAME}"):

        class TestMine(ElectorConformance):
            harness = MemoryHarness
            test_token_is_a_whole_number = None


def test_mixin_that_changes_a_test_is_refused():
    """A base class that stands before the suite changes tests as well, and needs a reason as well."""

    class Quiet:
        def test_token_is_a_whole_number(self):
            pass

    with pytest.raises(TypeError, match=f"changes {NAME}"):

        class TestMine(Quiet, ElectorConformance):
            harness = MemoryHarness


def test_fixture_of_the_suite_cannot_be_changed():
    """The scene is what every test acts on: it cannot be replaced, with or without a reason."""
    for given in ({}, {"scene": "a better one"}):
        with pytest.raises(TypeError, match="scene"):

            class TestMine(ElectorConformance):
                harness = MemoryHarness
                deviations = given

                @pytest.fixture
                def scene(self):
                    return None


@pytest.mark.parametrize("reason", ["", "  "])
def test_reason_must_say_something(reason):
    """An empty reason is none."""
    with pytest.raises(TypeError, match="must say why"):

        class TestMine(ElectorConformance):
            harness = MemoryHarness
            deviations = {NAME: reason}  # noqa: RUF012
            test_token_is_a_whole_number = None


@pytest.mark.parametrize("name", [NAME, "test_of_nobody"])
def test_stale_reason_is_refused(name):
    """A reason for a test that is not changed, or does not exist, is a left-over."""
    with pytest.raises(TypeError, match=f"names '{name}', which is no test of the suite that it changes"):

        class TestMine(ElectorConformance):
            harness = MemoryHarness
            deviations = {name: "once it was so"}  # noqa: RUF012


def test_reason_is_inherited():
    """A class that inherits a changed test inherits the reason, and may add changes with reasons of their own."""

    class TestMine(ElectorConformance):
        harness = MemoryHarness
        deviations = {NAME: "the store counts in letters"}  # noqa: RUF012
        test_token_is_a_whole_number = None

    class TestMore(TestMine):
        pass

    assert TestMore.deviations == TestMine.deviations
    with pytest.raises(TypeError, match="changes test_token_stays_during_a_term"):

        class TestLess(TestMine):
            test_token_stays_during_a_term = None


def test_tests_of_ones_own_need_no_reason():
    """A class may add tests: they are collected, and are none of the suite's."""

    class TestMine(ElectorConformance):
        harness = MemoryHarness

        def test_of_mine(self):
            pass

    assert "test_of_mine" not in suite_tests()
    assert TestMine.__test__
    assert not ElectorConformance.__test__


def test_deviations_show_in_the_report(pytester):
    """A replaced test and a removed one are counted as deviating, with their reasons; a skipped one as not run."""
    pytester.makepyfile(
        """
        import pytest
        from incumbent.testing import ElectorConformance, MemoryHarness

        class TestMine(ElectorConformance):
            harness = MemoryHarness
            deviations = {
                "test_token_is_a_whole_number": "the store counts in letters",
                "test_token_stays_during_a_term": "terms are short here",
                "test_attempt_does_not_wait": "it may wait a little",
                "test_leader_is_shown": "it is shy",
            }
            test_token_is_a_whole_number = None

            def test_token_stays_during_a_term(self, scene):
                assert scene.candidate("a").lead()

            def test_attempt_does_not_wait(self, scene):
                raise RuntimeError("it does wait")

            def test_leader_is_shown(self):
                pytest.skip("not today")
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-k", "test_token or test_attempt_does or test_leader_is_shown"
    )
    result.stdout.fnmatch_lines(
        [
            "not run *test_leader_is_shown: not today",
            "deviates *test_token_is_a_whole_number: the store counts in letters",
            "deviates *test_token_stays_during_a_term: terms are short here",
            "FAILED *test_attempt_does_not_wait: RuntimeError: it does wait",
            f"memory://conformance: 5 passed, 1 failed, {NOT_RUN + 1} not run, 2 deviates, {RUN - 9} not selected",
        ]
    )
