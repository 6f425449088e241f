"""What the errors of the file system are to an election: to be tried again, or permanent."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from incumbent.errors import BackendRejectedError, BackendUnavailableError

__all__ = ["mapped_errors"]


@contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into an error of ours: permanent if asking again cannot help."""
    try:
        yield
    except (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError) as error:
        raise BackendRejectedError(
            f"{error.filename or path}: {error.strerror}: check who owns it and its mode"
        ) from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise BackendRejectedError(f"{error.filename or path}: is a symbolic link: remove it") from error
        if error.errno == errno.ENAMETOOLONG:
            raise BackendRejectedError(f"{error.filename or path}: the path is too long: give a shorter one") from error
        raise BackendUnavailableError(f"{error.filename or path}: {error.strerror or error}") from error
