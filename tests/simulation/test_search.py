"""The whole engine in virtual time: whatever goes wrong, no promise is broken; if one were, the search would see it."""

import dataclasses
import random

import pytest
from simulation.beats import BeatServer, PlainServer
from simulation.cluster import shrink, simulate, simulate_all
from simulation.elector import LeaseElector, SessionElector
from simulation.process import Process
from simulation.stores import LeaseStore
from simulation.world import World

from incumbent import Claim, Term, config
from incumbent.engine import asking, following, leading, machine, relinquishing, steering
from incumbent.engine.life import Life
from incumbent.toolkit import Beats
from incumbent.toolkit.beat_sightings import Sightings
from simulation import watchdog

#: Seeds of a search, and as many of them as every run of the tests has time for: some six seconds on a small machine.
BATCH, FEW = 350, 80


def broken(outcomes):
    """Return what is to be shown of outcomes: the promise, and how to see it again."""
    return [
        f"{outcome.violation}: nox -s simulate -- --seed {outcome.seed}" for outcome in outcomes if outcome.violation
    ]


def test_known_seeds_break_no_promise():
    """P1, P2, P4 to P8: with the same seeds each time, so that a change that breaks something is seen at once."""
    assert broken(simulate_all(range(FEW), {})) == []


@pytest.mark.thorough
def test_more_known_seeds_break_no_promise():
    """P1, P2, P4 to P8: with the other seeds of the batch, which are the same each time as well."""
    assert broken(simulate_all(range(FEW, BATCH), {})) == []


@pytest.mark.thorough
def test_fresh_seeds_break_no_promise():
    """P1, P2, P4 to P8: with seeds that nobody has tried; the message of a failure says how to replay it."""
    first = random.SystemRandom().randrange(10**9)
    assert broken(simulate_all(range(first, first + BATCH), {})) == []


def test_known_seeds_with_operators_break_no_promise():
    """P1, P2, P4 to P8: whatever is asked for, of whom, for which term, and whoever is taken out meanwhile."""
    assert broken(simulate_all(range(FEW // 4), {"steered": True, "settled": True})) == []


@pytest.mark.thorough
def test_fresh_seeds_with_operators_break_no_promise():
    """P1, P2, P4 to P8: with seeds that nobody has tried."""
    first = random.SystemRandom().randrange(10**9)
    assert broken(simulate_all(range(first, first + BATCH), {"steered": True, "settled": True})) == []


def test_known_seeds_with_executors_break_no_promise():
    """P11, P1: what a crashed process led is given up soon, late, twice or never; and so are its earlier terms."""
    assert broken(simulate_all(range(FEW // 4), {"executed": True})) == []


@pytest.mark.thorough
def test_fresh_seeds_with_executors_break_no_promise():
    """P11, P1: with seeds that nobody has tried, and operators besides."""
    first = random.SystemRandom().randrange(10**9)
    assert broken(simulate_all(range(first, first + BATCH), {"executed": True, "steered": True})) == []


def leaderless(seeds):
    """Return the longest time without a leader where nothing goes wrong but what operators ask for, seconds."""
    quiet = {"steered": True, "skipped": frozenset(range(10_000))}
    outcomes = [simulate(seed, **quiet) for seed in seeds]
    assert broken(outcomes) == []
    assert sum(outcome.terms for outcome in outcomes) > 2 * len(outcomes)
    return max(outcome.leaderless - outcome.head_start for outcome in outcomes)


def test_requests_leave_nobody_leading_for_a_bounded_time(monkeypatch):
    """P7: the others stand aside for a candidate that does not come for two seconds, and start by their preference."""
    monkeypatch.setattr(watchdog.Ear, "_act", lambda *_: None)  # callbacks that return at once
    assert leaderless(range(30)) <= steering.LEADERLESS + 1.0
    monkeypatch.setattr(steering, "LEADERLESS", steering.LONGEST_ASIDE)
    assert leaderless(range(10)) > 10.0


def test_same_seed_is_the_same_story():
    """A failing seed can be replayed: nothing but the seed decides."""
    first, second = (simulate(11, traced=True) for _ in range(2))
    assert first == second
    assert len(first.trace) > 20


def test_story_has_leaders_and_misfortunes():
    """The searches above search something: terms, hand-overs, and every kind of misfortune."""
    outcomes = [simulate(seed, traced=True, steered=seed < 30) for seed in range(60)]
    told = "\n".join(line for outcome in outcomes for line in outcome.trace)
    assert sum(outcome.terms for outcome in outcomes) > 200
    for word in ("lease", "session", "beat", "is paused", "crashes", "cuts off", "is down", "is frozen", "fails over",
                 "deletes the key", "slow", "loss", "twice", "is closed", "its callback raises", "relinquished",
                 "schedule", "lost", "not renewed in time", "requested", "not eligible",
                 "hand-over to anybody", "hand-over to nobody", "a pause", "asks: do=prefer"):  # fmt: skip
        assert word in told, word


def test_leader_before_knows_no_newer_lease():
    """P2: two fail-overs in a row, and a lease in between: the servers' old leader cannot say that it renewed that."""
    world = World(0)
    store = LeaseStore(world, ttl=3.0, rate=1.0)
    store.renew("before", create=True)
    store.fail_over()
    store.renew("after", create=True)
    world.run_until(0.5)
    assert store.renew("before")
    assert store.renew("after")
    assert store._ends == {"before": 4.0, "after": 3.5}


def test_clocks_beyond_the_promise_overlap():
    """P1 holds for clocks within 1 % of each other and is not promised beyond: with 30 % two leaders are seen."""
    assert any(simulate(seed, beyond=True).overlaps for seed in range(100))


# ---------------------------------------------------------------- sabotage: what the search must find


def finds(*promises, kind=None, first=0, **options):
    """Tell whether a search from the seed *first* on, which may be near to one that is known, sees a promise broken."""
    for seed in range(first, first + 400):
        violation = simulate(seed, kind=kind, **options).violation
        if violation is not None and violation.partition(":")[0] in promises:
            return True
    return False


def test_deadline_counted_from_the_reply_is_found(monkeypatch):
    """P2: the answer may come long after the server began to count."""
    real = leading._extend

    def extend(life, claim):
        real(life, dataclasses.replace(claim, sent=life.now))

    monkeypatch.setattr(leading, "_extend", extend)
    monkeypatch.setattr(leading, "renew_by", lambda life, _: life.now + life.timing.renew_deadline)
    assert finds("P1", "P2", first=20)


def test_dropped_margin_is_found(monkeypatch):
    """P3: without the margin, a fail-over of the server makes two leaders."""
    for module in (config, following, leading):
        monkeypatch.setattr(module, "lifetime", lambda guarantee: guarantee * 0.99)
    assert finds("P1", "P2", kind="lease")


def test_dropped_clock_rate_is_found(monkeypatch):
    """P1: the backend's clock may run faster than the leader's."""
    for module in (config, following, leading):
        monkeypatch.setattr(module, "lifetime", lambda guarantee: guarantee)
    assert finds("P1", "P2")


def test_lock_delay_ignored_is_found(monkeypatch):
    """P2: twice the ttl is what a session usually lasts, and not what is guaranteed."""
    real = SessionElector._read_back

    def read_back(self, owner, sent):
        claim = real(self, owner, sent)
        return claim and Claim(claim.token, 2 * self.store.ttl, sent)

    monkeypatch.setattr(SessionElector, "_read_back", read_back)
    assert finds("P1", "P2", kind="session")


def test_phantom_is_found(monkeypatch):
    """P5: who waited may have lost its place meanwhile."""

    def acquire(self):
        owner = self._own()
        place = self._ask(lambda: self.store.enter(owner))
        if place is None or place[0] != place[1]:
            return None
        self.token = place[0]
        return Claim(place[0], self.store.ttl, self.process.now())

    monkeypatch.setattr(LeaseElector, "acquire_leadership", acquire)
    assert finds("P1", "P2", kind="lease")


def test_renewal_without_a_look_at_the_key_is_found(monkeypatch):
    """P2: a lease can live on without its key."""

    def check(self):
        token = self._held()
        sent = self.process.now()
        self._ask(lambda: self.store.renew(self._owner))
        return Claim(token, self.store.ttl, sent)

    monkeypatch.setattr(LeaseElector, "check_leadership", check)
    assert finds("P1", "P2", kind="lease")


def test_unconditional_release_is_found(monkeypatch):
    """P1: a release that was held up must not end the claim that was granted after it."""

    def relinquish(self):
        self._held()
        owner = self._owner
        self._ask(lambda: self.store.release(owner, self.store.index))
        self.token = None
        return True

    monkeypatch.setattr(SessionElector, "relinquish_leadership", relinquish)
    assert finds("P1", "P2", kind="session", first=760)  # a rare coincidence


def test_late_event_before_the_deadline_check_is_found(monkeypatch):
    """P2: a process that was paused must not take an old answer for a new one; the machine and the term see to that."""

    def handle(self, event, now):
        self.now, self.actions = now, []
        if isinstance(event, machine._ANSWERS):
            self.call = None
        transition = machine.TRANSITIONS[self.phase].get(type(event))
        if transition is not None:
            transition.step(self, event)
        return self.actions

    def remaining(self):
        return 0.0 if self._reason else max(0.0, self._deadline - self._clock.now())

    monkeypatch.setattr(machine.Machine, "handle", handle)
    monkeypatch.setattr(Term, "remaining", remaining)
    assert finds("P1", "P2")


def test_term_that_outlives_its_end_is_found(monkeypatch):
    """P1: the application still holds the term that was handed over."""
    monkeypatch.setattr(Term, "_end", lambda self, reason: None)
    assert finds("P1", first=30)


def test_claim_given_up_before_the_callbacks_is_found(monkeypatch):
    """P6: the follower callback has returned before another can lead."""
    real = relinquishing.depose

    def depose(life, reason, *, keep=False):
        real(life, reason, keep=keep)
        if keep:
            life.told = True
            relinquishing._continue(life)

    monkeypatch.setattr(relinquishing, "depose", depose)
    assert finds("P6")


def test_limit_of_a_hand_over_that_is_cut_short_is_found(monkeypatch):
    """P6: callbacks that do not return keep the claim for as long as the config says."""
    real = machine.Machine.__init__

    def init(self, timing):
        real(self, dataclasses.replace(timing, handover_timeout=timing.handover_timeout / 2))

    monkeypatch.setattr(machine.Machine, "__init__", init)
    assert finds("P6", first=30)


def test_close_that_keeps_the_claim_is_found(monkeypatch):
    """P8: who leaves gives up what it holds."""
    real = relinquishing._continue

    def keep(life):
        life.held = life.held and not life.stopping
        real(life)

    monkeypatch.setattr(relinquishing, "_continue", keep)
    monkeypatch.setattr(LeaseElector, "_give_up", lambda self, owner: None)
    monkeypatch.setattr(LeaseElector, "_keep_alive", _for_ever)
    assert finds("P8", kind="lease")


def _for_ever(self):
    while True:
        self.process.sleep(self._server.ttl / 3)
        for owner in self.owners:
            self._server.renew(owner)


def test_candidate_that_gives_up_is_found(monkeypatch):
    """P7: who lost the leadership campaigns again."""
    monkeypatch.setattr(Life, "retry", lambda self, event, longest: None)
    assert finds("P7", first=15)


def test_silence_of_a_leader_though_it_renews_is_found(monkeypatch):
    """P1: a beat must have stayed the same, and not only the name of its owner."""
    saw = Sightings.saw

    def seen(self, lock_id, record):
        return saw(self, lock_id, dataclasses.replace(record, beat=""))

    monkeypatch.setattr(Sightings, "saw", seen)
    monkeypatch.setattr(Sightings, "left", lambda self, lock_id, record: self.saw(lock_id, record))
    assert finds("P1", "P2", kind="beat")


def test_half_a_ttl_of_silence_is_found(monkeypatch):
    """P1: a leader that could not renew for a while still believes in its claim."""
    left = Sightings.left
    monkeypatch.setattr(
        Sightings, "left", lambda self, lock_id, record: max(0.0, left(self, lock_id, record) - record.ttl / 2)
    )
    assert finds("P1", "P2", kind="beat")


def test_take_over_without_comparing_the_beat_is_found(monkeypatch):
    """P1: the leader may have renewed while the request of who saw it silent was held up."""
    monkeypatch.setattr(BeatServer, "is_same", lambda self, there, silent: there.owner == silent.owner)
    assert finds("P1", "P2", kind="beat", first=55)


def test_write_without_comparing_the_version_is_found(monkeypatch):
    """P1: two who have read the same replace each other's record."""
    put = PlainServer.put
    monkeypatch.setattr(
        PlainServer, "put", lambda self, content, _: put(self, content, None if self.kept is None else self.kept[1])
    )
    assert finds("P1", "P2", kind="beat")


def test_beat_that_comes_again_is_found(monkeypatch):
    """P1: a server that comes back with older data shows a beat that somebody has seen before, and counts by it."""
    show = BeatServer.show

    def same_in_every_run(self):
        there = show(self)
        return there and dataclasses.replace(there, beat=there.beat.partition("/")[2])

    monkeypatch.setattr(BeatServer, "show", same_in_every_run)
    assert finds("P1", "P2", kind="beat", first=40)


def test_server_that_forgets_and_elects_at_once_is_found(monkeypatch):
    """P1: the leader that was forgotten still believes in its claim."""
    fail_over = BeatServer.fail_over

    def trusted(self):
        fail_over(self)
        self.is_proven = True

    monkeypatch.setattr(BeatServer, "fail_over", trusted)
    assert finds("P1", "P2", kind="beat", first=40)


def test_renewal_counted_from_the_answer_is_found(monkeypatch):
    """P2: who waits may have seen the new beat long before its leader hears that it is there."""
    renew = Beats._renew_alone
    monkeypatch.setattr(
        Beats, "_renew_alone", lambda self, member: (renew(self, member)[1], self.settings.clock())[::-1]
    )
    assert finds("P1", "P2", kind="beat", first=50)


def test_renewal_without_a_look_at_the_owner_is_found(monkeypatch):
    """P1: that a request was answered does not say that the claim is still there."""

    def renewed(self, member):
        now = self.settings.clock()
        self.store.renew([member.held()])
        return now, True

    monkeypatch.setattr(Beats, "_renew_alone", renewed)
    assert finds("P1", "P2", kind="beat")


def test_frozen_process_that_is_taken_for_dead_is_found(monkeypatch):
    """P11: what it led is given up, and it goes on, and believes in its term."""
    pause = Process.pause

    def taken_for_dead(self):
        pause(self)
        self.ended()

    monkeypatch.setattr(Process, "pause", taken_for_dead)
    assert finds("P1", "P2", executed=True)


def test_successor_that_is_given_up_is_found(monkeypatch):
    """P11: whoever leads when a testament is executed is ended by it."""
    monkeypatch.setattr(LeaseStore, "execute", lambda self, _: self.delete())
    assert finds("P1", "P2", kind="lease", executed=True)


def in_the_end(seed):
    """Return what is wrong in the end where some are preferred; "" if nothing is."""
    return simulate(seed, steered=True, settled=True).violation or ""


def test_request_of_who_is_not_preferred_that_is_heeded_is_found(monkeypatch):
    """Equal ones displace each other for ever."""
    monkeypatch.setattr(steering.Steering, "_yields", lambda *_: True)
    assert any("another takes the office" in in_the_end(seed) for seed in range(30))


def test_preferred_one_that_never_asks_is_found(monkeypatch):
    """A lower one leads for ever."""
    monkeypatch.setattr(asking.Asking, "settle", lambda *_: None)
    assert any("does not lead" in in_the_end(seed) for seed in range(30))


def test_shrinking_leaves_what_matters(monkeypatch):
    """A failing story is told without the misfortunes that it does not need, and still fails."""
    monkeypatch.setattr(Term, "_end", lambda self, reason: None)
    outcome = next(outcome for seed in range(100) if (outcome := simulate(seed)).violation)
    skipped = shrink(outcome)
    assert simulate(outcome.seed, skipped=skipped).violation is not None
