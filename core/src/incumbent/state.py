"""What a candidate is, and why a term ended: the words that the engine and the application share."""

from __future__ import annotations

from enum import Enum

__all__ = ["Reason", "State"]


class State(Enum):
    """The three states of a candidate."""

    BOOTSTRAP = "bootstrap"
    FOLLOWER = "follower"
    LEADER = "leader"


class Reason(Enum):
    """Why a term ended."""

    RELINQUISHED = "relinquished"
    SCHEDULE = "schedule"
    STOPPED = "stopped"
    NOT_RENEWED = "not renewed in time"
    LOST = "lost"
    CALLBACK_FAILED = "callback failed"
    REJECTED = "rejected by the backend"
