"""
Sixty-four bad inputs, by number, each through the door at which a user would hand it in.

The numbers are those of the list that this project's research of reliability ends with. Whatever the input: one
printable line that names the field, the value and the rule, exit code 2, no traceback, and no secret.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from datetime import timedelta
from math import inf, nan

import pytest
from certificates import Authority
from oneline import refusal

from hostile import CANARY
from incumbent import CallbackError, LeaderElection, LeaderElectionConfig, open_backend
from incumbent.cli import main
from incumbent.elector import BackendSettings
from incumbent.registry import load_backend_class

CONSUL, ETCD = "consul://127.0.0.1:1", "etcd://127.0.0.1:1"

WITHOUT_COUNTERPART = {
    20: "the margin is no setting: it follows from the ttl (P3)",
    36: "a candidate carries no metadata but its id, which has at most 255 characters",
    37: "as 36",
    38: "as 36",
}

_tested: set[int] = set()


def number(*numbers: int):
    """Note that the test is about these of the sixty-four."""
    _tested.update(numbers)
    return lambda test: test


@pytest.fixture(autouse=True)
def _planted(monkeypatch):
    """Plant the secret where the servers' tools look for one."""
    monkeypatch.setenv("CONSUL_HTTP_TOKEN", CANARY)
    monkeypatch.setenv("ETCDCTL_USER", f"user:{CANARY}")


@pytest.fixture
def refused(capsys):
    """Return a function that hands arguments to the command line, and gives back the one line that refuses them."""

    def refused(arguments, *words: str, code: int = 2) -> str:
        assert main(list(arguments)) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("incumbent: ")
        line = err.removesuffix("\n")
        assert line.isprintable()
        assert len(line) <= 700
        assert CANARY not in line
        assert "this is a bug" not in line
        assert "its backend failed" not in line
        for word in words:
            assert word in line
        return line

    return refused


def run(elector: str, *options: str) -> list[str]:
    return ["run", "--elector", elector, "--name", "job", "--wait-timeout", "0.2", *options, "--", "true"]


def status(elector: str, name: str = "job") -> list[str]:
    return ["status", "--elector", elector, "--name", name]


def everywhere(url: str) -> list[list[str]]:
    """Every command that takes a URL."""
    return [run(url), status(url), ["doctor", url], ["conformance", url]]


def both(rest: str) -> list[str]:
    return [f"consul://{rest}", f"etcd://{rest}"]


def shown(value: object) -> str:
    return ascii(value)[:40]


# ---------------------------------------------------------------- the settings of a candidate

SETTINGS = [
    (1, {"ttl": 0}, ["ttl 0", "more than 0"]),
    (2, {"ttl": -1}, ["ttl -1", "more than 0"]),
    (3, {"ttl": 1}, ["ttl 1 s is too short", "at least 2"]),
    (6, {"ttl": 1e308}, ["ttl", "1e+308", "century"]),
    (7, {"ttl": nan}, ["ttl nan", "finite"]),
    (8, {"ttl": inf}, ["ttl inf", "finite"]),
    (9, {"ttl": "10"}, ["ttl", "'10'", "a number"]),
    (10, {"ttl": True}, ["ttl", "True", "a number"]),
    (12, {"ttl": "10s"}, ["ttl", "'10s'", "a number"]),
    (17, {"ttl": 15, "leader_check_interval": 15}, ["leader_check_interval (15 s)", "less than"]),
    (17, {"ttl": 15, "renew_deadline": 15}, ["renew_deadline (15 s)", "less than the deadline"]),
    (18, {"request_timeout": 0}, ["request_timeout 0", "more than 0"]),
    (19, {"ttl": 15, "request_timeout": 16}, ["request_timeout (16 s)", "less than"]),
    (22, {"lock_id": ""}, ["lock_id is empty"]),
    (28, {"lock_id": "\ud800"}, ["lock_id", "control or unprintable"]),
    (33, {"candidate": ""}, ["candidate is empty"]),
    (34, {"candidate": "x" * 10240}, ["candidate", "longer than 255"]),
    (56, {"relinquish_interval_spec": "60 * * * *"}, ["relinquish_interval_spec '60 * * * *'", "out of range"]),
    (64, {"leader_callback": "print"}, ["leader_callback must be callable", "'print'"]),
]
_tested.update(row[0] for row in SETTINGS)


@pytest.mark.parametrize(("_", "options", "words"), SETTINGS, ids=shown)
def test_bad_setting_is_refused_when_the_config_is_made(_, options, words):
    """A config is sound, or there is none: the line has the field, the value and the rule."""
    message = refusal(LeaderElectionConfig, **{"lock_id": "job", **options})
    for word in words:
        assert word in message


# ---------------------------------------------------------------- arguments

ARGUMENTS = [
    (1, run(CONSUL, "--ttl=0"), ["--ttl", "'0'", "more than 0"]),
    (2, run(CONSUL, "--ttl=-1"), ["--ttl", "'-1'"]),
    (3, run(ETCD, "--ttl=1"), ["ttl 1 s is too short", "at least 2"]),
    (3, ["doctor", ETCD, "--ttl=1"], ["ttl 1 s is too short"]),
    (4, run(CONSUL, "--ttl=9"), ["ttl 9 s", "10 to 60 s"]),
    (4, ["doctor", CONSUL, "--ttl=9"], ["ttl 9 s", "10 to 60 s"]),
    (5, run(CONSUL, "--ttl=86401"), ["ttl 86401 s", "10 to 60 s"]),
    (6, run(ETCD, "--ttl=1e308"), ["--ttl", "1e308"]),
    (7, run(ETCD, "--ttl=nan"), ["--ttl", "nan"]),
    (8, run(ETCD, "--ttl=inf"), ["--ttl", "inf"]),
    (13, run(ETCD, "--ttl=9000000001"), ["--ttl", "9000000001", "century"]),
    (13, ["doctor", ETCD, "--ttl=9000000001"], ["--ttl", "9000000001", "century"]),
    (21, run("memory://", "--grace=16"), ["--grace 16 is too long", "--ttl 15"]),
    (33, run(ETCD, "--id="), ["candidate is empty"]),
    (34, run(ETCD, "--id=" + "x" * 10240), ["candidate", "longer than 255"]),
    (56, ["explain", "60 * * * *"], ["'60 * * * *'", "out of range"]),
    (57, ["explain", "* * * *"], ["'* * * *'", "five fields", "has 4"]),
    (58, ["explain", "0 0 30 2 *"], ["'0 0 30 2 *'", "never comes"]),
    (58, run(ETCD, "--relinquish-spec=0 0 30 2 *"), ["relinquish_interval_spec '0 0 30 2 *'", "never comes"]),
    (59, ["explain", "*/0 * * * *"], ["'*/0 * * * *'", "not acceptable"]),
    (60, ["explain", "@reboot"], ["'@reboot'", "unknown name"]),
    (60, ["explain", "0 * * * * *"], ["'0 * * * * *'", "has 6"]),
    (60, ["explain", "* " * 500], ["longer than 200 characters"]),
    (60, ["explain", "TZ=Mars/X * * * * *"], ["unknown time zone 'Mars/X'"]),
]
for _name, _word in [
    (22, ""),
    (23, "/a"),
    (24, "../../kv/x"),
    (26, "a\nb"),
    (27, "\0"),
    (28, "\ud800"),
    (29, "x" * 2**20),
    (30, "a\u202eb"),
    (30, "\x1b[31m"),
]:
    for _url in (CONSUL, ETCD, "memory://"):
        ARGUMENTS += [(_name, status(_url, _word), ["lock_id"])]
    ARGUMENTS += [(_name, [*run(CONSUL)[:4], _word, "--", "true"], ["lock_id"])]
    ARGUMENTS += [(_name, ["doctor", ETCD, f"--name={_word}"], ["lock_id"])]
_tested.update(row[0] for row in ARGUMENTS)


@pytest.mark.parametrize(("_", "arguments", "words"), ARGUMENTS, ids=shown)
def test_bad_argument_is_refused_before_anything_happens(refused, _, arguments, words):
    """The command line hands nothing on that it could have refused."""
    refused(arguments, *words)


# ---------------------------------------------------------------- URLs

URLS = [
    (14, f"{CONSUL}?lock-delay=-1", ["option lock-delay", "lock-delay=-1", "from 1 to 60"]),
    (15, f"{CONSUL}?lock-delay=61", ["option lock-delay", "lock-delay=61", "from 1 to 60"]),
    (16, f"{CONSUL}?lock-delay=0", ["option lock-delay", "lock-delay=0", "nothing that protects"]),
    *((39, url, ["host '"]) for url in (*both(":1"), *both("a,"), *both("[]"))),
    *((40, url, ["port ''"]) for url in both("http://h:1")),
    (42, f"consul://user:{CANARY}@127.0.0.1", ["user:***@", "no users", "token-file"]),
    (42, f"etcd://user:{CANARY}@h", ["would go to h:2379 unencrypted", "tls=yes"]),
    *((43, url, ["host '::1'", "brackets"]) for url in both("::1")),
    *((44, url, ["port '0'", "1 to 65535"]) for url in both("h:0")),
    *((45, url, ["port '65536'", "1 to 65535"]) for url in both("h:65536")),
    *((46, url, ["port '80;rm'", "1 to 65535"]) for url in both("h:80;rm")),
    (47, "file:///etc/passwd", ["no elector 'file' is installed", "installed: "]),
    *((48, url, ["host ''"]) for url in both(",")),
    *((48, url, ["h:1 is given twice"]) for url in both("h:1,h:1")),
    *((48, url, ["without spaces"]) for url in both("h:1, h:2")),
    (49, f"{CONSUL}?token={CANARY}%0a", ["option 'token'", "control characters"]),
    (49, f"{CONSUL}?token={CANARY}%20x", ["option token", "printable ASCII"]),
    (49, f"{CONSUL}?token=", ["option token", "printable ASCII"]),
    (49, f"etcd://user:{CANARY}%0a@127.0.0.1", ["password", "control characters"]),
    (51, f"etcd://:{CANARY}@127.0.0.1", ["a user name must stand before the '@'"]),
    (51, f"consul://:{CANARY}@127.0.0.1", ["no users", "token-file"]),
    (51, f"local://:{CANARY}@/tmp", ["no host and no user"]),
    (51, f"memory://:{CANARY}@h", ["write memory://"]),
    (54, f"{CONSUL}?key=/dev/null", ["option key needs option cert"]),
    (54, f"{ETCD}?key=/dev/null", ["option key needs option cert"]),
    (54, f"{ETCD}?cert=/dev/null", ["option cert needs option key"]),
    (54, f"{ETCD}?cert=/dev/null&key=/dev/null", ["option cert needs option ca"]),
    *((62, url, ["no elector 'nope' is installed"]) for url in ("nope", "nope://h")),
    *((62, url, ["no elector 'consull' is installed", "did you mean 'consul'?"]) for url in ("consull://h",)),
    *((63, f"{url}?tokn={CANARY}", ["unknown option 'tokn'", "its options"]) for url in (CONSUL, ETCD)),
    *((63, f"{url}?tls=no&tls=no", ["option 'tls' is given twice"]) for url in (CONSUL, ETCD)),
    *((63, f"{url}?tls=%ff", ["option 'tls'", "not UTF-8"]) for url in (CONSUL, ETCD)),
]
_tested.update(row[0] for row in URLS)


@pytest.mark.parametrize(("_", "url", "words"), URLS, ids=shown)
def test_bad_url_is_refused_by_every_command(refused, _, url, words):
    """No matter which command reads it, and whether it stands on the command line or in the environment."""
    for arguments in everywhere(url):
        refused(arguments, *words)
    os.environ["INCUMBENT_ELECTOR"] = url
    try:
        refused(["status", "--name", "job"], *words)
    finally:
        del os.environ["INCUMBENT_ELECTOR"]


# ---------------------------------------------------------------- files that a URL names


@pytest.fixture
def files(tmp_path):
    """Files that are not what they should be, by what they are."""
    contents = {
        "empty": b"",
        "garbage": b"\x00\x01garbage" * 10,
        "latin": f"{CANARY}\xff".encode("latin-1"),
        "lines": f"{CANARY}\r\nmore".encode(),
        "spaced": f"{CANARY} more\n".encode(),
        "huge": CANARY.encode() * 200_000,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    return tmp_path


#: What none of the options takes.
NO_FILES = ["missing", "directory", "fifo", "loop", "empty/below", "x" * 300, "x/" * 2000]


@number(50, 52, 63)
@pytest.mark.parametrize("what", NO_FILES, ids=shown)
@pytest.mark.parametrize(
    ("url", "option"),
    [(CONSUL, "token-file"), (CONSUL, "ca"), ("etcd://user@127.0.0.1:1", "password-file"), (ETCD, "ca")],
)
def test_path_that_is_no_file_is_refused(refused, files, monkeypatch, url, option, what):
    """Missing, a directory, a FIFO, a link to itself, a name that is too long: the option and its path are named."""
    monkeypatch.delenv("ETCDCTL_USER")
    monkeypatch.delenv("CONSUL_HTTP_TOKEN")
    refused(status(f"{url}?{option}={files / what}"), f"option {option}", str(files / what)[:40])


@number(50, 63)
@pytest.mark.parametrize("what", ["empty", "garbage", "latin", "lines", "spaced", "huge"])
def test_file_that_holds_no_token_is_refused(refused, files, what):
    """Empty, binary, not UTF-8, two lines, two words, megabytes: said when the URL is read; nothing of it is shown."""
    refused(status(f"{CONSUL}?token-file={files / what}"), "option token-file", f"/{what}: must hold one line")


@number(50)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_token_may_end_with_its_line(files, ending):
    """A file that an editor of any system wrote is as good as any."""
    path = files / "token"
    path.write_bytes(f"{CANARY}{ending}".encode())
    backend = open_backend(f"{CONSUL}?token-file={path}", BackendSettings(15.0, 2.0))
    assert backend.told.token() == CANARY


@number(50, 63)
@pytest.mark.parametrize("what", ["empty", "latin", "huge"])
def test_file_that_holds_no_password_is_refused(refused, files, what):
    """Empty, not UTF-8, megabytes: as for a token."""
    refused(status(f"etcd://user@127.0.0.1:1?password-file={files / what}"), "option password-file")


@number(52, 53)
@pytest.mark.parametrize("what", ["empty", "garbage", "latin", "huge"])
@pytest.mark.parametrize("url", [CONSUL, ETCD])
def test_file_that_holds_no_certificate_is_refused(refused, files, url, what):
    """What is no PEM is refused when the URL is read, by both electors."""
    refused(status(f"{url}?ca={files / what}"), "option ca", str(files / what)[:40])


@number(52, 54)
@pytest.mark.parametrize("option", ["ca", "cert", "key", "token-file", "password-file"])
@pytest.mark.parametrize("url", [CONSUL, "etcd://user@127.0.0.1:1"])
def test_option_without_a_path_is_refused(refused, url, option):
    """`ca=$CA` with an unset variable must not turn encryption off, nor `token-file=` the token."""
    known = option in load_backend_class(url.partition(":")[0]).options
    refused(status(f"{url}?{option}="), f"option {option} " if known else f"unknown option '{option}'")


@number(55)
@pytest.mark.parametrize("url", [CONSUL, ETCD])
def test_expired_certificate_is_named_by_the_doctor(capsys, tmp_path, url):
    """Nobody has to guess why the servers hang up; exit code 1, for it is the backend that does not work."""
    authority = Authority(tmp_path)
    cert, key = authority.issue("old", days=-2)
    assert main(["doctor", f"{url}?ca={authority.file}&cert={cert}&key={key}"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = [line for line in out.splitlines() if line.startswith("error") and str(cert) in line]
    assert "expire" in line
    assert CANARY not in out


# ---------------------------------------------------------------- what looks bad, and is taken as it is


@number(11)
def test_half_seconds_are_taken():
    """A ttl of 10.5 is as long as it says, at least: servers that count whole seconds get 11."""
    assert LeaderElectionConfig("job", ttl=10.5).ttl == LeaderElectionConfig("job", ttl=timedelta(seconds=10.5)).ttl
    assert open_backend(ETCD, BackendSettings(10.5, 2.0)).ttl == 11
    assert open_backend(CONSUL, BackendSettings(10.5, 2.0)).guarantee == 10.5


@number(23, 25)
@pytest.mark.parametrize("name", ["a?b#c%2F", "a b", "%2e%2e", "*", "a&b=c", ";rm -rf", "'\""])
def test_name_with_signs_names_one_election(name, tmp_path):
    """What has a meaning in a URL, a path or a shell has none in a name, and leads to no other election."""
    url = f"local://{tmp_path}/state"
    with LeaderElection(LeaderElectionConfig(name), url) as one, LeaderElection(LeaderElectionConfig("a"), url) as two:
        assert one.wait_for_leadership(timeout=30).is_valid()
        assert two.wait_for_leadership(timeout=30).is_valid()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


@number(31, 32)
@pytest.mark.parametrize(
    "names",
    [("job", "job/1"), ("job", "JOB"), ("Größe", "Grosse")],
    ids=ascii,
)
@pytest.mark.parametrize("store", ["local", "memory"])
def test_two_names_are_two_elections(names, store, tmp_path):
    """However near they are: both have a leader, and neither waits for the other."""
    url = f"local://{tmp_path}/state" if store == "local" else f"memory://{tmp_path.name}"
    with (
        LeaderElection(LeaderElectionConfig(names[0]), url) as one,
        LeaderElection(LeaderElectionConfig(names[1]), url) as two,
    ):
        assert one.wait_for_leadership(timeout=30).is_valid()
        assert two.wait_for_leadership(timeout=30).is_valid()


@number(31, 32)
@pytest.mark.parametrize("name", [unicodedata.normalize("NFD", "Größe"), "job ", " job"], ids=ascii)
def test_name_that_looks_like_another_is_refused(refused, name):
    """Each would be led by itself, and nobody could see why there are two leaders."""
    refused(status("memory://", name), "lock_id", "form NFC" if name.strip() == name else "blank")


@number(35)
def test_two_candidates_with_one_id_are_still_two(tmp_path):
    """P1: An id that is given twice by mistake makes no second leader."""
    url = f"local://{tmp_path}/state"
    config = LeaderElectionConfig("job", candidate="twin", follower_check_interval=0.1)
    with LeaderElection(config, url) as one:
        term = one.wait_for_leadership(timeout=30)
        with LeaderElection(config, url) as two:
            assert two.wait_for_leadership(timeout=0.5) is None
            assert term.is_valid()
            one.close()
            assert two.wait_for_leadership(timeout=30).token > term.token


@number(41)
def test_path_of_a_url_stands_before_the_name():
    """`h:1/v1` is no mistake that could be seen: what follows the port is the prefix of the elections' keys."""
    assert open_backend("consul://127.0.0.1:1/v1", BackendSettings(15.0, 2.0)).told.prefix == "v1/"
    assert open_backend("etcd://127.0.0.1:1/v1", BackendSettings(15.0, 2.0)).connection.options.prefix == "v1/"


@number(61)
def test_spec_wins_over_an_interval():
    """Both together are no contradiction: the spec is the schedule."""
    made = LeaderElectionConfig("job", relinquish_interval=5, relinquish_interval_spec="@every 2h")
    assert made.schedule.seconds == 7200.0


# ---------------------------------------------------------------- electors of others, commands, callbacks


@number(62)
def test_name_that_two_packages_bring_is_refused(refused, tmp_path, monkeypatch):
    """Neither is chosen in silence: both are named."""
    install(tmp_path, monkeypatch, "one", "twice")
    install(tmp_path, monkeypatch, "two", "twice")
    for arguments in everywhere("twice://h"):
        refused(arguments, "'twice'", "one 1.0", "two 1.0", "uninstall all but one")


@number(62)
@pytest.mark.parametrize("line", ["raise SystemExit(0)", "raise SystemExit('x\\ny')", "1/0", "syntax error", "exit()"])
def test_plugin_that_breaks_off_is_named(refused, tmp_path, monkeypatch, line):
    """A package that exits while it is imported does not end this process with its own code."""
    install(tmp_path, monkeypatch, "broken", "leaver", line)
    for arguments in everywhere("leaver://h"):
        refused(arguments, "'leaver'", "broken 1.0", "cannot be loaded")


def install(folder, monkeypatch, distribution: str, scheme: str, line: str = "") -> None:
    """Install a package whose module brings an elector, and begins with *line*."""
    site = folder / distribution
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir(parents=True)
    module = f"hostile_{distribution}_{folder.name}".replace("-", "_")
    (site / f"{module}.py").write_text(f"{line}\n")
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[incumbent.electors]\n{scheme} = {module}\n")
    monkeypatch.syspath_prepend(str(site))


@number(64)
@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ([""], 127, ["''", "not found"]),
        (["/nowhere/at/all"], 127, ["'/nowhere/at/all'", "not found"]),
        (["/etc/passwd"], 126, ["'/etc/passwd'", "cannot be executed"]),
        (["/"], 126, ["'/'", "cannot be executed"]),
        (["a\0b"], 2, ["CMD", "'a\\x00b'", "NUL"]),
        (["true", "a\0b"], 2, ["CMD", "'a\\x00b'", "NUL"]),
        (["true", "\ud800"], 2, ["CMD", "'\\ud800'"]),
        (["x" * 10_000], 127, ["not found"]),
    ],
    ids=shown,
)
def test_command_that_cannot_be_run_is_refused_before_campaigning(refused, tmp_path, command, code, words):
    """126 and 127 as a shell has them, and nothing is started for a term that could not be used."""
    url = f"local://{tmp_path}/state"
    refused([*run(url)[:-1], *command], *words, code=code)
    assert not (tmp_path / "state").exists()


async def _later(*_: object) -> None:
    """Do nothing, later."""


class _Awaited:
    async def __call__(self, *_: object) -> None:
        """Do nothing, later."""


CALLBACKS = ["leader_callback", "follower_callback", "on_elected", "on_deposed"]


@number(64)
@pytest.mark.parametrize("callback", CALLBACKS)
def test_coroutine_function_as_callback_is_refused(callback):
    """A callback that nobody would await is refused at once, and the line says who awaits."""
    message = refusal(LeaderElection, LeaderElectionConfig("job", **{callback: _later}), "memory://")
    assert callback in message
    assert "AsyncLeaderElection" in message


@number(64)
@pytest.mark.parametrize("callback", CALLBACKS)
@pytest.mark.parametrize("function", [lambda *_: _later(), _Awaited()], ids=["function", "object"])
def test_callback_that_returns_a_coroutine_ends_the_run(callback, function, tmp_path):
    """Its work would never be done: that is an error of the callback, not a silence; nothing is left unawaited."""
    config = LeaderElectionConfig("job", relinquish_interval=0.3, **{callback: function})
    stop = threading.Event()
    late = threading.Timer(30, stop.set)
    late.start()
    try:
        with pytest.raises(CallbackError, match=rf"{callback}.*coroutine.*AsyncLeaderElection"):
            LeaderElection(config, f"memory://{tmp_path.name}").run(stop)
    finally:
        late.cancel()
        late.join()


# ---------------------------------------------------------------- all of them


def test_every_number_is_tested_or_has_no_counterpart():
    """Nothing of the list is forgotten, and nothing is both."""
    assert _tested | WITHOUT_COUNTERPART.keys() == set(range(1, 65))
    assert not _tested & WITHOUT_COUNTERPART.keys()
