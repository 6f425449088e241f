"""The files of `local://`: never a smaller token, whatever is torn, and nothing followed that leads elsewhere."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import zlib
from math import inf, isfinite, nan
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incumbent import BackendRejectedError, BackendUnavailableError
from incumbent.electors.local.files import LARGEST, Directory
from incumbent.electors.local.mounts import network_file_system
from incumbent.electors.local.record import Record
from incumbent.electors.local.tokens import PLACE, copies


@pytest.fixture
def umask():
    """Make sure that the umask plays no part, and restore it."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@pytest.fixture
def files(directory):
    return Directory(directory).files("job")


@pytest.fixture
def lock(files):
    """Return the open lock file."""
    descriptor = files.open_lock()
    yield descriptor
    os.close(descriptor)


def tokens_in(lock):
    """Return what the lock file alone says."""
    return [record.token for record in map(Record.decode, copies(lock)) if record is not None]


def signed(body: str) -> bytes:
    """Return *body* as a line whose checksum is right."""
    return f"{body} {zlib.crc32(body.encode()):08x}\n".encode()


# ---------------------------------------------------------------- records


@given(
    st.integers(0, 10**30),
    st.none() | st.text(st.characters(), max_size=255),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_record_survives_being_written(token, candidate, since):
    """What is encoded is decoded to the same, in one line of ASCII that fits."""
    record = Record(token, candidate, since)
    data = record.encode()
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    assert Record.decode(data) == record


@given(st.integers(0, 10**30), st.text(st.characters(), max_size=255), st.text(st.characters(), max_size=255))
def test_what_the_leader_tells_has_a_line_of_its_own(token, candidate, info):
    """It comes back unchanged, both lines fit; the first is what it would be without, for who reads no other."""
    record = Record(token, candidate, 1.5, info)
    data = record.encode()
    assert Record.decode(data) == record
    assert data.isascii()
    assert len(data) < LARGEST
    assert data.partition(b"\n")[:2] == (Record(token, candidate, 1.5).encode()[:-1], b"\n")


def test_what_another_leader_told_is_not_shown():
    """The second line counts with the token of the first only, and if it is whole."""
    first, second = (
        Record(7, "a", 1.5).encode(),
        Record(6, "b", 1.5, "http://b:1").encode().splitlines(keepends=True)[1],
    )
    assert Record.decode(first + second) == Record(7, "a", 1.5)
    whole = Record(7, "a", 1.5, "http://a:1").encode()
    assert Record.decode(whole[:-4]) == Record(7, "a", 1.5)
    for body in ("5", "[7, 8]", "[7]", "{}"):
        assert Record.decode(first + signed(body)) == Record(7, "a", 1.5)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.text(max_size=20), st.integers(0, 60))
def test_a_torn_record_is_none_or_whole(old, new, candidate, length):
    """Overwritten up to any byte: the new record, or the old one if nothing was written, or None; no third token."""
    before, after = Record(old, candidate, 1.5).encode(), Record(new, candidate, 2.5).encode()
    torn = Record.decode(after[:length] + before[length:])
    assert torn is None or torn.token in (old, new)
    assert Record.decode(after[: len(after) - 10]) is None


@given(st.binary(max_size=200))
@example(b"")
@example(b"\n")
@example(b"\xff\xfe")
@example(b"\0" * 100)
def test_any_bytes_are_a_record_or_none(data):
    """Garbage is None, and never an exception."""
    record = Record.decode(data)
    assert record is None or record.token >= 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)


@given(st.one_of(json_values, st.lists(json_values, min_size=3, max_size=3)).map(json.dumps))
@example("5")
@example("null")
@example('{"a": 1, "b": 2, "c": 3}')
@example('[5, "a", 1e999]')
@example(f'[5, "a", {10**400}]')
@example('[5, "a", NaN]')
@example("[" * 5000)
@example("[" + "9" * 5000 + ', "a", null]')
def test_any_signed_json_is_a_record_or_none(body):
    """Also with a right checksum: what is none of our records is None, and a record has sane values."""
    record = Record.decode(signed(body))
    if record is not None:
        assert type(record.token) is int
        assert record.token >= 0
        assert record.candidate is None or isinstance(record.candidate, str)
        assert record.since is None or isfinite(record.since)


@pytest.mark.parametrize("since", [nan, inf, -inf])
def test_a_time_that_is_none_is_not_shown(since):
    """The time is for display: a wrong one is left out, and the token still counts."""
    assert Record.decode(Record(5, "a", since).encode()) == Record(5, "a", None)


@pytest.mark.parametrize("token", [-1, True, 1.0, "1", None, [1]])
def test_a_token_that_is_no_counter_is_no_record(token):
    """Only an int from 0 on is a token."""
    assert Record.decode(signed(json.dumps([token, "a", None]))) is None


# ---------------------------------------------------------------- which elections there are


def test_elections_with_a_record_are_listed(directory):
    """By the names that they were given; what is no record, or of a name that no file shows in full, is left out."""
    folder = Directory(directory)
    assert folder.elections(10) == []
    assert not directory.exists()
    names = ["a", "a/b", ".a", "a%2Fb", "a+b", "\u00e4"]
    for name in [*names, "x" * 300]:
        files = folder.files(name)
        lock = files.open_lock()
        files.announce(lock, Record(1, "a"))
        os.close(lock)
    folder.files("never led").open_wake(for_writing=False)
    (directory / "b.json.new").touch()
    assert sorted(folder.elections(10)) == sorted(names)
    assert len(folder.elections(2)) == 2


# ---------------------------------------------------------------- tokens on disk


def test_the_first_token_follows_nothing(files, lock):
    """Without any file there was no token, and there is no record."""
    assert files.last_token(lock) == 0
    assert files.read() is None


def test_a_token_is_in_both_files_when_it_is_announced(files, lock):
    """P4: after announcing, each file alone is enough to know the token."""
    files.announce(lock, Record(7, "a", 1.5))
    assert files.read() == Record(7, "a", 1.5)
    assert tokens_in(lock) == [7]
    files.record.unlink()
    assert files.last_token(lock) == 7


def test_a_token_is_on_disk_before_anybody_sees_it(files, lock, monkeypatch):
    """P4: the lock file is there for good, then the token is in it, on disk; the record, which others read, is last."""
    done = []

    def noted(name):
        real = getattr(os, name)

        def call(*arguments, **options):
            done.append((name, arguments[0] == lock))
            return real(*arguments, **options)

        return call

    for name in ("pwrite", "fsync", "fdatasync"):
        monkeypatch.setattr(os, name, noted(name))
    seen = [("pwrite", True), ("fdatasync", True), ("pwrite", False)]
    files.announce(lock, Record(1, "a"))
    assert done == [("fsync", False), *seen]
    done.clear()
    files.announce(lock, Record(2, "b"))
    assert done == seen


def test_a_torn_write_leaves_the_token_before(files, lock):
    """P4: however much of a token has reached the disk, and nothing of the records, no token of before is announced."""
    for token in (99, 100, 101):
        before = [os.pread(lock, 2 * PLACE, 0)]
        files.announce(lock, Record(token, "a"))
        after = os.pread(lock, 2 * PLACE, 0)
        changed = [at for at in range(len(after)) if after[at : at + 1] != before[0][at : at + 1]]
        for cut in range(changed[0], changed[-1] + 1):
            torn = after[:cut] + before[0][cut:].ljust(len(after) - cut, b"\0")
            os.ftruncate(lock, 0)
            os.pwrite(lock, torn, 0)
            files.record.write_bytes(b"")
            if token > 99:
                assert files.last_token(lock) in (token - 1, token)
        os.pwrite(lock, after, 0)
        assert files.last_token(lock) == token


def test_the_record_survives_the_loss_of_the_lock_file(files, lock):
    """P4: with the lock file deleted, the record still has the token."""
    files.announce(lock, Record(7, "a"))
    files.lock.unlink()
    new = files.open_lock()
    assert files.last_token(new) == 7
    os.close(new)


def test_clearing_keeps_the_token(files, lock):
    """When nobody leads, the record says so and still has the token."""
    files.announce(lock, Record(7, "a", 1.5))
    files.clear(7)
    assert files.read() == Record(7)
    assert files.last_token(lock) == 7


GARBAGE = [b"\0" * 40, b"garbage", b"[9, null, null] 00000000\n", b"[9", b"\xff\xfe", b"{}", signed("5"), b"x" * 9000]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("which", ["lock", "record"])
def test_one_damaged_file_is_repaired(files, lock, garbage, which):
    """P4: the other file has the token; announcing the next one repairs both."""
    files.announce(lock, Record(7, "a"))
    getattr(files, which).write_bytes(garbage)
    assert files.last_token(lock) == 7
    files.announce(lock, Record(8, "b"))
    assert files.read() == Record(8, "b")
    assert 8 in tokens_in(lock)


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("other", [*GARBAGE[:2], b"", None])
def test_both_files_damaged_are_refused(files, lock, garbage, other):
    """P4: with no file left that can be believed, no token is sure to be larger: permanent, with the way out."""
    files.announce(lock, Record(7, "a"))
    for path, rest in ((files.lock, files.record), (files.record, files.lock)):
        os.truncate(files.lock, 0)  # in place: the open one is still the same file
        path.write_bytes(garbage)
        if other is not None:
            rest.write_bytes(other)
        elif rest is files.record:
            rest.unlink()
        else:
            os.truncate(rest, 0)
        with pytest.raises(BackendRejectedError, match=r"damaged.*remove both files"):
            files.last_token(lock)


def test_a_damaged_record_is_not_shown(files, lock):
    """Who reads a damaged record knows nothing, and is told that it will be repaired."""
    files.announce(lock, Record(7, "a"))
    files.record.write_bytes(b"garbage")
    with pytest.raises(BackendUnavailableError, match="the next leader repairs it"):
        files.read()


class Killed(BaseException):
    """Ends a step as if the process had been killed there."""


@pytest.mark.parametrize("sticky", [False, True], ids=["replaced", "in place"])
@pytest.mark.parametrize("durable_after", range(12))
def test_a_leader_killed_between_the_steps_leaves_no_smaller_token(files, lock, monkeypatch, durable_after, sticky):
    """P4: whatever system call of announcing is the last one, the next token is larger than any announced."""
    files.announce(lock, Record(7, "someone with a long name", 1.5))
    if sticky:
        files.lock.parent.chmod(0o1700)
    left = [durable_after]

    def dying(name):
        real = getattr(os, name)

        def call(*arguments, **options):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*arguments, **options)

        return call

    died = False
    with monkeypatch.context() as patch:
        for name in ("pwrite", "ftruncate", "fsync", "fdatasync", "rename", "replace", "unlink"):
            patch.setattr(os, name, dying(name))
        try:
            files.announce(lock, Record(8, "b", 2.5))
        except Killed:
            died = True
    assert files.last_token(lock) in ((7, 8) if died else (8,))
    again = files.last_token(lock) + 1
    files.announce(lock, Record(again, "c", 3.5))
    assert files.last_token(lock) == again > 7
    assert files.read() == Record(again, "c", 3.5)
    assert not list(files.lock.parent.glob("*.new"))


@pytest.mark.parametrize("sticky", [False, True], ids=["replaced", "in place"])
@pytest.mark.parametrize("written", [0, 1, 10])
def test_a_full_disk_announces_nothing(files, lock, monkeypatch, sticky, written):
    """P4: a write that comes out short is an error; the old token is still known, and the next attempt succeeds."""
    files.announce(lock, Record(7, "a"))
    if sticky:
        files.lock.parent.chmod(0o1700)
    real = os.pwrite
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", lambda descriptor, data, offset: real(descriptor, data[:written], offset))
        with pytest.raises(BackendUnavailableError, match=os.strerror(errno.ENOSPC)):
            files.announce(lock, Record(8, "b"))
    assert files.last_token(lock) == 7
    files.announce(lock, Record(8, "b"))
    assert files.last_token(lock) == 8


def test_a_file_that_another_was_faster_to_make_is_shared(files, monkeypatch):
    """Of two that find none, one makes it. The other leaves its rights alone: it may be another user's."""
    first = files.open_lock()
    files.lock.rename(files.lock.with_name("late"))
    real, calls = os.open, []

    def other_is_faster(path, *arguments, **others):
        if path == files.lock and not calls:
            calls.append(path)
            try:
                return real(path, *arguments, **others)
            finally:
                files.lock.with_name("late").rename(files.lock)
        return real(path, *arguments, **others)

    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "open", other_is_faster)
    monkeypatch.setattr(os, "fchmod", refuse)
    second = files.open_lock()
    assert files.is_current(second)
    os.close(first)
    os.close(second)


def test_a_file_that_another_user_is_just_making_is_no_permanent_error(files, monkeypatch):
    """Its maker gives it the directory's rights right after it is there: until then the umask's are all that it has."""
    os.close(files.open_lock())
    made = files.lock.stat().st_ctime

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    for age, expected in ((0.5, BackendUnavailableError), (2.0, BackendRejectedError)):
        monkeypatch.setattr("time.time", lambda age=age: made + age)
        with pytest.raises(expected, match=r"job\.lock"):
            files.open_lock()


def test_a_lock_file_that_was_replaced_is_not_current(files, lock):
    """Deleted, or another in its place: then others would lock another file."""
    assert files.is_current(lock)
    files.lock.rename(files.lock.with_suffix(".moved"))
    assert not files.is_current(lock)
    files.lock.touch()
    assert not files.is_current(lock)


# ---------------------------------------------------------------- names


NAMES = [
    "a", "A", "a/b", "a%2Fb", "a%252Fb", "a.b", ".a", "..a", "...", "%2Ea", "a.lock", "a.json", "a.json.new", "a b",
    "a+b", "é", "e\u0301", "*", "~", "日本", "x" * 200, "x" * 201, "x" * 255, "é" * 255, "/".join("x" * 128), "." * 250,
    ".x" + "." * 100, f"{'x' * 135}-{hashlib.sha256(b'x' * 201).hexdigest()}",
    f"{'x' * 135}+{hashlib.sha256(b'x' * 201).hexdigest()}",
]  # fmt: skip


def test_different_names_never_share_files(directory):
    """However long or odd: each name has files of its own, right in the directory, that the file system takes."""
    paths = [path for name in NAMES for path in three(Directory(directory).files(name))]
    assert len(set(paths)) == 3 * len(NAMES)
    directory.mkdir()
    for path in paths:
        assert path.parent == directory
        assert not path.name.startswith(".")
        path.with_name(f"{path.name}.new").touch()


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=255), min_size=2, max_size=2, unique=True
    )
)
def test_any_two_names_have_different_files(names):
    """The same for any names."""
    first, second = (three(Directory(Path("/state")).files(name)) for name in names)
    assert not set(first) & set(second)
    assert all(path.parent == Path("/state") and len(os.fsencode(path.name)) <= 251 for path in (*first, *second))


def three(files) -> list[Path]:
    return [files.lock, files.record, files.wake]


# ---------------------------------------------------------------- directories and kinds of files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(
    ("directory_mode", "file_mode"),
    [(0o700, 0o600), (0o755, 0o600), (0o750, 0o600), (0o770, 0o660), (0o2775, 0o664), (0o1777, 0o666), (0o1770, 0o660)],
)
def test_files_are_shared_with_those_who_may_write_to_the_directory(directory, directory_mode, file_mode):
    """A directory of one's own has files of one's own; one for several users has files for them, whatever the umask."""
    directory.mkdir()
    directory.chmod(directory_mode)
    files = Directory(directory).files("job")
    lock, wake = files.open_lock(), files.open_wake(for_writing=False)
    files.announce(lock, Record(1, "a"))
    assert [mode(path) for path in three(files)] == [file_mode] * 3
    os.close(lock)
    os.close(wake)


def test_a_missing_directory_is_made_for_its_user_alone(tmp_path):
    """With its parents; nobody else may enter it."""
    path = tmp_path / "a" / "b" / "c"
    os.close(Directory(path).files("job").open_lock())
    assert mode(path) == 0o700


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("mask", [0o000, 0o177, 0o777], ids=oct)
def test_the_umask_plays_no_part_for_missing_directories(tmp_path, mask):
    """Whoever makes them can enter them, and nobody else, also those above."""
    path = tmp_path / "a" / "b"
    os.umask(mask)
    Directory(path).prepare()
    assert [mode(path), mode(path.parent)] == [0o700] * 2


@pytest.mark.parametrize("unsafe", [0o777, 0o702, 0o2777])
def test_a_directory_that_anybody_may_write_to_is_refused(directory, unsafe):
    """Without the sticky bit anybody could replace the files: permanent, with what to do."""
    directory.mkdir()
    directory.chmod(unsafe)
    with pytest.raises(BackendRejectedError, match=r"chmod o-w.*chmod \+t"):
        Directory(directory).files("job").open_lock()
    assert list(directory.iterdir()) == []


def make_link(path: Path) -> None:
    target = path.with_name("target")
    target.touch()
    path.symlink_to(target)


def make_dangling_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def make_hard_link(path: Path) -> None:
    other = path.with_name("other")
    os.mkfifo(other) if path.suffix == ".wake" else other.touch()
    path.hardlink_to(other)


def make_wrong_kind(path: Path) -> None:
    path.touch() if path.suffix == ".wake" else os.mkfifo(path)


@pytest.mark.parametrize("trick", [make_link, make_dangling_link, make_hard_link, make_wrong_kind, Path.mkdir])
@pytest.mark.parametrize("which", ["lock", "record", "wake"])
def test_a_file_that_is_not_what_it_should_be_is_refused(files, which, trick):
    """Links of either kind, directories and the like are neither followed nor opened nor touched: permanent."""
    descriptors = [files.open_lock(), files.open_wake(for_writing=True)]
    path = getattr(files, which)
    path.unlink(missing_ok=True)
    trick(path)
    before = sorted((entry.name, entry.lstat().st_size) for entry in path.parent.iterdir())
    attempts = {
        "lock": files.open_lock,
        "record": lambda: files.last_token(descriptors[0]),
        "wake": lambda: files.open_wake(for_writing=False),
    }
    with pytest.raises(BackendRejectedError, match=path.name):
        attempts[which]()
    assert sorted((entry.name, entry.lstat().st_size) for entry in path.parent.iterdir()) == before
    for descriptor in descriptors:
        os.close(descriptor)


def test_a_link_in_place_of_the_new_record_is_removed_and_not_followed(files, lock, tmp_path):
    """What lies where the new record is to be written is not written to."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    files.record.with_name("job.json.new").symlink_to(victim)
    files.announce(lock, Record(1, "a"))
    assert victim.read_text() == "precious"
    assert files.read() == Record(1, "a")


@pytest.mark.parametrize("trick", [make_link, make_dangling_link, Path.touch, os.mkfifo])
def test_a_directory_that_is_none_is_refused(directory, trick):
    """A link, even to a directory, and a file are refused for good."""
    trick(directory)
    with pytest.raises(BackendRejectedError, match="state"):
        Directory(directory).files("job").open_lock()


def test_a_directory_that_becomes_a_file_is_refused(directory, monkeypatch):
    """Also when that happens right after it was made."""
    monkeypatch.setattr(Path, "mkdir", lambda path, **_: path.touch())
    with pytest.raises(BackendRejectedError, match="is not a directory"):
        Directory(directory).files("job").open_lock()


def test_a_link_to_a_directory_is_refused(tmp_path, directory):
    """The message says to give the directory itself."""
    directory.symlink_to(tmp_path)
    with pytest.raises(BackendRejectedError, match="symbolic link: give the directory that it leads to"):
        Directory(directory).files("job").open_lock()


def test_a_directory_below_a_file_is_refused(tmp_path):
    """A path that leads through a file can never be made."""
    (tmp_path / "file").touch()
    with pytest.raises(BackendRejectedError):
        Directory(tmp_path / "file" / "state").files("job").open_lock()


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["x" * 200] * 30)])
def test_a_path_that_is_too_long_is_refused_for_good(tmp_path, name):
    """Asking again does not make it shorter."""
    with pytest.raises(BackendRejectedError, match="too long"):
        Directory(tmp_path / name).files("job").open_lock()


def test_a_file_system_that_is_read_only_is_refused_for_good(tmp_path, monkeypatch):
    """As of a container: asking for ever would hide it, and the message says what to do."""

    def fail(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", fail)
    with pytest.raises(BackendRejectedError, match="Read-only file system: give a directory that can be written to"):
        Directory(tmp_path / "state").files("job").open_lock()


def test_what_may_be_better_later_is_unavailable(files, monkeypatch):
    """Trouble of other kinds (no descriptors, a failing disk) is worth asking again."""

    def fail(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(BackendUnavailableError, match="Too many open files"):
        files.open_lock()


# ---------------------------------------------------------------- network file systems

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:27 / /proc rw - proc proc rw
40 22 0:40 / /mnt/share rw - nfs4 server:/export rw
41 40 0:41 / /mnt/share/local rw - ext4 /dev/vdb rw
42 22 0:42 / /mnt/with\\040space\\134 rw - cifs //server/share rw
43 22 0:43 / /mnt/gr\u00f6\u00dfe rw shared:2 master:3 - fuse.sshfs host: rw
44 22 0:44 / /mnt/twice rw - ext4 /dev/vdc rw
45 22 0:45 / /mnt/twice rw - 9p share rw
46 22 0:46 / /mnt/fuse rw - fuse.ntfs-3g /dev/vdd rw
47 22 0:47 / /mnt/nb\u00a0sp rw - lustre x rw
not a line of it
48 22 0:48 /mnt
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", None),
        ("/var/lib/x", None),
        ("/mnt/share", "nfs4"),
        ("/mnt/share/deep/down", "nfs4"),
        ("/mnt/shared", None),
        ("/mnt/share/local/x", None),
        ("/mnt/with space\\/x", "cifs"),
        ("/mnt/gr\u00f6\u00dfe/x", "fuse.sshfs"),
        ("/mnt/twice", "9p"),
        ("/mnt/fuse/x", None),
        ("/mnt/nb\u00a0sp/x", "lustre"),
    ],
)
def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(tmp_path, path, kind):
    """Network file systems are known by their type, whatever the mount point is called; the last mount counts."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert network_file_system(Path(path), mounts) == kind


def test_an_unreadable_list_of_mounts_warns_of_nothing(tmp_path):
    """Without the list, nothing is known; bytes that are no text are no trouble."""
    assert network_file_system(Path("/x"), tmp_path / "missing") is None
    (tmp_path / "odd").write_bytes(b"40 22 0:40 / /mnt/\xff\xfe rw - nfs4 server:/ rw\n\xff\n")
    assert network_file_system(Path(os.fsdecode(b"/mnt/\xff\xfe/x")), tmp_path / "odd") == "nfs4"
