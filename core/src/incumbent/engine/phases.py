"""The phases of a candidate, and the settings that the machine needs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf

from incumbent.config import LeaderElectionConfig
from incumbent.elector import LeaderElector
from incumbent.state import State

__all__ = ["PUSH_FACTOR", "Phase", "Timing"]

#: With push, polling is only the safety net under a lost notification: this much slower.
PUSH_FACTOR = 20.0


class Phase(Enum):
    """Where in its life a candidate is; finer than `State`."""

    BOOTSTRAP = "bootstrap"
    FOLLOWER = "follower"
    LEADER = "leader"
    DEPOSED = "deposed"
    RELINQUISHING = "relinquishing"
    CLOSED = "closed"

    @property
    def state(self) -> State:
        """The public state."""
        return {Phase.BOOTSTRAP: State.BOOTSTRAP, Phase.LEADER: State.LEADER}.get(self, State.FOLLOWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The settings that the machine needs, seconds."""

    leader_check_interval: float
    follower_check_interval: float
    renew_deadline: float
    request_timeout: float
    cooldown: float
    close_timeout: float
    candidate: str
    #: How long a claim is kept for callbacks that do not return.
    handover_timeout: float = inf
    #: The backend calls back, so that polling may be slow.
    push: bool = False
    #: The backend can be asked who leads.
    can_observe: bool = False
    #: The application wants to know who leads.
    wants_records: bool = False

    @classmethod
    def of(cls, config: LeaderElectionConfig, elector: LeaderElector, *, looks_on: bool) -> Timing:
        """Take them from *config* and from what *elector* declares."""
        return cls(
            leader_check_interval=config.leader_check_interval,
            follower_check_interval=config.follower_check_interval,
            renew_deadline=config.renew_deadline,
            request_timeout=config.request_timeout,
            cooldown=config.cooldown,
            close_timeout=config.close_timeout,
            handover_timeout=config.handover_timeout,
            candidate=elector.candidate,
            push=bool(elector.capabilities.push),
            can_observe=bool(elector.capabilities.observe),
            wants_records=looks_on or config.preference is not None,
        )
