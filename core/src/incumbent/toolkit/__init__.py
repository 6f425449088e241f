"""What electors are built with, beside the contract: none of it has to be used, all of it is what our own stand on.

The names are listed here, and imported when first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .addresses import addresses_of, connect_socket, connect_unix, note_address
    from .base_backend import BackendBase
    from .base_elector import ElectorBase
    from .beat import BeatStore, Held, Record
    from .beat_backend import BeatBackend
    from .beat_cas import CompareAndSetStore
    from .beat_elector import BeatElector
    from .beats import Beats
    from .deadlines import deadline, time_left, within
    from .info import join_info, split_info
    from .keepalive import KeepAlive, Renewal
    from .libraries import importing
    from .options import Endpoint, is_loopback, one_line, read_file, read_line, read_switch
    from .process import ProcessBound
    from .sessions import Sessions
    from .tls import SYSTEM, Tls, read_tls, refuse_plain_text
    from .translation import Translation, caused_by

__all__ = [
    "SYSTEM",
    "BackendBase",
    "BeatBackend",
    "BeatElector",
    "BeatStore",
    "Beats",
    "CompareAndSetStore",
    "ElectorBase",
    "Endpoint",
    "Held",
    "KeepAlive",
    "ProcessBound",
    "Record",
    "Renewal",
    "Sessions",
    "Tls",
    "Translation",
    "addresses_of",
    "caused_by",
    "connect_socket",
    "connect_unix",
    "deadline",
    "importing",
    "is_loopback",
    "join_info",
    "note_address",
    "one_line",
    "read_file",
    "read_line",
    "read_switch",
    "read_tls",
    "refuse_plain_text",
    "split_info",
    "time_left",
    "within",
]

_HOMES = {
    "addresses": ("addresses_of", "connect_socket", "connect_unix", "note_address"),
    "base_backend": ("BackendBase",),
    "base_elector": ("ElectorBase",),
    "beat": ("BeatStore", "Held", "Record"),
    "beat_backend": ("BeatBackend",),
    "beat_cas": ("CompareAndSetStore",),
    "beat_elector": ("BeatElector",),
    "beats": ("Beats",),
    "deadlines": ("deadline", "time_left", "within"),
    "info": ("join_info", "split_info"),
    "keepalive": ("KeepAlive", "Renewal"),
    "libraries": ("importing",),
    "options": ("Endpoint", "is_loopback", "one_line", "read_file", "read_line", "read_switch"),
    "process": ("ProcessBound",),
    "sessions": ("Sessions",),
    "tls": ("SYSTEM", "Tls", "read_tls", "refuse_plain_text"),
    "translation": ("Translation", "caused_by"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f".{home}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
