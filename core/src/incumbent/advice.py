"""What to do about an elector that is not installed: what to install, or what may have been meant.

Nobody is talked out of TLS: where it may be meant, it is kept in what is proposed, or told beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .address import nearest

__all__ = ["EXTRAS", "advice"]

#: What to install for a name that is known but not there: our extras, and the names that each brings.
NAMES = {
    "etcd": ("etcd",),
    "consul": ("consul",),
    "postgres": ("postgres", "postgresql"),
    "redis": ("redis", "rediss", "valkey", "valkeys", "redis+unix"),
}
EXTRAS = {name: f"incumbent[{extra}]" for extra, names in NAMES.items() for name in names}
#: What to write for schemes that people know from elsewhere; an `s` of theirs means TLS, and so must what is written.
HINTS = {
    "http": "for etcd write etcd://HOST:2379, for Consul consul://HOST:8500",
    "https": "for etcd write etcd://HOST:2379?tls=yes, for Consul consul://HOST:8501?tls=yes",
    "etcds": "for TLS write etcd://HOST:2379?tls=yes",
    "consuls": "for TLS write consul://HOST:8501?tls=yes",
    "unix": "for Redis write redis+unix:///PATH, for Consul consul://%2FPATH",
}
#: What tells in a name that it means TLS, besides a final `s`.
_TLS = re.compile(r"tls|ssl|secure|https", re.IGNORECASE)


def advice(name: str, installed: Iterable[str]) -> str:
    """Return what to say after "no elector *name* is installed"; nothing if there is no advice."""
    if name in EXTRAS:
        return f": pip install '{EXTRAS[name]}'"
    if name in HINTS:
        return f": {HINTS[name]}"
    names = set(installed)
    proposed = _nearest(name, names | EXTRAS.keys())
    for known in EXTRAS.keys() - names:
        if f" {known!r}?" in proposed or f" {known!r}," in proposed:
            return f"{proposed} (pip install '{EXTRAS[known]}')"
    return proposed


def _nearest(name: str, known: set[str]) -> str:
    """Return ", did you mean 'x'?", or nothing."""
    advice = nearest(name, sorted(each for each in known if _is_as_secure(each, name)))
    for each in known:
        if advice.endswith(f" {each!r}?") and f"{each}s" in known:
            advice = f"{advice[:-1]}, or {each + 's'!r} for TLS?"
    return advice


def _is_as_secure(known: str, name: str) -> bool:
    """Tell whether *known* is not less than *name* says: a final `s` more, or such as `tls` in it, mean TLS."""
    given, kept = (len(each) - len(each.rstrip("s")) for each in (name, known))
    return kept >= given and (not _TLS.search(name) or _TLS.search(known) is not None)
