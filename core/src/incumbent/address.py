"""The URL that names an elector and its backend: parsed strictly, shown without its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, unquote

from .errors import ConfigurationError

__all__ = ["Address", "Secret", "check_options", "nearest", "shorten"]

#: Longer text is a mistake, and need not be shown back.
LONGEST = 8192
SHOWN = 60

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9_+.-]*\Z")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?\Z")
_HOST_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(:(?P<port>.*))?\Z", re.DOTALL)
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SECRET_OPTION = re.compile(r"token|passw|passphrase|secret", re.IGNORECASE)


def shorten(value: object) -> str:
    """Return *value* for a message: about 60 printable characters at most, on one line, whatever its `repr` does."""
    try:
        shown = ascii(value)
    except Exception:  # an int too long for decimal digits, or a `repr` that raises
        shown = hex(value) if isinstance(value, int) else f"<{type(value).__name__} without repr>"
    if len(shown) > SHOWN:
        shown = f"{shown[: SHOWN - 15]}… ({len(shown)} characters)"
    return printable(shown)


def printable(text: str) -> str:
    """Return *text*, which may come from anywhere, with what is not printable escaped."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ", did you mean 'x'?" for the nearest of *known*, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake pays for it

    matches = get_close_matches(name[:SHOWN], list(known), n=1)
    return f", did you mean {matches[0]!r}?" if matches else ""


class Secret:
    """A text that shows itself only to who asks for it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "'***'"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))


@dataclass(frozen=True, repr=False)
class Address:
    """
    A parsed URL. Immutable and hashable; `str` and `repr` show no secret.

    `scheme://[user:password@]host[:port][,host…][/path][?option=value]`; the scheme is the elector's
    entry-point name. Characters with a meaning in a URL are percent-encoded where they have none. A store whose
    passwords need no user has `:password@`.

    Attributes:
        scheme: Entry-point name of the elector, in lower case.
        hosts: The hosts with their ports, None where the port is left out. IPv6 without brackets. The path of a Unix
            socket, percent-encoded in the URL, begins with a slash.
        path: Empty, or from the slash on, decoded.
        options: The options, decoded.
        username: The user's name, decoded; None if nothing stands before the '@', and empty if only a password does.
        password: The password, hidden; None where the URL has none.
    """

    scheme: str
    hosts: tuple[tuple[str, int | None], ...] = ()
    path: str = ""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    username: str | None = None
    password: Secret | None = None

    def __hash__(self) -> int:
        options = tuple(sorted(self.options.items()))
        return hash((self.scheme, self.hosts, self.path, options, self.username, self.password))

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        Parse *text*, a URL or the bare name of an elector.

        Raises:
            ConfigurationError: One line that names the part, its value and the rule, and shows no secret.
        """
        _check_text(text)
        scheme, separator, rest = text.partition("://")
        if not _SCHEME.match(scheme):
            raise ConfigurationError(
                f"elector {_redacted(text)}: not a URL: write scheme://host[:port][/path][?option=value], "
                "or the bare name of an elector"
            )
        if not separator:
            return cls(scheme.lower())
        if "#" in rest:
            raise ConfigurationError(f"elector {_redacted(text)}: has a '#', which must be written %23")
        rest, _, query = rest.partition("?")
        authority, slash, path = rest.partition("/")
        if "@" in path + query:  # else what was meant as a password might be taken for a port or path, and shown
            raise ConfigurationError(
                f"elector {_redacted(text)}: an '@' behind a '/' or '?' must be written %40 "
                "(in a user or password: '/' %2F, '?' %3F)"
            )
        userinfo, at, hosts = authority.rpartition("@")
        try:
            username, password = _user(userinfo) if at else (None, None)
            options = MappingProxyType(_options(query))
            return cls(scheme.lower(), _hosts(hosts), _decode("path", slash + path), options, username, password)
        except ConfigurationError as error:
            raise ConfigurationError(f"elector {_redacted(text)}: {error}") from None

    def __str__(self) -> str:
        user = ""
        if self.username is not None:
            user = quote(self.username, safe="") + (":***" if self.password is not None else "") + "@"
        hosts = ",".join(_join(host, port) for host, port in self.hosts)
        shown = {name: "***" if _SECRET_OPTION.search(name) else quote(value) for name, value in self.options.items()}
        query = "&".join(f"{quote(name)}={value}" for name, value in shown.items())
        return f"{self.scheme}://{user}{hosts}{quote(self.path)}{'?' if query else ''}{query}"

    def __repr__(self) -> str:
        return f"<Address {self}>"


def check_options(address: Address, allowed: Mapping[str, str]) -> None:
    """
    Refuse options that an elector does not know.

    Raises:
        ConfigurationError: Names the option, the nearest known one, and all of them.
    """
    for name in address.options:
        if name not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            # Who asks for `secure` does not mean `insecure`.
            near = nearest(name, [option for option in allowed if name.startswith("in") or not option.startswith("in")])
            raise ConfigurationError(f"{address.scheme}: unknown option {shorten(name)}{near} (its options: {known})")


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise ConfigurationError(f"elector must be a URL or the name of an elector, not {type(text).__name__}")
    if not text:
        raise ConfigurationError("elector is empty: give a URL such as local://, or the name of an elector")
    if len(text) > LONGEST:
        raise ConfigurationError(f"elector is {len(text)} characters long: at most {LONGEST} are allowed")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError(
            f"elector {_redacted(text)}: only printable ASCII without spaces is allowed: percent-encode the rest"
        )


def _redacted(text: str) -> str:
    """Show where *text* leads, without what may be a secret: what stands before an @ or behind a ?."""
    scheme, separator, rest = text.partition("://")
    if not separator or not _SCHEME.match(scheme):
        scheme, separator, rest = "", "", text
    if "@" in rest:
        rest = "***@" + rest.rpartition("@")[2]
    return shorten(scheme + separator + rest.partition("?")[0])


def _decode(part: str, text: str) -> str:
    if _BAD_ESCAPE.search(text):
        raise ConfigurationError(f"{part}: a '%' must be followed by two hexadecimal digits: write %25 for '%' itself")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{part}: what is percent-encoded is not UTF-8") from None
    if not decoded.isprintable():
        raise ConfigurationError(f"{part}: control characters are not allowed")
    return decoded


def _user(userinfo: str) -> tuple[str, Secret | None]:
    name, colon, password = userinfo.partition(":")
    if not name and not password:
        raise ConfigurationError("a user name must stand before the '@', or a password as ':password'")
    return _decode("user", name), Secret(_decode("password", password)) if colon else None


def _hosts(text: str) -> tuple[tuple[str, int | None], ...]:
    if not text:
        return ()
    hosts = tuple(_host(part) for part in text.split(","))
    for host in hosts:
        if hosts.count(host) > 1:
            raise ConfigurationError(f"host {_join(*host)} is given twice")
    return hosts


def _host(text: str) -> tuple[str, int | None]:
    match = _HOST_PORT.match(text)
    if not match or not match["host"]:
        raise ConfigurationError(f"host {shorten(text)}: write host[:port], with an IPv6 address in brackets")
    host, port = match["host"], match["port"]
    if host.startswith("["):
        from ipaddress import IPv6Address  # noqa: PLC0415 - few have one

        try:
            # A scope follows an encoded '%': RFC 6874.
            host = str(IPv6Address(host[1:-1].replace("%25", "%", 1)))
        except ValueError:
            raise ConfigurationError(f"host {shorten(text)}: not an IPv6 address") from None
    elif host[:3].upper() == "%2F":
        host = _decode("host", host)
    elif not _HOST.match(host):
        raise ConfigurationError(f"host {shorten(text)}: only letters, digits, '.', '-' and '_' are allowed")
    if port is None:
        return host, None
    if not port.isdigit() or len(port) > 5 or not 1 <= int(port) <= 65535:
        raise ConfigurationError(f"port {shorten(port)}: must be a number from 1 to 65535")
    return host, int(port)


def _options(query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for number, part in enumerate(query.split("&") if query else (), 1):
        name, equals, value = part.partition("=")
        name = _decode("an option's name", name)
        if not name or not equals:  # shows only where: it may be a secret
            raise ConfigurationError(f"option {number}: write name=value")
        if name in options:
            raise ConfigurationError(f"option {shorten(name)} is given twice")
        options[name] = _decode(f"option {shorten(name)}", value)
    return options


def _join(host: str, port: int | None) -> str:
    shown = quote(host, safe="") if host.startswith("/") else f"[{host.replace('%', '%25')}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"
