"""What could keep an election on Redis from working, for `incumbent doctor`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from incumbent import BackendRejectedError, BackendSettings, BackendUnavailableError, ElectionError, Finding, boottime

from ._guard import Guard
from ._layout import LOOK
from ._options import Options
from ._store import Store, parsed_info

__all__ = ["findings"]

#: The oldest release that is known to work.
OLDEST = (6, 0)
#: Of the request timeout, what a request may take before that is a warning.
SLOW = 0.5
#: Seconds between two looks while the server is too young.
LOOK_EVERY = 0.1


def findings(store: Store, guard: Guard, guard_key: str, settings: BackendSettings) -> Iterator[Finding]:
    """Yield them as they are found. Never raises."""
    try:
        yield Finding("ok", f"client library: redis-py {version('redis')}")
    except PackageNotFoundError:
        yield Finding("error", "redis-py is not installed", "pip install redis")
        return
    yield _security(store.options)
    yield from store.options.security.findings()
    try:
        with store.lent() as wire:
            where = str(wire.endpoint)
            began = time.monotonic()
            info = parsed_info(wire.ask("INFO"))
            took = time.monotonic() - began
    except ElectionError as error:
        yield Finding("error", str(error), _remedy(error))
        return
    yield _release(where, info)
    yield _latency(where, took, settings.request_timeout)
    yield _persistence(where, info)
    yield _replicas(where, info, store.options.replicas)
    seen = partial(_seen, store, guard, guard_key)
    yield from _age(where, settings.ttl, seen)


def _remedy(error: ElectionError) -> str:
    if isinstance(error, BackendRejectedError):
        return "correct the server or the URL, or grant the rights that the elector's page lists"
    return "see that the server runs, is the primary, and can be reached from here"


def _security(options: Options) -> Finding:
    user = "no password" if options.user is None else f"user {ascii(options.user.name or 'default')[:60]}"
    if options.sentinel_user != options.user and options.sentinel_user is not None:
        user += f", for Sentinels user {ascii(options.sentinel_user.name or 'default')[:60]}"
    if options.security.is_on:
        own = "with a certificate of ours" if options.security.cert is not None else "without a certificate of ours"
        return Finding("ok", f"encrypted, {own}, {user}")
    if all(endpoint.is_loopback for endpoint in options.endpoints):
        return Finding("ok", f"not encrypted, but on this machine only, {user}")
    return Finding("warning", f"not encrypted, {user}", "give ca=FILE, so that nobody between can read or write")


def _release(where: str, info: dict[str, str]) -> Finding:
    name, release = "Redis", info.get("redis_version", "")
    if "valkey_version" in info:
        name, release = "Valkey", info["valkey_version"]
    text = f"{where}: {name} {ascii(release)[1:-1][:40]}"
    try:
        major, minor = (int(part) for part in release.split(".")[:2])
    except ValueError:
        return Finding("warning", text, "use a release of Redis or Valkey")
    if (major, minor) < OLDEST:
        return Finding("error", text, "use Redis 6.0 or later, or Valkey")
    return Finding("ok", text)


def _latency(where: str, took: float, limit: float) -> Finding:
    text = f"{where}: answers within {took * 1000:.0f} ms; a request may take {limit:.2f} s"
    if took > SLOW * limit:
        return Finding("warning", text, "choose a longer ttl, or a server that is nearer")
    return Finding("ok", text)


def _persistence(where: str, info: dict[str, str]) -> Finding:
    if info.get("aof_enabled") == "1":
        return Finding("ok", f"{where}: what is written is kept (appendonly)")
    return Finding(
        "warning",
        f"{where}: a restart forgets the leader and the last token: then nobody is elected for a ttl, and tokens go by "
        "the server's clock",
        "set appendonly yes",
    )


def _replicas(where: str, info: dict[str, str], asked: int) -> Finding:
    count = info.get("connected_slaves", "0")
    count = count if count.isdigit() else "0"
    text = f"{where}: {count} replicas, {asked} of which must have a claim before it counts"
    if int(count) > asked:
        return Finding(
            "warning",
            f"{text}: in a divided network the old primary may go on beside a promoted replica, each with a leader",
            f"give replicas={count}, or set min-replicas-to-write on the servers",
        )
    if int(count) < asked:
        return Finding("error", f"{text}: nobody can be elected", "see that the replicas run, or give a smaller number")
    return Finding("ok", text)


def _age(where: str, ttl: float, seen: Callable[[], float | Finding | None]) -> Iterator[Finding]:
    """Wait until the server has been known for a ttl; before that the scratch election would have no leader."""
    young_until = seen()
    if isinstance(young_until, Finding):
        yield young_until
        return
    if young_until is None:
        return
    left = max(0.0, young_until - boottime())
    yield Finding("ok", f"{where}: new to elections, or restarted: nobody is elected for {left:.1f} s; waiting")
    while young_until is not None and boottime() <= young_until + ttl:
        time.sleep(LOOK_EVERY)
        young_until = seen()
        if isinstance(young_until, Finding):
            yield young_until
            return


def _seen(store: Store, guard: Guard, guard_key: str) -> float | Finding | None:
    try:
        return store.run(
            LOOK,
            [guard_key],
            guard.arguments(),
            read=lambda answer: guard.saw(answer[0], answer[1]),
        )
    except (BackendRejectedError, BackendUnavailableError) as error:
        return Finding("error", str(error), _remedy(error))
