"""Harnesses: they do or disclaim each operation, are found by URL, and what they cannot do is told, not skipped."""

import sys
from dataclasses import replace
from types import MappingProxyType

import pytest
from model_elector import ModelBackend, ModelHarness
from selected import run_only

from incumbent import Backend, BackendSettings, ConfigurationError, ElectionError, ElectorLoadError, no
from incumbent.electors.memory import MemoryBackend
from incumbent.testing import Harness, LocalHarness, MemoryHarness, run_conformance
from incumbent.testing.candidate import ticks
from incumbent.testing.conformance import suite_tests
from incumbent.testing.harness import IMPLEMENTED, OPERATIONS, BareHarness, harness_for
from incumbent.testing.requirements import requires, validate, why_not
from incumbent.testing.scene import Scene

SOME_REASON = "the store is a stone"


def harness_with(**attributes):
    return type("OddHarness", (Harness,), {"scheme": "odd", "backend_class": lambda _: ModelBackend, **attributes})()


# ------------------------------------------------------------ validation


def test_embedded_harnesses_are_valid():
    """Each operation is either implemented or disclaimed with a reason."""
    for harness in (MemoryHarness(), LocalHarness(), ModelHarness()):
        validate(harness)


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) - IMPLEMENTED))
def test_operation_must_be_done_or_disclaimed(operation):
    """A harness that does nothing about an operation is refused; the message names what to write."""
    others = {other: SOME_REASON for other in OPERATIONS if other != operation}
    with pytest.raises(ConfigurationError, match=rf"OddHarness must implement .*OddHarness.cannot\['{operation}'\]"):
        validate(harness_with(cannot=others))


def test_half_an_operation_is_none():
    """What can be frozen and not thawed is refused."""
    cannot = {other: SOME_REASON for other in OPERATIONS if other != "freeze"}
    with pytest.raises(ConfigurationError, match=r"must implement thaw\(\)"):
        validate(harness_with(cannot=cannot, freeze=lambda _: None))


def test_outsider_and_relay_need_no_implementation():
    """A candidate in another process is there for every store that two can share; so is a relay for those over TCP."""
    validate(harness_with(cannot={other: SOME_REASON for other in OPERATIONS if other not in IMPLEMENTED}))


def test_unknown_operation_is_refused():
    """A misspelt key of `cannot` is told, with those that are known."""
    with pytest.raises(ConfigurationError, match=r"OddHarness\.cannot names 'frieze'; known are expire, delete"):
        validate(harness_with(cannot={"frieze": SOME_REASON}))


def test_reason_must_not_be_empty():
    """What a harness cannot do, it cannot do for a reason."""
    with pytest.raises(ConfigurationError, match=r"OddHarness.cannot\['kill'\] is '': it must say why"):
        validate(harness_with(cannot={**dict.fromkeys(OPERATIONS, SOME_REASON), "kill": ""}))


def test_invalid_harness_runs_no_test():
    """`run_conformance` refuses it before it opens anything."""

    class Half(ModelHarness):
        cannot = MappingProxyType({"frieze": SOME_REASON})

        def open(self):
            raise AssertionError("opened")

    with pytest.raises(ConfigurationError, match="frieze"):
        run_conformance(None, harness=Half)


# ------------------------------------------------------------ operations that came later


@pytest.fixture
def unplugging(monkeypatch):
    """With contract 2 came an operation, and a test that needs it."""
    for module in ("harness", "requirements"):
        monkeypatch.setattr(f"incumbent.testing.{module}.OPERATIONS", {**OPERATIONS, "unplug": ("unplug",)})
        monkeypatch.setattr(f"incumbent.testing.{module}.SINCE", {"unplug": 2})
    monkeypatch.setattr(Harness, "unplug", lambda _: None, raising=False)

    @requires("unplug")
    def test(self, scene):
        pass

    return test


def test_harness_need_not_know_an_operation_that_came_later(unplugging):
    """One that was written for contract 1 is as valid as before, and what needs the operation is told as not run."""
    validate(ModelHarness())
    assert why_not(unplugging, ModelHarness()) == (
        "the harness cannot unplug: it was written for contract 1, and this came with 2"
    )


def test_harness_may_know_an_operation_early(unplugging):
    """Whoever implements or disclaims it before, is taken at their word."""

    class Early(ModelHarness):
        def unplug(self):
            pass

    class Stone(ModelHarness):
        cannot = MappingProxyType({"unplug": SOME_REASON})

    assert why_not(unplugging, Early()) is None
    validate(Stone())
    assert why_not(unplugging, Stone()) == f"the harness cannot unplug: {SOME_REASON}"


def test_harness_for_a_later_contract_must_know_its_operations(unplugging, monkeypatch):
    """With the contract comes the duty to do or disclaim it."""
    monkeypatch.setattr(ModelBackend, "contract_version", 2)
    monkeypatch.setattr("incumbent.declared.CONTRACT_VERSION", 2)
    with pytest.raises(ConfigurationError, match=r"ModelHarness must implement unplug\(\), or say"):
        validate(ModelHarness())


NO_CAPABILITIES = type("Bare", (ModelBackend,), {"capabilities": None})
ABSTRACT = type("Half", (Backend,), {"contract_version": 1, "capabilities": ModelBackend.capabilities})
NEWER = type("Newer", (ModelBackend,), {"contract_version": 99})


def refused(**attributes):
    """Return a harness that is right but for *attributes*."""
    return type("Wrong", (ModelHarness,), attributes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: None, r"a harness must be an incumbent\.testing\.Harness, not None"),
        (lambda: 1 // 0, r"the harness: .*<lambda>\(\) failed: ZeroDivisionError"),
        (refused(scheme=None), "Wrong.scheme must be the entry-point name of the elector, not None"),
        (refused(ttl=0), "Wrong.ttl must be seconds, more than 0, not 0"),
        (refused(ttl="2"), "Wrong.ttl must be seconds, more than 0, not '2'"),
        (refused(request_timeout=float("nan")), "Wrong.request_timeout must be seconds, more than 0, not nan"),
        (refused(request_timeout=11), "Wrong.request_timeout, 11 s, must not be above its ttl, 10 s"),
        (refused(slack=-1), "Wrong.slack must be seconds, more than 0, not -1"),
        (refused(cannot=["kill"]), r"Wrong.cannot must map operations to reasons, not be \['kill'\]"),
        (refused(cannot={"kill": 5}), r"Wrong.cannot\['kill'\] is 5: it must say why"),
        (refused(cannot={"kill": " "}), r"Wrong.cannot\['kill'\] is ' ': it must say why"),
        (refused(backend_class=lambda _: None), r"Wrong.backend_class\(\) must return a subclass of .*, not None"),
        (refused(backend_class=lambda _: 1 // 0), r"the harness: .*\(\) failed: ZeroDivisionError"),
        (refused(model=NO_CAPABILITIES), "elector 'model': Bare declares no capabilities"),
        (refused(model=ABSTRACT), "elector 'model': Half does not implement __init__, close, elector"),
        (refused(model=NEWER), "elector 'model' was written for contract 99, .*: pip install -U incumbent"),
        (refused(url=None), r"Wrong.open\(\) must set url, for none was given"),
        (refused(url="not a url"), "elector 'not a url': only printable ASCII without spaces"),
        (refused(open=lambda _: sys.exit("no\nserver")), "the harness Wrong cannot open: no server"),
    ],
)
def test_wrong_harness_is_one_line(capfd, make, message):
    """Whatever is wrong with a harness is one error with one line, and pytest says nothing of it."""
    with pytest.raises(ElectionError, match=message) as caught:
        run_conformance(None, harness=lambda _: make())
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_reason_of_several_lines_is_told_in_one():
    """A table stays a table, whatever a harness says."""
    report = run_only(refused(cannot={"tool": "none\n| there"})(), "test_token_is_a_whole_number")
    assert {outcome.detail for outcome in report.of("not run")} == {"the harness cannot tool: none | there"}


# ------------------------------------------------------------ what is not run


def test_what_a_harness_cannot_do_is_reported_with_its_reason():
    """The tests that need it are not run, and the report says why; all others are run."""

    class Stone(ModelHarness):
        cannot = MappingProxyType({"freeze": SOME_REASON, "relay": SOME_REASON})

    report = run_conformance(None, harness=Stone)
    needs = {name: set(getattr(test, "_incumbent_requires", ())) for name, test in suite_tests().items()}
    needing = {name for name, needed in needs.items() if needed & {"freeze", "relay"}}
    assert {outcome.test for outcome in report.of("not run")} == needing
    reasons = {f"the harness cannot {operation}: {SOME_REASON}" for operation in ("freeze", "relay")}
    assert {outcome.detail for outcome in report.of("not run")} == reasons
    assert len(report.of("passed")) == len(suite_tests()) - len(needing)
    assert report.exit_status == 0


def test_what_is_not_declared_is_reported_with_its_reason():
    """A test of a capability that is declared no is not run, and the report repeats the declared reason."""

    @requires("push")
    def test(self, scene):
        pass

    assert why_not(test, ModelHarness()) is None

    class Mute(ModelBackend):
        capabilities = replace(ModelBackend.capabilities, push=no("it is mute"))

    class MuteHarness(ModelHarness):
        model = Mute

    assert why_not(test, MuteHarness()) == "push is declared no: it is mute"


def test_only_known_needs_can_be_named():
    """A misspelt need would leave a test out for ever: it is refused when the suite is imported."""
    with pytest.raises(AssertionError):
        requires("frieze")


@requires("relay")
def relayed(self, scene):
    """Stand for the tests that the model cannot run."""


@pytest.mark.thorough
def test_silence_expires_a_claim_where_the_harness_cannot():
    """Where claims expire, the tests that need an expiry are run in any case: the leader is silent for long enough."""

    class Waiting(ModelHarness):
        cannot = MappingProxyType({**ModelHarness.cannot, "expire": "no tool ends a claim"})
        expire = Harness.expire

        def advance(self, seconds):
            super().advance(seconds)
            for key, ballot in list(self.store.ballots.items()):
                if ballot.leader is not None and self.clock() >= ballot.leader.expires:
                    self.store.end_term(key)

    report = run_conformance(None, harness=Waiting)
    assert [outcome.to_text() for outcome in report.of("failed")] == []
    assert {outcome.detail for outcome in report.of("not run")} == {why_not(relayed, ModelHarness())}


# ------------------------------------------------------------ found by URL


def test_harness_is_found_by_the_url():
    """The elector's package names its harness; it is given the URL."""
    harness = harness_for("memory://here")
    assert type(harness) is MemoryHarness
    assert harness.url == "memory://here"
    assert type(harness_for("local")) is LocalHarness
    assert not hasattr(harness_for("local"), "url")  # it brings a store of its own, elsewhere than users have theirs


def test_elector_without_a_harness_is_tested_through_itself(monkeypatch):
    """Where a package ships none, a bare harness stands in: it can start candidates elsewhere, and nothing else."""
    monkeypatch.setattr(MemoryBackend, "harness", None)
    harness = harness_for("memory://bare")
    assert type(harness) is BareHarness
    validate(harness)
    assert set(harness.cannot) == set(OPERATIONS) - IMPLEMENTED
    assert all("'memory' ships no harness" in reason for reason in harness.cannot.values())
    scene = Scene(harness)
    claim = scene.candidate("a").lead()
    assert claim.guarantee == harness.ttl
    scene.close()


def test_bare_harness_asks_for_a_ttl_that_is_granted(monkeypatch):
    """The ttl of a bare harness is the shortest that the backend declares, if that is longer than its own."""
    monkeypatch.setattr("incumbent.testing.harness.load_backend_class", lambda _: ModelBackend)
    monkeypatch.setattr(ModelBackend, "capabilities", replace(ModelBackend.capabilities, ttl_range=(30.0, 60.0)))
    assert harness_for("model://").ttl == 30.0


@pytest.mark.parametrize("named", ["no_such_module:Harness", "incumbent.testing:NoSuchHarness", "incumbent.testing"])
def test_harness_that_cannot_be_loaded_is_told(monkeypatch, named):
    """A wrong name in `Backend.harness` is a ConfigurationError that repeats it."""
    monkeypatch.setattr(MemoryBackend, "harness", named)
    with pytest.raises(ConfigurationError, match=f"the harness '{named}' of 'memory' cannot be loaded"):
        harness_for("memory://")


def test_elector_that_is_not_installed_is_tested_by_its_class():
    """A harness whose `backend_class` returns the class needs no package: no other method is to be written."""

    class Unpackaged(MemoryBackend):
        options = MappingProxyType({"colour": "no matter which"})

    class UnpackagedHarness(MemoryHarness):
        def backend_class(self):
            return Unpackaged

    harness = UnpackagedHarness("unpackaged://here")
    assert type(harness.backend(BackendSettings(2.0, 0.1), "unpackaged://here?colour=blue")) is Unpackaged
    with pytest.raises(ConfigurationError, match=r"unpackaged: unknown option 'color', did you mean 'colour'\?"):
        harness.backend(BackendSettings(2.0, 0.1), "unpackaged://here?color=blue")
    report = run_only(UnpackagedHarness(), "test_one_of_two_candidates_leads", "test_declarations_are_complete")
    assert len(report.of("passed")) == 2
    assert report.exit_status == 0


def test_backend_that_cannot_be_made_is_named_though_it_is_not_installed():
    """A foreign exception of its constructor is told by its type, with the class: its message may hold a secret."""

    class Broken(ModelBackend):
        def __init__(self, address, settings):
            raise RuntimeError("S3CR3T")

    with pytest.raises(ElectorLoadError, match=r"^elector 'model' \(\S+Broken\): its backend failed: RuntimeError$"):
        harness_with(scheme="model", backend_class=lambda _: Broken).backend(BackendSettings(2.0, 0.1), "model://")


# ------------------------------------------------------------ time


def test_ticks_end_when_the_time_has_passed():
    """Waiting moves the harness's clock in twentieths of a ttl, and by the time that was asked for."""
    harness = ModelHarness()
    harness.open()
    begin = harness.clock()
    count = sum(1 for _ in ticks(harness, harness.ttl))
    assert count == 21
    assert harness.clock() - begin == pytest.approx(harness.ttl, abs=harness.ttl / 10)
