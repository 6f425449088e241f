"""A backend can do what it declares, and declares what it can do."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import fields, replace

import pytest

from incumbent import CONTRACT_VERSION, ConfigurationError, Finding, InvalidStateError, Support
from incumbent.testing.bounded import HARNESS_LIMIT, bounded
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Scene

from .listing import ALL

#: Seconds in which no news come from a backend that does not push.
QUIET = 0.5
#: Seconds, as long as a ttl may be wanted.
LONG = 3600.0


class Declarations:
    """Claiming more than one can do fails, and so does claiming less."""

    def test_declarations_are_complete(self, scene: Scene) -> None:
        """Contract: What is missing is missing for a reason, each option has a line of help, ttls have a range."""
        backend = scene.harness.backend_class()
        supports = {field.name: getattr(backend.capabilities, field.name) for field in fields(backend.capabilities)}
        shortest, longest = supports.pop("ttl_range")
        assert [name for name, support in supports.items() if not support and not support.detail] == []
        assert [name for name, text in backend.options.items() if not text] == []
        assert 0 <= shortest <= longest
        assert 1 <= backend.contract_version <= CONTRACT_VERSION
        made = scene.backend()
        assert made.capabilities == backend.capabilities, "a backend declares something else than its class"

    def test_declarations_can_be_seen(self, scene: Scene) -> None:
        """Contract: What is declared can be seen: candidates by observing, and that tools take part by such a tool."""
        declared, cannot = scene.capabilities, scene.harness.cannot
        assert declared.observe or not declared.candidates, (
            "candidates is declared, and observing, which lists them, not"
        )
        hidden = declared.interoperates and cannot.get("tool")
        assert not hidden, f"interoperates is declared, and no test has seen it: the harness cannot tool: {hidden}"

    def test_push_is_as_declared(self, scene: Scene) -> None:
        """Contract: The candidate that was refused is told of a hand-over if push is declared, and only then."""
        declared = scene.capabilities.push
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        b.forget_news()
        a.relinquish_leadership()
        _assert_as_declared("push", declared, b.hears_news(None if declared else QUIET))

    def test_observe_is_as_declared(self, scene: Scene) -> None:
        """Contract: Observing shows the leader if observe is declared, and is InvalidStateError if not."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        try:
            works = watcher.observe_leadership().candidate == a.candidate
        except InvalidStateError:
            works = False
        _assert_as_declared("observe", scene.capabilities.observe, works)

    def test_listing_is_as_declared(self, scene: Scene) -> None:
        """Contract: Elections are listed if listing is declared, and asking for them is InvalidStateError if not."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        a.lead()
        try:
            works = scene.lock_id in watcher.elections(ALL)
        except InvalidStateError:
            works = False
        _assert_as_declared("listing", scene.capabilities.listing, works)

    def test_testament_is_as_declared(self, scene: Scene) -> None:
        """Contract: A testament ends its term if that is declared; if not, none is left, and executing is refused."""
        claim, executor = scene.candidate("a").lead(), scene.candidate("executor")
        declared = scene.capabilities.testament
        try:
            works = executor.execute(claim.testament)
        except InvalidStateError:
            works = False
        _assert_as_declared("testament", declared, works if declared else works or claim.testament != "")

    @requires("observe")
    def test_info_is_as_declared(self, scene: Scene) -> None:
        """Contract: The record shows what the leader tells of itself if info is declared, and only then."""
        a, watcher = scene.candidate("a"), scene.candidate("watcher")
        with suppress(AttributeError):  # something else of that name, of an elector that does not know of it
            a.elector.info = "http://a:8080"
        a.lead()
        shown, declared = watcher.observe_leadership().info, scene.capabilities.info
        _assert_as_declared("info", declared, shown == "http://a:8080" if declared else shown is not None)

    @requires("observe")
    def test_candidates_is_as_declared(self, scene: Scene) -> None:
        """Contract: The record lists the leader and who was refused if candidates is declared, and only then."""
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        b.acquire_leadership()
        listed = scene.candidate("watcher").observe_leadership().candidates
        works = sorted(listed or ()) == sorted((a.candidate, b.candidate))
        _assert_as_declared("candidates", scene.capabilities.candidates, works)
        assert scene.capabilities.candidates or not listed, f"candidates is declared no, but {listed} are listed"

    def test_expiry_is_as_declared(self, scene: Scene) -> None:
        """Contract: A silent leader is succeeded in time if expiry is declared, and only then."""
        declared = scene.capabilities.expiry
        a, b = scene.candidate("a"), scene.candidate("b")
        a.lead()
        successor = b.wait_until_elected(None if declared else 2 * scene.settings.ttl)
        _assert_as_declared("expiry", declared, successor is not None)

    @requires("tool")
    def test_interoperates_is_as_declared(self, scene: Scene) -> None:
        """P1: A leader keeps another project's tool from leading if interoperates is declared, and only then."""
        scene.candidate("a").lead()
        _assert_as_declared("interoperates", scene.capabilities.interoperates, not scene.tool_acquires())

    @requires("kill")
    def test_fencing_across_restarts_is_as_declared(self, scene: Scene) -> None:
        """P4: Tokens grow over a restart of the store if fencing_across_restarts is declared, and only then."""
        a, b = scene.candidate("a"), scene.candidate("b")
        token = a.lead().token
        a.relinquish_leadership()
        scene.kill()
        scene.restart()
        _assert_as_declared(
            "fencing_across_restarts", scene.capabilities.fencing_across_restarts, b.lead_soon().token > token
        )

    def test_diagnosis_is_told_in_lines(self, scene: Scene) -> None:
        """Contract: What `diagnose` finds has a level, a line of text, and if all is not well a line of remedy."""
        backend = scene.backend()
        try:
            found = bounded(HARNESS_LIMIT, lambda: list(backend.diagnose()), "diagnose()")
        finally:
            backend.close()
        for finding in found:
            assert type(finding) is Finding
            assert finding.level in {"ok", "warning", "error"}
            assert len(finding.text.splitlines()) == 1
            assert len(finding.remedy.splitlines()) == (finding.level != "ok")

    @requires("kill")
    def test_diagnosis_of_a_dead_store_is_told(self, scene: Scene) -> None:
        """Contract: `diagnose` raises nothing when the store is dead, and does not say that all is well."""
        backend = scene.backend()
        scene.kill()
        found = bounded(HARNESS_LIMIT, lambda: list(backend.diagnose()), "diagnose()")
        scene.restart()
        backend.close()
        assert not found or {getattr(finding, "level", None) for finding in found} != {"ok"}, (
            "it finds that all is well"
        )

    def test_ttl_in_range_is_granted(self, scene: Scene) -> None:
        """Contract: The shortest ttl that is declared, and a long one, are taken, and claims are made with them."""
        shortest, longest = scene.capabilities.ttl_range
        for ttl in {max(shortest, scene.settings.request_timeout), min(longest, LONG)}:
            backend = scene.backend(replace(scene.settings, ttl=ttl))
            # It need not be elected at once: some wait until a new store has been there for as long.
            scene.candidate(lock_id=f"{scene.lock_id}/{ttl:g}", backend=backend).acquire_leadership()

    @requires("ttl_range")
    def test_ttl_out_of_range_is_refused(self, scene: Scene) -> None:
        """Contract: A ttl that the backend does not grant is a ConfigurationError, in one line."""
        shortest, longest = scene.capabilities.ttl_range
        for ttl in (shortest / 2, longest * 2):
            if 0 < ttl < math.inf:
                with pytest.raises(ConfigurationError) as caught:
                    scene.backend(replace(scene.settings, ttl=ttl))
                assert len(str(caught.value).splitlines()) == 1


def _assert_as_declared(name: str, declared: Support, works: bool) -> None:
    assert works or not declared, f"{name} is declared, but does not work"
    assert declared or not works, f"a stale claim: {name} is declared no ({declared.detail}), but works"
