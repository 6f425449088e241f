"""What the errors of the file system are to an election: to be tried again, or permanent."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from incumbent.errors import BackendRejectedError, BackendUnavailableError

__all__ = ["mapped_errors"]

#: Seconds after which whoever makes a file has given it its rights; the umask may have withheld some until then.
MAKING = 1.0


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into an error of ours: permanent if asking again cannot help."""
    try:
        yield
    except PermissionError as error:
        place = error.filename or path
        if _is_new(place):
            raise BackendUnavailableError(f"{place}: is just being made by another user") from error
        raise BackendRejectedError(f"{place}: {error.strerror}: check who owns it and its mode") from error
    except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        raise BackendRejectedError(
            f"{error.filename or path}: {error.strerror}: check who owns it and its mode"
        ) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BackendRejectedError(f"{error.filename or path}: is a symbolic link: remove it") from error
        if error.errno == errno.EROFS:
            raise BackendRejectedError(
                f"{error.filename or path}: {error.strerror}: give a directory that can be written to, "
                "as in local:///path/to/directory"
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise BackendRejectedError(f"{error.filename or path}: the path is too long: give a shorter one") from error
        raise BackendUnavailableError(f"{error.filename or path}: {error.strerror or error}") from error


def _is_new(path: str | Path) -> bool:
    with suppress(OSError):
        return abs(time.time() - os.lstat(path).st_ctime) < MAKING
    return False
