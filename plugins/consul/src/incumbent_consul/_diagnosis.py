"""What `incumbent doctor` says about Consul, beyond what it finds out by holding an election."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from incumbent import BackendRejectedError, BackendSettings, ElectionError, Finding

from ._client import Client
from ._options import SERVER_TTL_MIN, Options

__all__ = ["findings"]

LIBRARIES = ("python-consul", "py-consul")


def findings(told: Options, settings: BackendSettings, *, guarantee: float, lasts: float) -> Iterator[Finding]:
    """Yield them as they are found out."""
    yield _library()
    for endpoint in told.endpoints:
        alone = Client(
            Options(
                (endpoint,), told.prefix, told.dc, told.lock_delay, told.ttl_min, told.token_given, told.token_file
            ),
            settings.request_timeout,
        )
        try:
            yield from _endpoint(str(endpoint), alone)
        finally:
            alone.pool.close()
    yield from told.endpoints[0].tls.findings()
    yield _limits(told, settings.ttl, guarantee, lasts)
    yield from _token(told)
    yield Finding(
        "ok",
        "a backend uses up to 3 connections, and up to 3 more if its elections have no first segment in common; "
        "Consul allows 200 for each client address (http_max_conns_per_client)",
    )


def _library() -> Finding:
    found = []
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    if len(found) > 1:
        return Finding(
            "warning", f"{' and '.join(found)} are installed: both bring the package consul", "uninstall one of them"
        )
    if not found:
        return Finding("error", "no client library is installed", "pip install python-consul")
    return Finding("ok", f"client library {found[0]}")


def _endpoint(name: str, client: Client) -> Iterator[Finding]:
    try:
        leader = client.request("GET", "/v1/status/leader")
    except BackendRejectedError as error:
        yield Finding("error", f"{name}: {error}", "see the token's policy, and the options for TLS")
        return
    except ElectionError as error:
        yield Finding(
            "error", f"{name}: {error}", "see that a server or an agent listens there, and the options for TLS"
        )
        return
    if not leader:
        yield Finding("error", f"{name}: its servers have no leader", "see that most of the servers run")
        return
    yield Finding("ok", f"{name}: {_version(client)}, its servers are led by {_plain(leader)}")


def _version(client: Client) -> str:
    try:
        agent: Any = client.request("GET", "/v1/agent/self")
        config = agent["Config"]
        return f"Consul {_plain(config['Version'])}, datacentre {_plain(config['Datacenter'])}"
    except (ElectionError, KeyError, TypeError):
        return "reachable (its version is not shown: the token may not read the agent)"


def _plain(text: object) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(text)[:80])


def _limits(told: Options, ttl: float, guarantee: float, lasts: float) -> Finding:
    delay = told.lock_delay
    latest = lasts * ttl + delay  # from the last renewal, of which there is one at least each third of the ttl
    text = (
        f"with ttl {ttl:g} s and lock-delay {delay:g} s a claim is kept for {guarantee:g} s, and a leader that "
        f"was killed is succeeded after {latest - ttl / 3:g} to {latest:g} s"
    )
    if delay < ttl:
        return Finding("warning", text, "make lock-delay at least the ttl, or terms are shorter than the ttl allows")
    if ttl < SERVER_TTL_MIN and told.ttl_min < SERVER_TTL_MIN:
        text += f" (if the servers' session_ttl_min is {told.ttl_min:g} s, as the URL says)"
    return Finding("ok", text)


def _token(told: Options) -> Iterator[Finding]:
    try:
        token = told.token()
    except BackendRejectedError as error:
        yield Finding("error", str(error), "see the option token-file")
        return
    if token is None:
        yield Finding("ok", "no ACL token is used")
    elif all(endpoint.tls.is_on for endpoint in told.endpoints):
        yield Finding("ok", "an ACL token is used, over TLS")
    elif all(endpoint.tls.is_on or endpoint.is_loopback for endpoint in told.endpoints):
        yield Finding("ok", "an ACL token is used, on this host or over TLS")
    else:
        yield Finding("warning", "the ACL token travels in plain text (insecure=yes)", "use TLS: tls=yes")
