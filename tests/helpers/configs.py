"""Settings for tests of them: whatever is not given is the default, and objects that are hard to show."""

from __future__ import annotations

from oneline import refusal

from incumbent import LeaderElectionConfig

DURATIONS = [
    "relinquish_interval",
    "leader_check_interval",
    "follower_check_interval",
    "ttl",
    "renew_deadline",
    "request_timeout",
    "cooldown",
    "close_timeout",
    "handover_timeout",
]
CALLBACKS = ["leader_callback", "follower_callback", "on_elected", "on_deposed", "on_leader_changed"]
#: 0 is a value there: the default, or no cool-down.
MAY_BE_ZERO = {"relinquish_interval", "cooldown"}


class Unspeakable:
    """Has no representation at all."""

    def __repr__(self):
        raise RuntimeError("no repr")


class Chatty:
    """Has a representation of several lines, as arrays and tables have."""

    def __repr__(self):
        return "[[1 2]\n [3 4]]\x1b[31m"


def config(**options) -> LeaderElectionConfig:
    return LeaderElectionConfig(**{"lock_id": "reports", **options})


def refused(**options) -> str:
    return refusal(config, **options)
