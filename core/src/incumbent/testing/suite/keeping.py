"""How long a claim is kept where it is easily less: other ttls, later renewals, old sessions, clocks, connections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace

import pytest

from incumbent import Address, Backend, BackendSettings, BackendUnavailableError, Claim
from incumbent.testing.candidate import ticks
from incumbent.testing.requirements import requires
from incumbent.testing.scene import Candidate, Scene

#: A clock may run 1 % slower than the store's (P1).
RATE = 0.99
#: Seconds by which clocks differ that have nothing in common.
APART = 1e7
#: Seconds by which wall clocks are wrong.
HOUR = 3600.0
#: Renewals, soon one after the other.
RENEWALS = 4


class Keeping:
    """The claim is kept as long as it says, whatever else is so."""

    def test_claim_of_another_ttl_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: So it is with a ttl in fractions of a second, with a long one, and beside backends with others."""
        leaders = {}
        for number, ttl in enumerate((scene.settings.ttl, *_other_ttls(scene), scene.settings.ttl)):
            name = f"of backend {number + 1}, with a ttl of {ttl:g} s"
            leaders[name] = _leader(scene, name, scene.backend(replace(scene.settings, ttl=ttl)))
            leaders[name].lead_soon()  # some stores grant a longer ttl only when they have been seen for as long
        assert_all_kept(scene, {name: (leader.lock_id, checked(leader)) for name, leader in leaders.items()})

    def test_each_renewal_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: What the second, third and fourth renewal say is kept too, soon after the one before."""
        leaders = {times: _leader(scene, f"renewed {times} times", scene.backend()) for times in range(1, RENEWALS + 1)}
        last = {times: leader.lead() for times, leader in leaders.items()}
        for done in range(1, RENEWALS + 1):
            scene.advance(scene.settings.ttl / 5)
            for times in range(done, RENEWALS + 1):
                last[times] = checked(leaders[times])
        claims = {f"renewed {times} times": (leaders[times].lock_id, claim) for times, claim in last.items()}
        assert_all_kept(scene, claims)

    def test_claim_on_an_old_session_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: So is the claim of who has waited, has led before, or leads elsewhere, and it is young enough."""
        fresh = scene.settings.ttl / 3
        settings = replace(scene.settings, renew_deadline=2 * fresh)
        waited, led, twin = (_leader(scene, name, scene.backend(settings)) for name in ("waited", "led", "twin"))
        before = scene.candidate("before", lock_id=waited.lock_id)
        before.lead()
        waited.acquire_leadership()
        led.lead()
        led.relinquish_leadership()
        _leader(scene, "elsewhere", twin.backend).lead()
        for _ in range(2):
            scene.advance(scene.settings.ttl / 3)
            before.check_leadership()
        before.relinquish_leadership()
        names = {"of who waited": waited, "of who led before": led, "of who leads elsewhere": twin}
        claims = {}
        for name, who in names.items():
            before_it = scene.harness.clock()
            claims[name] = who.lock_id, who.lead()
            age = before_it - claims[name][1].sent
            assert age <= fresh, f"the claim {name} was renewed {age:g} s ago: no half of the renew deadline is left"
        assert_all_kept(scene, claims)

    def test_claim_is_counted_on_the_clock_that_was_given(self, scene: Scene) -> None:
        """P2: *sent* is read on the clock of the settings when the claim is granted, renewed, and acquired again."""
        settings = _on_another_clock(scene, APART)
        a = scene.candidate("a", backend=scene.backend(settings))
        before = settings.clock()
        for call in (a.acquire_leadership, a.check_leadership, a.acquire_leadership):  # the last need renew nothing
            claim = call()
            assert claim is not None
            assert before <= claim.sent <= settings.clock(), "it was read on another clock than the one that was given"

    @requires("relay")  # then it is a store of several hosts
    def test_clocks_of_two_hosts_have_nothing_in_common(self, scene: Scene) -> None:
        """P1: A claim is kept as long as it says though the leader's clock began long before the others', or after."""
        if not any(port for _, port in Address.parse(scene.harness.url).hosts):
            pytest.skip("the URL names no port: the store may be one of this machine, which has one clock")
        claims = {}
        for name, ahead in (("whose clock is ahead", APART), ("whose clock is behind", -APART)):
            leader = _leader(scene, name, scene.backend(_on_another_clock(scene, ahead)))
            claim = leader.lead()
            claims[name] = leader.lock_id, replace(claim, sent=claim.sent - ahead)
        assert_all_kept(scene, claims)

    @requires("outsider")
    def test_claim_of_a_killed_leader_is_kept_as_long_as_it_says(self, scene: Scene) -> None:
        """P1, P2: So is that of a process which was killed, and whose client library can renew nothing any more."""
        _assert_outlived(scene, {"of who was killed": 0.0})

    @requires("outsider")
    def test_wall_clocks_play_no_part(self, scene: Scene) -> None:
        """P1, P7: Whether a wall clock is an hour ahead or behind, nobody is elected too early, and somebody is."""
        a = scene.candidate("a")
        a.lead()
        with scene.outsider(leader=a, wall=HOUR) as late:
            assert late.claim is None, "who has its wall clock an hour ahead was elected beside the leader"
        _assert_outlived(scene, {"of who is an hour ahead": HOUR, "of who is an hour behind": -HOUR})

    @requires("relay")
    def test_claim_outlives_its_connection(self, scene: Scene) -> None:
        """P1, P2: A connection that breaks ends no claim: the leader need not know of it before its next check."""
        relay = scene.relay()
        a = scene.candidate("a", backend=scene.backend(relay=relay))
        claim = a.lead()
        with relay.broken("all connections are cut", lambda proxy: proxy.cut()):
            assert_all_kept(scene, {"of who is cut off": (a.lock_id, claim)})


def assert_all_kept(scene: Scene, claims: Mapping[str, tuple[str, Claim]]) -> None:
    """Check that others ask in vain until the guarantee of each of *claims*, each in its election, has passed."""
    longest = max(claim.guarantee for _, claim in claims.values())
    seconds = 2 * scene.settings.ttl if math.isinf(longest) else longest
    for name, kept in _succeeded(scene, {name: election for name, (election, _) in claims.items()}, seconds):
        claim = claims[name][1]
        lasted = kept - claim.sent
        assert lasted >= RATE * claim.guarantee, f"the claim {name}: {_shown(lasted, claim)}"


def _assert_outlived(scene: Scene, leaders: Mapping[str, float]) -> None:
    """Kill leaders with such wall clocks; check that their claims are kept, but not for ever."""
    elections = {name: f"{scene.lock_id}/{number}" for number, name in enumerate(leaders)}
    claims = {}
    with ExitStack() as processes, ThreadPoolExecutor(len(leaders)) as pool:
        begun = {
            name: pool.submit(scene.outsider, lock_id=elections[name], wall=wall) for name, wall in leaders.items()
        }
        outsiders = {name: processes.enter_context(begun[name].result()) for name in leaders}
        for name, outsider in outsiders.items():
            assert outsider.claim is not None
            claims[name] = outsider.claim
            outsider.kill()
    over = dict(_succeeded(scene, elections, scene.harness.patience))
    for name, claim in claims.items():
        assert name in over, f"the claim {name} has not ended after {scene.harness.patience:g} s"
        lasted = over[name] - claim.sent
        ends_with_its_process = math.isinf(claim.guarantee)
        assert ends_with_its_process or lasted >= RATE * claim.guarantee, f"the claim {name}: {_shown(lasted, claim)}"


def _succeeded(scene: Scene, elections: Mapping[str, str], seconds: float) -> Iterator[tuple[str, float]]:
    """Let another candidate try in each of *elections*, and yield its name and the time when it is elected."""
    backend = scene.backend()
    others = {name: scene.candidate("b", lock_id=election, backend=backend) for name, election in elections.items()}
    for _ in ticks(scene.harness, seconds):
        for name, other in list(others.items()):
            with suppress(BackendUnavailableError):
                if other.acquire_leadership() is not None:
                    del others[name]
                    yield name, scene.harness.clock()
        if not others:
            return


def _shown(lasted: float, claim: Claim) -> str:
    return f"kept for {lasted:g} s, guaranteed for {claim.guarantee:g} s"


def _leader(scene: Scene, name: str, backend: Backend) -> Candidate:
    """Make a candidate in an election of its own."""
    return scene.candidate("a", lock_id=f"{scene.lock_id}/{name}", backend=backend)


def _other_ttls(scene: Scene) -> list[float]:
    """Return ttls that are easily cut, or mistaken for that of another backend."""
    shortest, longest = scene.capabilities.ttl_range
    ttls = (math.ceil(scene.settings.ttl) + 0.4, 3 * scene.settings.ttl)
    return [ttl for ttl in ttls if shortest <= ttl <= longest]


def _on_another_clock(scene: Scene, ahead: float) -> BackendSettings:
    return replace(scene.settings, clock=lambda: scene.harness.clock() + ahead)


def checked(leader: Candidate) -> Claim:
    """Return what a check by *leader* says, which has its claim."""
    claim = leader.check_leadership()
    assert claim is not None
    return claim
