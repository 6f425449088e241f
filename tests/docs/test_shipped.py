"""What is shipped works as it stands: each URL is taken by what reads it, the supervisors' files start on a server."""

import contextlib
import os
import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import server_binaries
from certificates import Authority
from copies import MAKE_REPORTS, Copies, container, eventually, pod_variables, systemd, unit_variables, uvicorn

from incumbent import BackendSettings, BackendUnavailableError, open_backend, read_leader
from incumbent_etcd.testing import Etcd

os.environ.setdefault("INCUMBENT_ETCD_BIN", str(server_binaries.find("etcd")))

ROOT = Path(__file__).parents[2]
SCHEMES = {point.name for point in entry_points(group="incumbent.electors")}
SHIPPED = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "noxfile.py")),
    *(path for folder in ("core", "docs", "plugins") for path in (ROOT / folder).rglob("*.*")),
]
KINDS = {".md", ".py", ".service", ".toml", ".yaml", ".yml"}
URL = re.compile(r"(?<![\w+])([a-z][a-z+]*)://[^\s`'\"<>()|\\]*")
#: A part that may be left out, in a page's grammar of a URL; brackets around an IPv6 address are none.
OPTIONAL = re.compile(r"\[[^][]*[^][0-9a-fA-F:.][^][]*\]")
#: Where the files of the options are, in the examples.
FOLDERS = re.compile(r"(?<==)/etc/\w+")


def urls():
    """Return each URL of an elector that a shipped file has, and the files."""
    found = {}
    for path in SHIPPED:
        if path.suffix not in KINDS or "src" in path.parts:  # what messages name is tested where they are made
            continue
        for match in URL.finditer(path.read_text()):
            url = match[0].rstrip(".,;:")
            if match[1] in SCHEMES and "{" not in url:  # an f-string, which some other test runs
                found.setdefault(url, []).append(str(path.relative_to(ROOT)))
    return found


def plain(url):
    """Return *url* without what a grammar says may be left out, and with what a shell would put into it."""
    while (shorter := OPTIONAL.sub("", url)) != url:
        url = shorter
    return url.replace("$PWD", "/srv")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The folder with the files that the examples of supervisors name, and its authority."""
    folder = tmp_path_factory.mktemp("etc")
    authority = Authority(folder, "ca")
    authority.file.rename(folder / "ca.crt")
    (folder / "token").write_text("f81d4fae-7dec-11d0-a765-00a0c91e6bf6\n")
    (folder / "password").write_text("of-the-examples\n")
    (folder / "password").chmod(0o600)
    return folder, authority


def test_urls_of_the_supervisors_are_found():
    """The search for URLs sees those of the files that nobody imports, and the grammars."""
    found = urls()
    for variables in (unit_variables(), pod_variables("reports"), pod_variables("beat")):
        assert variables["INCUMBENT_ELECTOR"] in found
    assert sum("[" in url for url in found) >= 4


@pytest.mark.parametrize("url", sorted(urls()))
def test_shipped_url_is_taken(url, files, monkeypatch, tmp_path):
    """Every URL in what is shipped is taken by the parser and by its elector's reader of options."""
    folder, _ = files
    monkeypatch.setenv("HOME", str(tmp_path))
    open_backend(FOLDERS.sub(str(folder), plain(url)), BackendSettings(ttl=15.0, request_timeout=5.0)).close()


@pytest.fixture
def guarded(files, tmp_path, monkeypatch):
    """A server of etcd as the examples suppose it: encrypted, and with a user `reports` who may hold the elections."""
    folder, authority = files
    cert, key = authority.issue("server")
    made = Etcd(tmp_path / "etcd", arguments=["--cert-file", str(cert), "--key-file", str(key)], scheme="https")
    monkeypatch.setenv("ETCDCTL_CACERT", str(folder / "ca.crt"))
    made.start()
    made.ctl("role", "add", "candidate")
    made.ctl("role", "grant-permission", "--prefix=true", "candidate", "readwrite", "service/")
    made.ctl("user", "add", f"reports:{(folder / 'password').read_text().strip()}")
    made.ctl("user", "grant-role", "reports", "candidate")
    made.enable_users("of-root")
    monkeypatch.delenv("ETCDCTL_CACERT")
    yield made
    made.stop()


def test_supervisors_files_start(guarded, files, tmp_path):
    """The unit's command and those of both Deployments, with the variables that they set, lead on a server."""
    folder, _ = files

    def here(variables):
        """Return *variables* with this server instead of those of the example, and this folder instead of its."""
        return {
            name: FOLDERS.sub(str(folder), re.sub(r"(?<=@)[^?]+", f"127.0.0.1:{guarded.port}", value))
            for name, value in variables.items()
        }

    (tmp_path / "make-reports").write_text(MAKE_REPORTS)
    (tmp_path / "make-reports").chmod(0o755)
    copies = Copies(tmp_path)
    copies.environment |= {"BROKER_URL": "memory://"}

    def start(variables, *command):
        copies.environment |= here(variables)
        return copies.start(*command)

    try:
        wrapper = start(unit_variables(), *systemd(copies, 0))
        server = start(pod_variables("reports"), *uvicorn(copies, 0))
        beat = start(pod_variables("beat"), *container("beat")[1]["command"])
        first, token = copies.newer(0)
        both = {wrapper.pid: wrapper, server.pid: server}
        copies.end(both.pop(first))
        successor, _ = copies.newer(token)
        assert [successor] == list(both)
        leader = eventually(lambda: leader_of(copies.environment["INCUMBENT_ELECTOR"], "service/beat"))
        assert leader.split(":")[1] == str(beat.pid)
        assert beat.poll() is None
    finally:
        copies.close()


def leader_of(url, name):
    """Return who leads, or None if nobody does, or no answer comes."""
    with contextlib.suppress(BackendUnavailableError):
        return read_leader(url, name).candidate
