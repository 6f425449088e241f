"""Three doors lead to the suite (a test class, an option of pytest, a function), and all run the same tests."""

import re
import threading
import time

import pytest
from counted import NOT_RUN, RUN

from incumbent.testing import collecting, run_conformance
from incumbent.testing.turns import turn

pytest_plugins = ["pytester"]
#: Imported here: `pytester` makes Python forget what was first imported during a test.
assert collecting

CLASS = """
    from incumbent.testing import ElectorConformance, MemoryHarness

    class TestMine(ElectorConformance):
        harness = MemoryHarness
"""
#: Loads our plugin where those that are installed are not looked for.
OURS = ("-p", "no:cacheprovider", "-p", "incumbent.pytest_plugin")
OWN_TEST = "def test_mine(): pass"


@pytest.fixture
def run_pytest(pytester, monkeypatch):
    """Run pytest in a directory of its own, without what this run was told, and with no plugin but ours."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.runpytest_inprocess(*OURS, *arguments)


@pytest.fixture
def run_pytest_elsewhere(pytester):
    """Run pytest in a process and a directory of its own, with all plugins that are installed."""
    return lambda *arguments: pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def collected(result):
    """Return the names of the collected tests of the suite, in order."""
    return [line.rpartition("::")[2] for line in result.outlines if "::test_" in line]


def test_three_doors_run_the_same_tests(pytester, run_pytest_elsewhere):
    """A class that inherits the suite, the option and `run_conformance` run the same tests in the same order."""
    pytester.makepyfile(CLASS)
    by_class = collected(run_pytest_elsewhere("--collect-only", "-q"))
    by_option = collected(run_pytest_elsewhere("--collect-only", "-q", "--incumbent-elector", "memory://"))
    report = run_conformance("memory://")

    assert by_class == by_option == [outcome.test for outcome in report.of("passed")]
    assert len(by_class) > 80


def test_class_is_run_and_reported(pytester, run_pytest):
    """The class passes, and the summary tells what was not run and why, whatever the verbosity."""
    pytester.makepyfile(CLASS)
    result = run_pytest("-q", "-q", "-k", "token or killed")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*conformance of memory://conformance*",
            "not run *test_killed_leader_is_succeeded: the harness cannot outsider: nobody outside*",
            f"memory://conformance: * passed, 0 failed, {NOT_RUN} not run, * not selected",
        ]
    )


def test_option_adds_the_suite_to_what_is_named(pytester, run_pytest):
    """With `--incumbent-elector`, the suite is run after the paths that are named, and alone if none is."""
    named = pytester.makepyfile(test_mine=OWN_TEST)
    few = ("--incumbent-elector", "memory://", "-k", "mine or whole_number")
    run_pytest(*few, named).assert_outcomes(passed=2, deselected=RUN - 1)
    run_pytest(*few).assert_outcomes(passed=1, deselected=RUN - 1)


def test_marker_selects_the_suite(pytester, run_pytest):
    """`-m conformance` selects the suite's tests, and the marker is a known one."""
    pytester.makepyfile(CLASS + f"\n    {OWN_TEST}")
    run_pytest("--strict-markers", "-m", "conformance", "-k", "test_mine or whole").assert_outcomes(
        passed=1, deselected=RUN
    )


def test_what_was_not_selected_is_told(pytester, run_pytest):
    """A run of a part of the suite does not look like one of all of it."""
    pytester.makepyfile(CLASS)
    result = run_pytest("-k", "whole_number")
    result.stdout.fnmatch_lines(
        [f"memory://conformance: 1 passed, 0 failed, {NOT_RUN} not run, {RUN - 1} not selected"]
    )


def test_each_class_has_its_own_harness_and_report(pytester, run_pytest):
    """Two classes in one file are two runs: each opens its own store once, and closes it."""
    pytester.makepyfile(
        """
        from incumbent.testing import ElectorConformance, MemoryHarness

        class Told(MemoryHarness):
            def open(self):
                super().open()
                print("opened", self.url)

            def close(self):
                print("closed", self.url)

        class TestA(ElectorConformance):
            harness = lambda: Told("memory://a")

        class TestB(ElectorConformance):
            harness = lambda: Told("memory://b")
        """
    )
    result = run_pytest("-s", "-k", "token_is or token_stays")
    result.assert_outcomes(passed=4, deselected=2 * (RUN - 2))
    assert re.findall("opened|closed", result.stdout.str()) == ["opened", "closed", "opened", "closed"]
    for name in "ab":
        result.stdout.fnmatch_lines([f"memory://{name}: 2 passed, 0 failed, *"])


def test_class_without_a_harness_is_refused(pytester, run_pytest):
    """A class that names no harness is one line, and no test of it is run."""
    pytester.makepyfile(CLASS.replace("harness = MemoryHarness", "pass"))
    result = run_pytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: TestMine names no harness: harness = FooHarness"])


@pytest.mark.parametrize(
    ("harness", "message"),
    [
        ("lambda: 1 / 0", "ERROR: TestMine: the harness: *lambda*() failed: ZeroDivisionError"),
        ("dict", "ERROR: TestMine: a harness must be an incumbent.testing.Harness, not {}"),
    ],
)
def test_class_with_a_wrong_harness_is_refused(pytester, run_pytest, harness, message):
    """What is wrong with it is one line here too, and no internal error of pytest."""
    pytester.makepyfile(CLASS.replace("= MemoryHarness", f"= {harness}"))
    result = run_pytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()


@pytest.mark.parametrize(
    ("url", "message"), [("nobodys://", "nobodys"), ("memory://?colour=red", "unknown option 'colour'")]
)
def test_bad_url_of_the_option_stops_the_run(run_pytest, url, message):
    """A URL that cannot be used is told once, not by each test."""
    result = run_pytest("--incumbent-elector", url)
    told = [line for line in result.outlines + result.errlines if message in line]
    assert result.ret != 0
    assert told
    assert "passed" not in result.parseoutcomes()


def test_other_plugins_may_have_an_elector_too(pytester, run_pytest):
    """Our plugin is in every run of everybody who has `incumbent` installed: its option bears our name."""
    pytester.makeconftest("def pytest_addoption(parser): parser.addoption('--elector')")
    pytester.makepyfile(OWN_TEST)
    run_pytest("--elector", "college").assert_outcomes(passed=1)


def test_suite_costs_nothing_when_it_is_not_used(pytester, run_pytest_elsewhere):
    """A run of pytest that does not use the suite does not import it."""
    pytester.makepyfile(
        """
        import sys

        def test_mine():
            assert [name for name in sys.modules if name.startswith("incumbent.testing")] == []
        """
    )
    run_pytest_elsewhere().assert_outcomes(passed=1)


# ------------------------------------------------------------ pytest-xdist


@pytest.fixture
def run_on_xdist(pytester, monkeypatch):
    """Run pytest in two processes, with no other plugins."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.runpytest_subprocess(*OURS, "-p", "xdist", "-n", "2", *arguments)


def test_processes_of_xdist_share_the_suite(pytester, run_on_xdist):
    """With `-n`, each test is run once, and the summary is one, with what was not run and why."""
    pytester.makepyfile(CLASS)
    result = run_on_xdist("-k", "token or shown or killed")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*conformance of memory://conformance*",
            "not run *test_killed_leader_is_succeeded: the harness cannot outsider: nobody outside*",
            f"memory://conformance: [1-9]* passed, 0 failed, {NOT_RUN} not run, * not selected",
        ]
    )
    assert result.stdout.str().count(f"0 failed, {NOT_RUN} not run") == 1


def test_processes_of_xdist_explain_failures(pytester, run_on_xdist):
    """A failure in another process is explained as one in this would be: with its journal."""
    pytester.makepyfile(
        """
        from incumbent.testing import ElectorConformance, MemoryHarness

        class Deaf(MemoryHarness):
            def delete(self, lock_id):
                pass

        class TestMine(ElectorConformance):
            harness = Deaf
        """
    )
    result = run_on_xdist("-k", "told_of_a_deletion or whole")
    result.stdout.fnmatch_lines(
        [
            "test_leader_is_told_of_a_deletion",
            "expected: P1: A leader whose claim was deleted *",
            "seen:     the harness's delete() has done nothing: a leads, with token 1, as before; it is not so that *",
            "in order:",
            "* harness  delete() → None",
            "read:     docs/contract.md#*",
            f"memory://conformance: 1 passed, 1 failed, {NOT_RUN} not run, {RUN - 2} not selected",
        ]
    )


def test_processes_on_one_store_take_turns(tmp_path):
    """A test that freezes the store waits for those that use it; other stores are none of its business."""
    order = []

    def enter(name, url, alone, leave):
        with turn(tmp_path, url, alone=alone):
            order.append(name)
            leave.wait()

    def begin(*arguments):
        thread = threading.Thread(target=enter, args=arguments)
        thread.start()
        return thread

    def eventually(condition):
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.005)

    leave, go = threading.Event(), threading.Event()
    go.set()
    using = [begin("a", "x://", False, leave), begin("b", "x://", False, leave)]
    eventually(lambda: len(order) == 2)
    freezing = begin("freezes", "x://", True, go)
    begin("elsewhere", "y://", True, go).join()
    assert sorted(order) == ["a", "b", "elsewhere"]
    leave.set()
    for thread in (*using, freezing):
        thread.join()
    assert order[-1] == "freezes"


def test_child_that_is_dead_is_named_and_not_waited_for(pytester, run_pytest_elsewhere):
    """A library whose handlers of forks end the child, as gRPC's may, fails the tests that fork, and hangs none."""
    pytester.makepyfile(CLASS.replace("MemoryHarness", "LocalHarness"))
    pytester.makeconftest("import os; os.register_at_fork(after_in_child=lambda: os._exit(1))")
    result = run_pytest_elsewhere("-k", "forked_child", "-rf")
    assert result.parseoutcomes()["failed"] == 3
    result.stdout.fnmatch_lines(["*the forked child has ended before anything was done in it*"])
