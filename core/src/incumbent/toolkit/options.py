"""What electors need to read the options of their URL, and to show what others wrote."""

from __future__ import annotations

import ipaddress
import stat
from dataclasses import dataclass
from pathlib import Path

from incumbent.errors import ConfigurationError

__all__ = ["Endpoint", "is_loopback", "one_line", "read_file", "read_line", "read_switch"]

#: A longer file is not what it is said to be, bytes.
LONGEST_FILE = 1 << 20


@dataclass(frozen=True)
class Endpoint:
    """
    One server, and its name in messages: `host:port`, with brackets around an IPv6 address. Thread-safe.

    Attributes:
        host: A name, or an address without brackets.
        port: The TCP port.
    """

    host: str
    port: int

    def __post_init__(self) -> None:
        if self.host.startswith("/"):  # of a URL with %2F
            raise ConfigurationError(f"host {ascii(self.host)[:60]}: write a name or an address, not a path")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent there stays on this machine. See `is_loopback`."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """
    Tell whether what is sent to *host* stays on this machine.

    Looks no name up: of the names only ``localhost`` is known. Thread-safe.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def one_line(text: str, *secrets: str | None, longest: int = 300) -> str:
    """
    Return *text*, which a server or a library wrote, as a message may show it.

    Thread-safe.

    Args:
        text: Anything.
        *secrets: What must not be shown, if there is any: some servers and relays send back what they were sent.
        longest: Longer text is cut, characters.
    """
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in text)[:longest]


def read_file(scheme: str, option: str, path: str) -> bytes:
    """
    Read the file that an option of a URL names.

    Thread-safe.

    Args:
        scheme: Whose option it is: the message begins with it.
        option: The name of the option.
        path: Its value, which may be anything.

    Raises:
        ConfigurationError: It is empty, cannot be read, is no regular file, or longer than 1 MiB.
    """
    if not path:  # of a variable that is not set, perhaps: it must not turn encryption off
        raise ConfigurationError(
            f"{scheme}: option {option} is empty: give the path of a file, or leave the option out"
        )
    where = f"{scheme}: option {option}={ascii(path)[:255]}"
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):  # a FIFO would block
            raise ConfigurationError(f"{where}: is not a file")
        if status.st_size > LONGEST_FILE:
            raise ConfigurationError(f"{where}: is longer than {LONGEST_FILE} bytes")
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigurationError(f"{where}: cannot be read: {reason}") from None


def read_line(scheme: str, option: str, path: str) -> str:
    """
    Read the first line of the file that an option of a URL names: a password, or a token.

    Thread-safe. See `read_file` for the arguments.

    Raises:
        ConfigurationError: What `read_file` refuses; or its first line is empty, or no UTF-8. The line is not shown.
    """
    lines = read_file(scheme, option, path).splitlines()
    where = f"{scheme}: option {option}={ascii(path)[:255]}"
    try:
        line = lines[0].decode() if lines else ""
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where}: is not UTF-8") from None
    if not line:
        raise ConfigurationError(f"{where}: its first line is empty")
    return line


def read_switch(scheme: str, option: str, value: str | None) -> bool | None:
    """
    Read an option of a URL that is yes or no.

    Thread-safe.

    Args:
        scheme: Whose option it is: the message begins with it.
        option: The name of the option.
        value: Its value; None if it is not given, which is returned.

    Raises:
        ConfigurationError: It is something else.
    """
    if value not in (None, "yes", "no"):
        raise ConfigurationError(f"{scheme}: option {option}={ascii(value)[:60]}: must be yes or no")
    return None if value is None else value == "yes"
