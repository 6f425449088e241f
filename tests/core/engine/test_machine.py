"""The state machine as a table: what is in it happens, and nothing else does."""

import ast
import inspect
import random
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st
from machines import LIMITED, TIMING

from incumbent import BackendRejectedError, BackendUnavailableError, CallbackError, Claim, LeaderRecord
from incumbent.engine import events as ev
from incumbent.engine import following, leading, life, machine, phases, relinquishing
from incumbent.engine.machine import TRANSITIONS, Machine, Phase, Timing


class World:
    """Feeds a machine with whatever can happen, and keeps what an observer would see."""

    def __init__(self, timing: Timing) -> None:
        self.machine = Machine(timing)
        self.now = 1000.0
        self.ended = 0.0
        self.out: tuple[ev.Verb, float] | None = None
        self.timers: dict[ev.Timer, float] = {}
        self.telling = False
        self.in_term = False
        self.finished = 0
        self.token = 0
        self.seen: set[tuple[Phase, type, Phase]] = set()

    def feed(self, event: ev.Event) -> None:
        before, lapsed = self.machine.phase, self.now >= self.machine.renew_deadline
        if isinstance(event, machine._ANSWERS):
            self.out = None
        actions = self.machine.handle(event, self.now)
        after = self.machine.phase
        if before is Phase.LEADER and lapsed:
            self.seen.add((before, type(event), Phase.DEPOSED))
            before = Phase.DEPOSED  # rule of `handle`: the term ends first, whatever the event
        if type(event) not in TRANSITIONS[before]:
            assert after is before
        else:
            assert after in TRANSITIONS[before][type(event)].to
            self.seen.add((before, type(event), after))
        for action in actions:
            self.perform(action)
        assert self.in_term == (after is Phase.LEADER)

    def perform(self, action: ev.Action) -> None:
        if isinstance(action, ev.Call):
            assert self.out is None, "rule 3: one call at a time"
            assert self.machine.phase is not Phase.CLOSED
            if action.verb is ev.Verb.RELINQUISH:
                late = self.now >= self.ended + self.machine.timing.handover_timeout
                assert late or not self.telling, "P6: the claim is given up when the application knows"
            if action.verb is ev.Verb.ACQUIRE:
                assert self.now >= self.machine.aside_until, "who was asked to stand aside does not try"
            self.out = action.verb, self.now
        elif isinstance(action, ev.SetTimer):
            self.timers[action.timer] = action.at
        elif isinstance(action, ev.BeginTerm):
            assert not self.in_term
            assert not self.telling
            assert action.claim.token > self.token
            assert action.deadline <= action.claim.sent + action.claim.guarantee
            self.in_term, self.token = True, action.claim.token
        elif isinstance(action, ev.ExtendTerm):
            assert self.in_term
        elif isinstance(action, ev.EndTerm):
            assert self.in_term
            self.in_term, self.telling, self.ended = False, True, self.now
        elif isinstance(action, ev.Finish):
            self.finished += 1
            assert self.finished == 1

    def answer(self, kind: int, jitter: float) -> ev.Event:
        verb, asked = self.out
        if kind == 0:
            return ev.Failed(BackendUnavailableError("no answer"), jitter=jitter)
        if kind == 1:
            return ev.Failed(BackendRejectedError("no"), permanent=True)
        if verb is ev.Verb.ACQUIRE:
            claim = Claim(self.token + 1, 15.0 if kind < 9 else 5.0, asked)
            return ev.Granted(claim) if kind % 2 else ev.Refused()
        if verb is ev.Verb.CHECK:
            claim = Claim(self.machine.token + (kind == 9), 15.0, asked)
            return ev.Gone() if kind in (3, 6) else ev.Granted(claim)
        if verb is ev.Verb.OBSERVE:
            return ev.Observed(LeaderRecord("reports", (None, "a", "b")[kind % 3], kind))
        if verb is ev.Verb.WITHDRAW:
            return ev.Withdrawn()
        return ev.Relinquished()

    def due(self) -> ev.Timer | None:
        timer = min(self.timers, key=self.timers.__getitem__, default=None)
        if timer is not None:
            self.now = max(self.now, self.timers.pop(timer))
        return timer


WHAT = ["answer"] * 6 + ["due"] * 5 + ["pause", "notify", "relinquish", "stop", "told", "told", "raise", "aside"]
LONGEST = 60
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 9), st.floats(0, 0.99)), max_size=LONGEST)
TIMINGS = st.sampled_from([TIMING, LIMITED])


def play(steps, timing=TIMING) -> World:
    world = World(timing)
    world.feed(ev.Started())
    for what, kind, fraction in steps:
        if what == "answer" and world.out is not None:
            world.feed(world.answer(kind, fraction))
        elif what == "due" and (timer := world.due()) is not None:
            world.feed(ev.Due(timer))
        elif what == "pause":
            world.now += kind * fraction * 4
        elif what == "notify":
            world.feed(ev.Notified())
        elif what == "relinquish":
            world.feed(ev.RelinquishAsked())
        elif what == "stop":
            if kind > 6:
                world.feed(ev.StopAsked())
        elif what == "told" and world.telling:
            world.telling = False
            world.feed(ev.CallbacksReturned())
        elif what == "aside":
            world.feed(ev.AsideAsked((-inf, world.now + kind, inf)[kind % 3], called=kind % 2 == 0))
        elif what == "raise" and kind > 6:
            world.feed(ev.CallbackRaised(CallbackError("no")))
    return world


@settings(max_examples=400, deadline=None)
@given(STEPS, TIMINGS)
def test_no_history_breaks_the_rules(steps, timing):
    """
    P1, P2, P4, P6: no order of events breaks a rule.

    One call is out at a time, terms alternate, tokens grow, no deadline outlives its guarantee, and no
    claim is given up while the application is being told, unless that takes longer than it may.
    """
    play(steps, timing)


@settings(max_examples=150, deadline=None)
@given(STEPS, TIMINGS)
def test_every_history_can_be_ended(steps, timing):
    """P8: from any history, a stop ends in `Finish`, also if no call is ever answered again."""
    world = play(steps, timing)
    world.feed(ev.StopAsked())
    for _ in range(20):
        if world.telling:
            world.telling = False
            world.feed(ev.CallbacksReturned())
        elif (timer := world.due()) is not None:
            world.feed(ev.Due(timer))
    assert world.machine.phase is Phase.CLOSED
    assert world.finished == 1


def test_every_transition_of_the_table_is_walked():
    """The table says nothing that cannot happen: random histories walk every entry of it."""
    declared = {(phase, event, to) for phase, row in TRANSITIONS.items() for event, t in row.items() for to in t.to}
    walked: set = set()
    # Not hypothesis's: what it tries depends on the constants in whatever modules this process has loaded.
    source = random.Random(0)
    for _ in range(50_000):
        length = source.randint(1, LONGEST)
        steps = [(source.choice(WHAT), source.randint(0, 9), source.uniform(0, 0.99)) for _ in range(length)]
        walked.update(play(steps, source.choice([TIMING, LIMITED])).seen)
        if declared <= walked:
            break
    assert declared - walked == set()


def test_the_machine_is_pure():
    """No clock, thread, randomness, I/O or logging is imported by the machine, its steps or its events."""
    allowed = {"__future__", "collections.abc", "dataclasses", "enum", "math", "typing"}
    allowed |= {f"incumbent.{module}" for module in ("config", "elector", "errors", "state")}
    pure = machine, following, leading, relinquishing, life, phases, ev
    allowed |= {"." + module.__name__.rpartition(".")[2] for module in pure}
    for module in pure:
        imported = set()
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add("." * node.level + node.module)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                imported |= {"." * getattr(node, "level", 0) + alias.name for alias in node.names}
        assert imported <= allowed
