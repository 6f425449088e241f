"""The files and sockets that a URL names, which may be anything; and what is shown of them."""

from __future__ import annotations

from pathlib import Path

__all__ = ["SOCKET_RULE", "brief", "is_file", "is_socket_path", "is_token", "read_token"]

#: A longer file holds no token, bytes; of a longer text not all is shown, characters.
LONGEST_TOKEN, SHOWN = 4096, 160
#: What the kernel takes as the path of a Unix socket, bytes; and that in words.
LONGEST_SOCKET = 107
SOCKET_RULE = f"which begins with a slash, and has {LONGEST_SOCKET} bytes at most"


def brief(text: object) -> str:
    """Return *text* for a message: printable, and cut in the middle if it is long: a path's end says which file."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return shown if len(shown) <= SHOWN else f"{shown[: SHOWN // 3]}…{shown[-SHOWN // 2 :]}"


def is_file(path: str) -> bool:
    """Tell whether there is a file, and not a directory or a FIFO; whatever the path is."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a name that is too long; a null byte, before Python 3.12
        return False


def is_socket_path(path: str) -> bool:
    """Tell whether *path* could be that of a Unix socket; there need not be one yet."""
    return path.startswith("/") and path.isprintable() and 1 < len(path.encode(errors="replace")) <= LONGEST_SOCKET


def read_token(path: str) -> str:
    """
    Return the token that a file holds.

    Raises:
        ValueError: It holds none; says why, without what it holds.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(LONGEST_TOKEN + 1)
    except (OSError, ValueError) as error:
        raise ValueError(getattr(error, "strerror", None) or type(error).__name__) from None
    text = data.decode("ascii", "replace").strip()
    if len(data) > LONGEST_TOKEN or not is_token(text):
        raise ValueError("must hold one line of printable ASCII without spaces")
    return text


def is_token(text: str) -> bool:
    """Tell whether *text* can travel in a header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
