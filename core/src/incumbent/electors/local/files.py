"""The state directory and the files of one election: safe to open, and never a smaller token.

Three files belong to an election:

- `NAME.lock`: who has it locked leads. It holds the last token, which is on disk before it is announced;
- `NAME.json`: the record: the token, and who leads since when. A torn one is known by its checksum;
- `NAME.wake`: a FIFO that only the leader holds open for writing. Its end is the waiters' signal.

Both have the token before it is announced, so the larger of the two is never smaller than any token that was
announced, even if one file is removed, or what is written last is torn.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import quote, unquote

from incumbent.errors import BackendRejectedError, BackendUnavailableError, InvalidStateError

from .mapping import mapped_errors
from .mounts import network_file_system
from .record import Record, write
from .tokens import copies, put

__all__ = ["Directory", "Files"]

#: A file name may be 255 bytes long; the longest suffix is `.json.new`.
LONGEST_STEM = 200
#: How a record's file ends, and what is in the stem of those whose names are too long.
RECORD, LONG = ".json", "+"
#: More than any record is long.
LARGEST = 8192

_log = logging.getLogger("incumbent.electors.local")

_warned: set[Path] = set()


class Directory:
    """The state directory, checked once it is there, as the process that named it may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()

    def prepare(self, *, make: bool = True) -> int:
        """
        Make the directory if it is missing, unless *make* is false, and return the mode for files in it.

        A directory of one's own has files of one's own; one that others may write to, on purpose, has
        files that they may write to as well. The umask plays no part.

        Raises:
            BackendRejectedError: It is not safe: a link, world-writable without the sticky bit, not a directory.
            BackendUnavailableError: It could not be made just now, or is missing and not to be made.
        """
        with mapped_errors(self.path):
            try:
                status = self.path.lstat()
            except FileNotFoundError:
                if not make:
                    raise
                _make(self.path)
                status = self.path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise BackendRejectedError(f"{self.path}: is a symbolic link: give the directory that it leads to")
        if not stat.S_ISDIR(status.st_mode):
            raise BackendRejectedError(f"{self.path}: is not a directory")
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            raise BackendRejectedError(
                f"{self.path}: anybody may replace files in it: take write access from others (chmod o-w), "
                "or set the sticky bit (chmod +t)"
            )
        return status.st_mode & 0o666 if status.st_mode & 0o022 else 0o600

    def files(self, lock_id: str) -> Files:
        """Return the files of election *lock_id*; different ids never share them."""
        stem = quote(lock_id, safe="")
        if len(stem) > LONGEST_STEM:
            import hashlib  # noqa: PLC0415 - brings OpenSSL, for names that few have

            # The plus sign is in no other stem: it would be quoted.
            stem = f"{stem[: LONGEST_STEM - 65]}{LONG}{hashlib.sha256(lock_id.encode()).hexdigest()}"
        return Files(self, f"%2E{stem[1:]}" if stem.startswith(".") else stem)

    def elections(self, limit: int) -> list[str]:
        """Return the names of elections that have a record, *limit* at most; nothing is made."""
        with mapped_errors(self.path):
            if not self.path.exists():
                return []
        self.prepare(make=False)
        with mapped_errors(self.path), os.scandir(self.path) as entries:
            stems = (entry.name.removesuffix(RECORD) for entry in entries if entry.name.endswith(RECORD))
            names = (unquote(stem) for stem in stems if LONG not in stem)
            return list(islice(names, limit))

    def check_process(self) -> None:
        """Refuse to work in a forked child, which must not keep its parent's claims (P9)."""
        if os.getpid() != self._pid:
            raise InvalidStateError("this process was forked from the candidate's: open a backend of its own here")

    def warn_of_network(self) -> None:
        """Log, once for a directory and process, that its file locks may not reach other hosts."""
        if self.path not in _warned:
            _warned.add(self.path)
            kind = network_file_system(self.path)
            if kind is not None:
                _log.warning(
                    "%s is on a network file system (%s): local:// is for the processes of one host; elsewhere another "
                    "leader may be elected", self.path, kind,
                )  # fmt: skip


class Files:
    """The three files of one election."""

    def __init__(self, directory: Directory, stem: str) -> None:
        self._directory = directory
        self.lock = directory.path / f"{stem}.lock"
        self.record = directory.path / f"{stem}{RECORD}"
        self.wake = directory.path / f"{stem}.wake"
        #: The mode for new files, once the directory has been found to be safe.
        self._mode: int | None = None

    def check_again(self) -> None:
        """Have the directory checked before the next file is opened: once for what belongs together."""
        self._mode = None

    # ------------------------------------------------------------ opening

    def open_lock(self) -> int:
        """Open the lock file, made if it is missing, and return its descriptor."""
        return self._open(self.lock, os.O_RDWR, stat.S_ISREG, make=True)

    def open_wake(self, *, for_writing: bool) -> int:
        """Open the FIFO, made if it is missing, without waiting for its other end."""
        mode = self._prepared(make=True)
        found = self.find_wake(for_writing=for_writing)
        if found is not None:
            return found
        is_new = False
        with mapped_errors(self.wake), suppress(FileExistsError):
            os.mkfifo(self.wake, mode)
            is_new = True
            if os.geteuid():  # whom the umask may keep from opening it
                self.wake.chmod(mode)
        descriptor = self._open(self.wake, _wake_flags(for_writing), stat.S_ISFIFO)
        if is_new:
            self._share(descriptor, mode)
        return descriptor

    def find_wake(self, *, for_writing: bool) -> int | None:
        """Open the FIFO if there is one; nothing is made."""
        return self._find(self.wake, _wake_flags(for_writing), stat.S_ISFIFO)

    def _prepared(self, *, make: bool) -> int:
        """Return the mode for new files, of a directory that is safe."""
        if self._mode is None:
            self._mode = self._directory.prepare(make=make)
        return self._mode

    def _open(self, path: Path, flags: int, is_right: Callable[[int], bool], *, make: bool = False) -> int:
        mode = self._prepared(make=make)
        flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with mapped_errors(path):
            try:
                # Not O_CREAT at once: in a sticky directory the kernel refuses that for another user's file.
                descriptor = os.open(path, flags)
            except FileNotFoundError:
                if not make:
                    raise
                try:
                    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
                except FileExistsError:  # another was faster
                    return self._open(path, flags, is_right)
                self._share(descriptor, mode)
            status = os.fstat(descriptor)
        if is_right(status.st_mode) and status.st_nlink <= 1:
            return descriptor
        os.close(descriptor)
        raise BackendRejectedError(f"{path}: is a hard link, or not the kind of file it should be: remove it")

    def _find(self, path: Path, flags: int, is_right: Callable[[int], bool]) -> int | None:
        try:
            return self._open(path, flags, is_right)
        except BackendUnavailableError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _share(self, descriptor: int, mode: int) -> None:
        """Give a file that we have just made to whom the directory is for, whatever the umask is."""
        with mapped_errors(self._directory.path):
            os.fchmod(descriptor, mode)
        if not os.geteuid():  # it is not to keep out those who cannot open root's files
            with suppress(OSError):  # a container's root may lack the right
                owner = self._directory.path.lstat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)

    def remove(self) -> None:
        """Remove all that is there, the token too: nobody may be a candidate, ever again."""
        for path in (self.wake, self.record, self.lock):
            with mapped_errors(path):
                path.unlink(missing_ok=True)

    def is_current(self, lock: int) -> bool:
        """Tell whether *lock* is still the file that others would lock."""
        return _is_same(lock, self.lock)

    def is_current_wake(self, wake: int) -> bool:
        """Tell whether *wake* is still the FIFO that others would open."""
        return _is_same(wake, self.wake)

    # ------------------------------------------------------------ tokens and records

    def last_token(self, lock: int) -> int:
        """
        Return the largest token that may have been announced, 0 if none was. The lock must be held.

        Raises:
            BackendRejectedError: What is there cannot be read, so that no token would be sure to be larger.
        """
        with mapped_errors(self.lock):
            found = [*copies(lock), self._read_record()]
        records = [Record.decode(data) for data in found if data]
        tokens = [record.token for record in records if record is not None]
        if records and not tokens:
            raise BackendRejectedError(
                f"{self.record}: damaged, and {self.lock.name} too: the last token is unknown; if no store remembers "
                "a token of this election, remove both files"
            )
        return max(tokens, default=0)

    def announce(self, lock: int, record: Record) -> None:
        """Put the token on disk, and then *record* where others see it. The lock must be held."""
        with mapped_errors(self.lock):
            if not os.fstat(lock).st_size:  # nobody has seen to it yet that the file is there for good
                _sync(self.lock.parent)
            put(lock, record.token)
        with mapped_errors(self.record):
            self._write_record(record.encode())

    def clear(self, token: int) -> None:
        """Say that nobody leads; the token is on disk already. The lock must be held."""
        with mapped_errors(self.record):
            self._write_record(Record(token).encode())

    def read(self) -> Record | None:
        """
        Return the record, or None if there was never one.

        Raises:
            BackendUnavailableError: It is damaged.
        """
        with mapped_errors(self.record):
            data = self._read_record()
            record = Record.decode(data)
            if data and record is None:
                data = self._read_record()  # it may have been read while it was being written
                record = Record.decode(data)
        if data and record is None:
            raise BackendUnavailableError(f"{self.record}: damaged; the next leader repairs it")
        return record

    def _read_record(self) -> bytes:
        descriptor = self._find(self.record, os.O_RDONLY, stat.S_ISREG)
        if descriptor is None:
            return b""
        try:
            return os.read(descriptor, LARGEST)
        finally:
            os.close(descriptor)

    def _write_record(self, data: bytes) -> None:
        """
        Write it in place: in a sticky directory nobody may replace another user's file, and it costs a tenth of that.

        If this tears it, the lock file has the last token.
        """
        descriptor = self._open(self.record, os.O_RDWR, stat.S_ISREG, make=True)
        try:
            write(descriptor, data, at=0)
            os.ftruncate(descriptor, len(data))
        finally:
            os.close(descriptor)


def _wake_flags(for_writing: bool) -> int:
    """Return how to open the FIFO. Read and write: an open that is only for writing fails while nobody reads."""
    return os.O_RDWR if for_writing else os.O_RDONLY


def _make(path: Path) -> None:
    """Make the directory, and what is missing above it, for its user alone, whatever the umask is."""
    if not path.parent.exists():
        _make(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        path.chmod(0o700)


def _sync(path: Path) -> None:
    """Have on disk what is in a directory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    """Tell whether *descriptor* is the file that *path* leads to now."""
    with mapped_errors(path):
        held = os.fstat(descriptor)
        try:
            found = path.lstat()
        except FileNotFoundError:
            return False
        return (held.st_dev, held.st_ino) == (found.st_dev, found.st_ino)
