"""What a URL, the files that it names, and Consul's own environment variables say; checked before anything opens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from incumbent import Address, BackendRejectedError, BackendSettings, ConfigurationError, Secret
from incumbent.toolkit import read_switch, read_tls, refuse_plain_text

from ._endpoint import Endpoint
from ._security import SOCKET_RULE, brief, is_file, is_socket_path, is_token, read_token

__all__ = ["HELP", "LONGEST_LOCK_DELAY", "SERVER_TTL_MIN", "Options"]

HELP: Mapping[str, str] = {
    "token": "ACL token; better in a file, or in CONSUL_HTTP_TOKEN",
    "token-file": "file that holds the ACL token; read again for every request",
    "tls": "yes or no: speak HTTPS (default: yes if ca, cert or key is given)",
    "ca": "file with the certificates of the authorities that may sign the servers' (default: the system's)",
    "cert": "file with the client's certificate, for servers that ask for one",
    "key": "file with the key of the client's certificate",
    "insecure": "yes or no: allow the token to travel in plain text to another host (default no)",
    "dc": "the datacentre whose servers hold the elections (default: the agent's own)",
    "lock-delay": "seconds for which the servers keep the lock of a session that ended unexpectedly (default: the ttl)",
    "session-ttl-min": "the servers' session_ttl_min, seconds, where it was lowered (default 10)",
}

#: What servers grant unless their configuration says otherwise, and the longest lock-delay, seconds.
SERVER_TTL_MIN = 10.0
LONGEST_LOCK_DELAY = 60.0
PORT = 8500
#: Where Consul's own tools find the files that the URL does not name.
VARIABLES = {"ca": "CONSUL_CACERT", "cert": "CONSUL_CLIENT_CERT", "key": "CONSUL_CLIENT_KEY"}


@dataclass(frozen=True, slots=True)
class Options:
    """Everything that a backend is told. Shows no secret."""

    endpoints: tuple[Endpoint, ...]
    #: What stands before every lock id, "" or ending with a slash.
    prefix: str
    dc: str | None
    lock_delay: float
    ttl_min: float
    token_given: Secret | None = None
    token_file: str | None = None

    @classmethod
    def read(cls, address: Address, settings: BackendSettings, environment: Mapping[str, str]) -> Options:
        """
        Put together what *address* says and, where it says nothing, what *environment* does.

        Raises:
            ConfigurationError: One line that names the option, its value and the rule.
        """
        if address.username is not None:
            raise ConfigurationError(f"{address}: Consul has no users: give an ACL token with the option token-file")
        options = address.options
        said = _Said(address, options, environment)
        token, token_file = said.token()
        endpoints = said.endpoints()
        insecure = read_switch("consul", "insecure", options.get("insecure"))
        if (token or token_file) and not (insecure or endpoints[0].tls.is_on):
            refuse_plain_text("consul", "the ACL token", endpoints, "give tls=yes")
        ttl_min = said.seconds("session-ttl-min", SERVER_TTL_MIN, 1.0, 86400.0)
        return cls(
            endpoints=endpoints,
            prefix=_prefix(address),
            dc=options.get("dc"),
            lock_delay=said.seconds("lock-delay", settings.ttl, 1.0, LONGEST_LOCK_DELAY),
            ttl_min=ttl_min,
            token_given=token,
            token_file=token_file,
        )

    def token(self) -> str | None:
        """
        Return the ACL token as it is now.

        Raises:
            BackendRejectedError: The file that should hold it cannot be read.
        """
        if self.token_file is None:
            return self.token_given.reveal() if self.token_given is not None else None
        try:
            return read_token(self.token_file)
        except ValueError as error:
            raise BackendRejectedError(f"token file {self.token_file}: {error}") from None


@dataclass(frozen=True, slots=True)
class _Said:
    """The options of one URL over the variables of one environment."""

    address: Address
    options: Mapping[str, str]
    environment: Mapping[str, str]

    def wrong(self, option: str, rule: str) -> ConfigurationError:
        return ConfigurationError(f"option {option} of {brief(self.address)}: {rule}")

    def seconds(self, option: str, default: float, least: float, most: float) -> float:
        text = self.options.get(option)
        if text is None:
            return min(max(default, least), most)
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            reason = ": 0 would leave nothing that protects a term" if option == "lock-delay" and value == 0 else ""
            raise self.wrong(option, f"must be a number of seconds from {least:g} to {most:g}{reason}")
        return value

    def file(self, option: str, variable: str) -> str | None:
        """Return the path of a file that is there."""
        path = self.options.get(option)
        if path == "":  # of a variable that is not set, perhaps: then nothing must be left out in silence
            raise self.wrong(option, "is empty: give the path of a file, or leave the option out")
        path = path or self.environment.get(variable) or None
        if path is not None and not is_file(path):
            raise self.bad_file(option, variable, f"there is no file {brief(path)}")
        return path

    def bad_file(self, option: str, variable: str, rule: str) -> ConfigurationError:
        return self.wrong(option, rule) if option in self.options else ConfigurationError(f"{variable}: {rule}")

    def token(self) -> tuple[Secret | None, str | None]:
        if "token" in self.options and "token-file" in self.options:
            raise self.wrong("token", "give either token or token-file")
        text = self.options.get("token")
        path = self.file("token-file", "" if text else "CONSUL_HTTP_TOKEN_FILE")
        if text is None and "token-file" not in self.options:
            text = self.environment.get("CONSUL_HTTP_TOKEN") or None
        if text is None:
            if path is not None:
                try:
                    read_token(path)
                except ValueError as error:
                    raise self.bad_file("token-file", "CONSUL_HTTP_TOKEN_FILE", f"{brief(path)}: {error}") from None
            return None, path
        if not is_token(text):
            raise self.wrong("token", "must be printable ASCII without spaces")
        return Secret(text), None

    def endpoints(self) -> tuple[Endpoint, ...]:
        hosts, scheme = self.address.hosts, ""
        for host, port in hosts:
            if host.startswith("/") and (port is not None or not is_socket_path(host)):
                raise ConfigurationError(f"host {brief(host)}: write the path of a Unix socket alone, {SOCKET_RULE}")
        if not hosts:
            hosts, scheme = self._environments_hosts()
        asked = self.environment.get("CONSUL_HTTP_SSL", "").lower() in ("1", "t", "true") or scheme == "https"
        left = {option: variable for option, variable in VARIABLES.items() if option not in self.options}
        files = {option: self.file(option, variable) for option, variable in left.items()}
        tls = read_tls("consul", self.options, encrypted=asked, fallback=files)
        if tls.ca or tls.cert:  # what is wrong with a file is to be known before the first election
            tls.context("consul")
        name = self._server_name() if tls.is_on else None
        return tuple(Endpoint(host, port or PORT, tls, name) for host, port in hosts)

    def _server_name(self) -> str | None:
        """Return the name that the servers' certificates must bear, if it is not their host's."""
        text = self.environment.get("CONSUL_TLS_SERVER_NAME") or None
        host = None if text is None else _host(text)
        if text is not None and host is None:
            raise ConfigurationError(f"CONSUL_TLS_SERVER_NAME: {brief(text)} is not the name of a host")
        return None if host is None else host[0]

    def _environments_hosts(self) -> tuple[tuple[tuple[str, int | None], ...], str]:
        text = self.environment.get("CONSUL_HTTP_ADDR") or ""
        if not text:
            return (("127.0.0.1", PORT),), ""
        if text.startswith("unix://"):
            path = text.removeprefix("unix://")
            if not is_socket_path(path):
                raise ConfigurationError(f"CONSUL_HTTP_ADDR: {brief(text)}: write unix:// and a path, {SOCKET_RULE}")
            return ((path, None),), ""
        scheme, _, rest = text.rpartition("://")
        host = _host(rest.removesuffix("/"))
        if host is None or scheme not in ("", "http", "https"):
            raise ConfigurationError(
                "CONSUL_HTTP_ADDR must be host:port, http://host:port, https://host:port or unix:///path"
            )
        return (host,), scheme


def _host(text: str) -> tuple[str, int | None] | None:
    """Return the host and the port that *text* is; None if it is something else."""
    with suppress(ConfigurationError):
        address = Address.parse(f"consul://{text}")
        if len(address.hosts) == 1 and address == Address("consul", address.hosts):
            return address.hosts[0] if not address.hosts[0][0].startswith("/") else None
    return None


def _prefix(address: Address) -> str:
    segments = [segment for segment in address.path.split("/") if segment]
    if any(segment in (".", "..", ".lock", ".queue") for segment in segments):
        raise ConfigurationError(f"{address}: the path must not have a segment '.', '..', '.lock' or '.queue'")
    return "".join(f"{segment}/" for segment in segments)
