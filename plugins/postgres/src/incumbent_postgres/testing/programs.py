"""PostgreSQL's programs: where they are, where their libraries are, and as whom they run."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

from incumbent import ConfigurationError

__all__ = ["as_owner", "binary", "libraries", "owner"]

VARIABLE = "INCUMBENT_POSTGRES_BIN"
#: Where Debian puts what is not for the PATH.
DEBIAN = Path("/usr/lib/postgresql")


def binary(name: str) -> str:
    """
    Return the path of `postgres`, or of a tool that lies beside it.

    Raises:
        ConfigurationError: It is not there; says what to do.
    """
    given = os.environ.get(VARIABLE)
    folders = [Path(given).resolve().parent] if given else []
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    folders += sorted(DEBIAN.glob("*/bin"), reverse=True)
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    raise ConfigurationError(
        f"{name} is not on the PATH, in {DEBIAN}, nor beside ${VARIABLE}: install postgresql, or set {VARIABLE}"
    )


def libraries() -> dict[str, str]:
    """Return where the server's libraries are if Debian's packages were unpacked, and not installed."""
    root = Path(binary("postgres")).resolve().parents[5]
    folders = [str(folder) for folder in root.glob("usr/lib/*-linux-gnu")]
    return {} if root == Path("/") or not folders else {"LD_LIBRARY_PATH": ":".join(folders)}


def owner() -> tuple[int, int]:
    """Return user and group of the server, which refuses to run as root."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def as_owner() -> list[str]:
    """Return what stands before a command that must not run as root."""
    if os.geteuid() != 0:
        return []
    uid, gid = owner()
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--"]
