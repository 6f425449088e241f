"""What a candidate is, and why a term ended: the words that the engine and the application share."""

from __future__ import annotations

from enum import Enum

__all__ = ["VOLUNTARY", "Reason", "State"]


class State(Enum):
    """
    The three states of a candidate.

    Attributes:
        BOOTSTRAP: No attempt has been answered yet.
        FOLLOWER: Another leads, or nobody does.
        LEADER: This candidate leads.
    """

    BOOTSTRAP = "bootstrap"
    FOLLOWER = "follower"
    LEADER = "leader"


class Reason(Enum):
    """
    Why a term ended.

    Attributes:
        RELINQUISHED: The program asked for a hand-over.
        REQUESTED: An operator did, with `incumbent relinquish`.
        NOT_ELIGIBLE: This candidate is not to lead any more: it was told so, or is not healthy.
        SCHEDULE: The relinquish interval or spec did.
        STOPPED: The candidate leaves the election.
        NOT_RENEWED: The claim could not be renewed until the renew deadline.
        LOST: The backend says that the claim is gone.
        CALLBACK_FAILED: A callback raised.
        REJECTED: The backend refuses for good.
    """

    RELINQUISHED = "relinquished"
    REQUESTED = "requested"
    NOT_ELIGIBLE = "not eligible"
    SCHEDULE = "schedule"
    STOPPED = "stopped"
    NOT_RENEWED = "not renewed in time"
    LOST = "lost"
    CALLBACK_FAILED = "callback failed"
    REJECTED = "rejected by the backend"


#: The reasons that somebody has asked for.
VOLUNTARY = frozenset({Reason.RELINQUISHED, Reason.REQUESTED, Reason.NOT_ELIGIBLE, Reason.SCHEDULE, Reason.STOPPED})
