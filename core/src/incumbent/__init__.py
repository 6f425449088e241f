"""Leader election for Python services, with the backend chosen by name.

The public names are listed here and imported when first asked for: a plugin or a command line that
needs three of them does not pay for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .address import Address, Secret
    from .aio import AsyncLeaderElection
    from .clock import Clock, SystemClock, boottime
    from .config import DEFAULT_RELINQUISH_INTERVAL, Callback, LeaderElectionConfig
    from .election import LeaderElection
    from .elector import (
        CONTRACT_VERSION,
        Backend,
        BackendSettings,
        Capabilities,
        Claim,
        Finding,
        LeaderElector,
        LeaderRecord,
        Support,
        no,
        yes,
    )
    from .engine.runner import Runner
    from .engine.workers import Executor
    from .errors import (
        BackendRejectedError,
        BackendUnavailableError,
        CallbackError,
        ConfigurationError,
        ElectionError,
        ElectorLoadError,
        ElectorNotFoundError,
        InvalidStateError,
        LeadershipLostError,
    )
    from .hookspecs import hookimpl
    from .instrumentation import ElectionObserver
    from .observer import observe, read_leader
    from .registry import open_backend
    from .situation import Situation
    from .state import Reason, State
    from .term import Term
    from .toolkit.addresses import addresses_of, connect_socket, note_address
    from .toolkit.keepalive import KeepAlive, Renewal
    from .toolkit.options import Endpoint, is_loopback, one_line, read_file, read_line, read_switch

__version__ = "0.1.0"

__all__ = [
    "CONTRACT_VERSION",
    "DEFAULT_RELINQUISH_INTERVAL",
    "Address",
    "AsyncLeaderElection",
    "Backend",
    "BackendRejectedError",
    "BackendSettings",
    "BackendUnavailableError",
    "Callback",
    "CallbackError",
    "Capabilities",
    "Claim",
    "Clock",
    "ConfigurationError",
    "ElectionError",
    "ElectionObserver",
    "ElectorLoadError",
    "ElectorNotFoundError",
    "Endpoint",
    "Executor",
    "Finding",
    "InvalidStateError",
    "KeepAlive",
    "LeaderElection",
    "LeaderElectionConfig",
    "LeaderElector",
    "LeaderRecord",
    "LeadershipLostError",
    "Reason",
    "Renewal",
    "Runner",
    "Secret",
    "Situation",
    "State",
    "Support",
    "SystemClock",
    "Term",
    "addresses_of",
    "boottime",
    "connect_socket",
    "hookimpl",
    "is_loopback",
    "no",
    "note_address",
    "observe",
    "one_line",
    "open_backend",
    "read_file",
    "read_leader",
    "read_line",
    "read_switch",
    "yes",
]

_HOMES = {
    "address": ("Address", "Secret"),
    "aio": ("AsyncLeaderElection",),
    "clock": ("Clock", "SystemClock", "boottime"),
    "config": ("DEFAULT_RELINQUISH_INTERVAL", "Callback", "LeaderElectionConfig"),
    "elector": (
        "CONTRACT_VERSION",
        "Backend",
        "BackendSettings",
        "Capabilities",
        "Claim",
        "Finding",
        "LeaderElector",
        "LeaderRecord",
        "Support",
        "no",
        "yes",
    ),
    "election": ("LeaderElection",),
    "engine.runner": ("Runner",),
    "engine.workers": ("Executor",),
    "errors": (
        "BackendRejectedError",
        "BackendUnavailableError",
        "CallbackError",
        "ConfigurationError",
        "ElectionError",
        "ElectorLoadError",
        "ElectorNotFoundError",
        "InvalidStateError",
        "LeadershipLostError",
    ),
    "hookspecs": ("hookimpl",),
    "instrumentation": ("ElectionObserver",),
    "observer": ("observe", "read_leader"),
    "registry": ("open_backend",),
    "situation": ("Situation",),
    "state": ("Reason", "State"),
    "term": ("Term",),
    "toolkit.addresses": ("addresses_of", "connect_socket", "note_address"),
    "toolkit.keepalive": ("KeepAlive", "Renewal"),
    "toolkit.options": ("Endpoint", "is_loopback", "one_line", "read_file", "read_line", "read_switch"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
