"""What the author of a broken elector sees: what was answered, at which of their lines, once for all that is alike."""

import re
import threading

import pytest
from counted import RUN
from model_elector import ModelBackend, ModelElector, ModelHarness
from selected import run_only

from incumbent import BackendUnavailableError, Claim, ConfigurationError
from incumbent.testing import ConformanceReport, LocalHarness, Outcome, run_conformance
from incumbent.testing.conformance import suite_tests

pytest_plugins = ["pytester"]
HERE = "tests/conformance/test_explaining.py"
OURS = ("-p", "no:cacheprovider", "-p", "incumbent.pytest_plugin")


def harness_of(elector, **attributes):
    """Return a harness of the model, for a backend whose electors are such."""

    class OwnBackend(ModelBackend):
        elector_class = elector

    class OwnHarness(ModelHarness):
        model = OwnBackend
        slack = 0.3

    for name, value in attributes.items():
        setattr(OwnHarness, name, value)
    return OwnHarness


def failure(elector, test):
    """Return what is told of the only *test* that is run."""
    (outcome,) = run_only(harness_of(elector)(), test).of("failed")
    return outcome


# ------------------------------------------------------------ what was seen


class Talkative(ModelElector):
    """Has news after every answer, and never learns that it has lost."""

    def check_leadership(self):
        self.held()
        threading.Timer(0.0, self.notify).start()
        self.notify()
        return self.claim


def test_seen_is_the_answer_that_was_judged():
    """News that come after an answer are not what a test has judged."""
    seen = failure(Talkative, "test_leader_is_told_of_a_deletion").detail
    assert re.fullmatch(
        r"it is not so that a.check_leadership\(\) is None; a check_leadership\(\) → a claim: token .*", seen
    )


# ------------------------------------------------------------ the author's line


class Misspelt(ModelElector):
    """Fails at a line of its own."""

    def check_leadership(self):
        return self.held().tocken


class Waits(ModelElector):
    """Hangs in a line of its own."""

    over = threading.Event()

    def check_leadership(self):
        self.over.wait(20)


def test_error_is_told_with_the_line_of_the_author():
    """The innermost line of the elector's own code is named: neither the suite's, nor the model's."""
    outcome = failure(Misspelt, "test_token_stays_during_a_term")
    assert outcome.detail == "AttributeError: 'Claim' object has no attribute 'tocken'"
    assert re.fullmatch(rf"{HERE}:\d+, in check_leadership: return self.held\(\).tocken", outcome.code)
    assert f"\ncode:     {outcome.code}\nat:       renewed = a.check_leadership()" in outcome.explanation()
    assert outcome.to_dict()["explanation"]["code"] == outcome.code


def test_call_that_hangs_is_told_with_the_line_of_the_author():
    """P10: It is told where it was when its time was over."""
    outcome = failure(Waits, "test_token_stays_during_a_term")
    Waits.over.set()
    assert outcome.detail == "check_leadership() has not returned 0.32 s after it was called (P10)"
    assert re.fullmatch(rf"{HERE}:\d+, in check_leadership: self.over.wait\(20\)", outcome.code)


def test_wrong_answer_is_told_with_the_method_that_gave_it():
    """Of an answer it is known whose it is: the author reads there."""
    outcome = failure(Talkative, "test_leader_is_told_of_a_deletion")
    assert re.fullmatch(rf"{HERE}:\d+, in check_leadership: def check_leadership\(self\):", outcome.code)


def test_errors_of_a_group_are_told_one_by_one(pytester, run_pytest):
    """What was not closed is told each by itself, and not how many they are, which is what a group says of itself."""
    pytester.makepyfile(
        """
        from incumbent.testing import ElectorConformance, MemoryHarness

        class Left:
            def __init__(self, name):
                self.name = name

            def __del__(self):
                raise OSError(f"{self.name} was not closed")

            def __repr__(self):
                return self.name

        class TestMine(ElectorConformance):
            harness = MemoryHarness
            deviations = {"test_token_stays_during_a_term": "leaves something behind"}

            def test_token_stays_during_a_term(self, scene):
                for name in ("one", "other"):
                    Left(name)
        """
    )
    pytester.makeini("[pytest]\nfilterwarnings = error::pytest.PytestUnraisableExceptionWarning")
    told = run_pytest("-k", "token_stays").stdout.str()
    for name in ("one", "other"):
        assert re.search(f"seen: .*: {name} was not closed", told)


# ------------------------------------------------------------ equal failures


def test_typo_is_told_once():
    """A mistake that fails a hundred tests is explained once, with how many they are."""

    class Typo(ModelElector):
        def acquire_leadership(self):
            return self.stroe.request(self.enter)

    report = run_only(harness_of(Typo)(), *[name for name in suite_tests() if "token" in name or "relinquish" in name])
    assert len(report.of("failed")) > 13
    told = [text for text in report.failures() if "stroe" in text]
    assert len(told) == 1
    assert re.search(r"\nas well:  test_\w+, test_\w+, test_\w+ and \d+ more\n", told[0])
    assert sum("stroe" in line for line in report.summary().splitlines()) == 1
    assert report.to_markdown().count("- expected (") == len(report.failures())


def test_failures_are_alike_if_they_were_raised_at_one_line():
    """The value in a message makes no other mistake of it; another line does, and so does an answer."""
    made = [
        Outcome(f"test_{n}", "P1", "It works.", "failed", detail, code=code)
        for n, (detail, code) in enumerate(
            [("KeyError: 'a'", "x.py:1"), ("KeyError: 'b'", "x.py:1"), ("KeyError: 'a'", "x.py:2"), ("no", "x.py:1")]
        )
    ]
    told = ConformanceReport("toy://", tuple(made)).failures()
    assert [text.partition("\n")[0] for text in told] == ["test_0", "test_2", "test_3"]
    assert "as well:  test_1" in told[0]


@pytest.fixture
def run_pytest(pytester, monkeypatch):
    """Run pytest in a directory and a process of its own, with no plugin but ours."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda *arguments: pytester.runpytest_subprocess(*OURS, *arguments, timeout=120)


def test_pytest_shows_no_traceback_of_the_suite(pytester, run_pytest):
    """A failed test is a line, and explained below; who asks for tracebacks has them."""
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
    chosen = ("-k", "told_of_a_deletion")
    brief = run_pytest(*chosen).stdout.str()
    assert "def test_leader_is_told_of_a_deletion" not in brief
    assert brief.count("it is not so that a.check_leadership() is None") == 3  # there, in the explanation and the list
    assert "def test_leader_is_told_of_a_deletion" in run_pytest(*chosen, "--tb=long").stdout.str()


# ------------------------------------------------------------ what ends the run


def test_store_that_cannot_be_opened_is_one_line_under_pytest(pytester, run_pytest):
    """`open` that raises is told once, with its line; the tests that it would have served are not run."""
    pytester.makepyfile(
        """
        from incumbent.testing import ElectorConformance, MemoryHarness

        class Unable(MemoryHarness):
            def open(self):
                raise FileNotFoundError("no server binary")

        class TestMine(ElectorConformance):
            harness = Unable

        def test_of_mine():
            pass
        """
    )
    result = run_pytest("-q")
    line = "the harness Unable cannot open: no server binary (test_store*.py:5, in open: raise FileNotFoundError(*"
    result.stdout.fnmatch_lines([f"ConfigurationError: {line}", f"ERROR: {line}"])
    result.assert_outcomes(errors=1, passed=1, skipped=RUN - 1)
    assert "Traceback" not in result.stdout.str()
    assert len(result.outlines) < 25


HANGS = """
    import threading
    from incumbent.electors.memory import MemoryBackend
    from incumbent.testing import ElectorConformance, MemoryHarness
    from incumbent.testing import bounded

    bounded.LAST = 0.1

    def close(self):
        hanging.join()

    hanging = threading.Thread(target=threading.Event().wait)  # no daemon: Python would wait for it as well
    hanging.start()
    MemoryBackend.close = close
    MemoryHarness.slack = 0.2
"""


def test_close_that_hangs_ends_the_run(monkeypatch, tmp_path):
    """P8: `Backend.close` that hangs on a sound store is one error, which names it; no process of the run is left."""
    (tmp_path / "sitecustomize.py").write_text(re.sub("(?m)^    ", "", HANGS) + "\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ConfigurationError) as caught:
        run_conformance("memory://", jobs=2)
    assert re.match(r"the suite cannot go on: Backend.close\(\) has not returned 0.3 s after", str(caught.value))


def test_close_that_hangs_ends_pytest(pytester, run_pytest):
    """P8: So it does under pytest, whose process ends too."""
    pytester.makepyfile(HANGS + "\n\n    class TestMine(ElectorConformance):\n        harness = MemoryHarness\n")
    result = run_pytest("-q")
    result.stdout.fnmatch_lines(["ERROR: the suite cannot go on: Backend.close() has not returned 0.3 s after *"])
    assert result.ret == 1


def test_outsider_whose_close_hangs_ends_itself(monkeypatch, tmp_path):
    """P8: A candidate in another process that cannot close its backend is ended, and fails the test."""
    (tmp_path / "sitecustomize.py").write_text(
        "import threading\n"
        "from incumbent.electors.local.backend import LocalBackend\n"
        "LocalBackend.close = lambda self: threading.Event().wait()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (outcome,) = run_only(LocalHarness(), "test_leader_in_another_process_excludes_us").of("failed")
    assert "the candidate in the other process could not close" in outcome.detail


# ------------------------------------------------------------ a harness that does nothing


@pytest.mark.parametrize(
    ("operation", "test", "seen"),
    [
        ("expire", "test_leader_that_expired_is_not_shown", "a leads, with token"),
        ("delete", "test_leader_is_told_of_a_deletion", "a leads, with token"),
        ("freeze", "test_checking_in_a_freeze_is_unknown", "the store elects one, and refuses another"),
        ("kill", "test_dead_store_shows_nothing", "the store elects one, and refuses another"),
    ],
)
def test_harness_that_does_nothing_is_named(operation, test, seen):
    """What fails because of it is no fault of the elector's, and the explanation begins with whose it is."""
    harness = harness_of(ModelElector, **{operation: lambda *_: None})
    (outcome,) = run_only(harness(), test).of("failed")
    assert outcome.detail.startswith(f"the harness's {operation}() has done nothing: {seen}")
    assert outcome.code == ""


def test_elector_that_invents_answers_is_not_taken_for_a_harness_that_does_nothing():
    """In a freeze that is one, whoever believes that it leads is still the one who is wrong."""

    class Believes(ModelElector):
        def acquire_leadership(self):
            try:
                return super().acquire_leadership()
            except BackendUnavailableError:
                return Claim(1, self.ttl, self.clock())

    outcome = failure(Believes, "test_acquiring_in_a_freeze_is_unknown")
    assert outcome.detail == "BackendUnavailableError was not raised"
