"""What could keep an election on etcd from working, for `incumbent doctor`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from incumbent import BackendRejectedError, BackendSettings, BackendUnavailableError, ElectionError, Finding
from incumbent.toolkit import Endpoint, addresses_of, connect_socket

from ._connection import Connection
from ._lease import Lease
from ._library import versions
from ._options import Options

__all__ = ["findings", "release_finding"]

UNREACHABLE = "see that this server runs and can be reached from here, or take it out of the URL"
#: Of the request timeout, what a request may take before that is a warning.
SLOW = 0.5
#: The first release of each line in which known faults are mended: a paused server answers reads and watches with what
#: was (etcd-io/etcd#20418), and in older ones a lease that was revoked is said to be renewed (#20590).
FIXED = {(3, 4): 42, (3, 5): 28, (3, 6): 9}
OLDEST = (3, 4)


def findings(connection: Connection, settings: BackendSettings, ttl: int) -> Iterator[Finding]:
    """Yield them as they are found. Never raises."""
    shown = ", ".join(f"{name} {version}" for name, version in versions().items())
    yield Finding("ok", f"client libraries: {shown}")
    yield from _security(connection.options)
    healthy: list[Endpoint] = []
    try:
        for endpoint in connection.each():
            yield from _addresses(endpoint, settings.request_timeout)
            yield from _server(connection, endpoint, settings.request_timeout, healthy)
    except BackendRejectedError as error:  # the library, or a file, cannot be used
        yield Finding("error", str(error), "install python-etcd3, grpcio and protobuf anew, or correct the file")
    if healthy:
        connection.prefer(healthy[0])
        yield from _ttl(connection, settings, ttl)


def _security(options: Options) -> Iterator[Finding]:
    security = options.security
    user = "no user" if options.username is None else f"user {ascii(options.username)[:60]}"
    if not security.is_on:
        remote = [endpoint for endpoint in options.endpoints if not endpoint.is_loopback]
        if remote:
            yield Finding("warning", f"not encrypted, {user}", "give ca=FILE, so that nobody between can read or write")
        else:
            yield Finding("ok", f"not encrypted, but on this machine only, {user}")
        return
    own = "with a certificate of ours" if security.cert is not None else "without a certificate of ours"
    yield Finding("ok", f"encrypted, {own}, {user}")
    yield from security.findings()


def _addresses(endpoint: Endpoint, limit: float) -> Iterator[Finding]:
    """Name those of a name's addresses that nobody is at: elections do without, and nobody else would notice."""
    try:
        addresses = addresses_of(endpoint.host, endpoint.port, time.monotonic() + limit)
    except OSError:
        return  # the server cannot be reached at all, which is told for itself
    for address in sorted(addresses) if len(addresses) > 1 else ():
        try:
            connect_socket(address, endpoint.port, time.monotonic() + limit)[0].close()
        except OSError as error:
            what = "does not answer" if isinstance(error, TimeoutError) else "refuses connections"
            yield Finding("warning", f"{endpoint}: its address {address} {what}", "take it out of the name's addresses")


def _server(connection: Connection, endpoint: Endpoint, limit: float, healthy: list[Endpoint]) -> Iterator[Finding]:
    rpc = connection.rpc
    try:
        client = connection.client(time.monotonic() + limit)
    except BackendUnavailableError as error:
        yield Finding("error", str(error), UNREACHABLE)
        return
    try:
        client.send("Status", rpc.StatusRequest()).result()  # the first one connects
        began = time.monotonic()
        status = client.send("Status", rpc.StatusRequest()).result()
        took = time.monotonic() - began
    except ElectionError as error:
        if isinstance(error, BackendRejectedError):
            remedy = "correct user and password, or grant the role that the elector's page lists"
        else:
            remedy = UNREACHABLE
        yield Finding("error", str(error), remedy)
        return
    healthy.append(endpoint)
    yield release_finding(str(endpoint), status.version)
    if not status.leader:
        yield Finding("error", f"{endpoint}: its cluster has no leader", "bring the majority of the servers back")
    text = f"{endpoint}: answers within {took * 1000:.0f} ms; a request may take {limit:.2f} s"
    if took > SLOW * limit:
        yield Finding("warning", text, "choose a longer ttl, or a server that is nearer")
    else:
        yield Finding("ok", text)


def release_finding(where: str, release: str) -> Finding:
    """Judge the version that a server says it is."""
    shown = ascii(release)[1:-1][:40]
    text = f"{where}: etcd {shown}"
    try:
        major, minor, patch = (int(part) for part in release.partition("-")[0].split("."))
    except ValueError:
        return Finding("warning", text, "use a release of etcd")
    if (major, minor) < OLDEST:
        return Finding("error", text, "use etcd 3.4 or later")
    fixed = FIXED.get((major, minor), 0)
    if patch < fixed:
        known = "after a pause it may show what was, so a leader may learn late that its key was deleted"
        return Finding("warning", f"{text}: {known}", f"use etcd {major}.{minor}.{fixed} or later")
    return Finding("ok", text)


def _ttl(connection: Connection, settings: BackendSettings, whole: int) -> Iterator[Finding]:
    asked = settings.ttl
    lease = Lease(connection, whole, settings.clock)
    try:
        lease.grant()
        granted = lease.ttl
        revoking: Any = lease.revoke()
        revoking.result()
    except ElectionError as error:
        yield Finding("error", f"no lease is granted: {error}", "see the server's log")
        return
    if granted != asked:
        yield Finding("ok", f"ttl {asked:g} s was asked for, {granted:g} s are granted: so long lasts a silent claim")
    else:
        yield Finding("ok", f"ttl {granted:g} s is granted")
