"""Machines of candidates for tests of their steps: with these settings, and one that leads."""

from __future__ import annotations

from dataclasses import replace

from incumbent import Claim
from incumbent.engine import events as ev
from incumbent.engine.machine import Machine, Timing

TIMING = Timing(
    leader_check_interval=3.0,
    follower_check_interval=3.0,
    renew_deadline=10.0,
    request_timeout=2.0,
    cooldown=6.0,
    close_timeout=15.0,
    candidate="a",
    can_observe=True,
    wants_records=True,
)
#: The same, with a limit to how long callbacks keep a claim.
LIMITED = replace(TIMING, handover_timeout=20.0)


def attempting(timing: Timing = TIMING) -> Machine:
    """Return a machine whose first attempt went out at 100 s."""
    machine = Machine(timing)
    machine.handle(ev.Started(), 100.0)
    return machine


def leading(timing: Timing = TIMING) -> Machine:
    """Return a machine that leads since 100 s, by a claim of 15 s."""
    machine = attempting(timing)
    machine.handle(ev.Granted(Claim(1, 15.0, sent=100.0)), 100.0)
    return machine


def handing_over(timing: Timing = TIMING) -> Machine:
    """Return a machine that led from 100 s on, was asked to hand over at 101 s, and gives its claim up."""
    machine = leading(timing)
    machine.handle(ev.RelinquishAsked(), 101.0)
    machine.handle(ev.CallbacksReturned(), 101.0)
    return machine
